import type { Clock } from '../../base/clock.ts';
import { asBeffroiError, type BeffroiError, DeviceError, PeerProtocolError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { RepeatedFault } from '../../base/repeated.ts';
import { quoted } from '../../base/text.ts';
import type { Reporter } from '../../contract/reporter.ts';
import { faultFields } from '../../contract/side.ts';
import { fieldsOfSia } from '../codes.ts';
import type { ConnectedObject, ObjectPoint, ObjectSilencePoint, ObjectValuePoint } from '../ports.ts';
import type { SourceListener } from '../source.ts';
import { Pace } from './pace.ts';
import { QuietTime } from './quiet-time.ts';
import { pointerSteps, type Reading, readMessage, Unreadable } from './reading.ts';
import { breaks, detailsOfRule } from './rule.ts';
import { Surplus } from './surplus.ts';

export interface WatchedObjectNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly reporter: Reporter;
  readonly listener: SourceListener;
}

interface Message {
  readonly payload: Buffer;
  readonly retained: boolean;
}

/** What could not be kept is tried again after this. Source: guess. */
const AGAIN_MS = 1_000;

/**
 * One connected object: its last value, what its points make of it, and for how long it said nothing. A retained message
 * tells the state, but is no sign of life and no measure: nobody knows how old it is. The same value again is no news.
 * Of what comes faster than it is judged, the last message counts, and before it each breach of a rule.
 */
export class WatchedObject {
  readonly #needs: WatchedObjectNeeds;
  readonly #object: ConnectedObject;
  readonly #steps: readonly string[] | undefined;
  readonly #values: readonly ObjectValuePoint[];
  readonly #silences: readonly ObjectSilencePoint[];
  readonly #pace: Pace;
  readonly #quiet: QuietTime;
  readonly #signal: AbortSignal;
  readonly #fault: RepeatedFault;
  /** The last message that waits to be judged. */
  #waiting: Message | undefined;
  readonly #surplus: Surplus;
  #wrong: BeffroiError | undefined;
  #isRefused = false;
  #wasFound = false;
  #isSilent = false;
  #measuredAtMs: number | undefined;
  #unmeasured: number | undefined;

  constructor(
    needs: WatchedObjectNeeds,
    object: ConnectedObject,
    points: readonly ObjectPoint[],
    signal: AbortSignal,
  ) {
    this.#needs = needs;
    this.#object = object;
    this.#signal = signal;
    this.#steps = object.pointer === undefined ? undefined : pointerSteps(object.pointer);
    this.#values = points.filter((point) => point.kind !== 'object-silence');
    this.#silences = points.filter((point) => point.kind === 'object-silence');
    this.#pace = new Pace(needs.clock, object.maxPerS);
    this.#quiet = new QuietTime(needs.clock);
    this.#fault = new RepeatedFault(needs.clock);
    this.#surplus = new Surplus(needs.clock);
  }

  /** What is wrong with the object although its broker is heard. */
  get trouble(): BeffroiError | undefined {
    if (this.#isRefused)
      return new DeviceError('object-topic-refused', `${this.#place}: the broker refuses the subscription`);
    return this.#wrong ?? (this.#surplus.lasts ? this.#flood() : undefined);
  }

  /** Whether so much comes that others on the same connection may suffer from it. */
  get floods(): boolean {
    return this.#surplus.isFlood;
  }

  /** @param refused whether the broker refused the topic */
  listening(refused: boolean): void {
    this.#isRefused = refused;
    this.#quiet.listen();
  }

  /** The broker is away. What was wrong with the object shows again if it still is. */
  lost(): void {
    this.#isRefused = false;
    this.#wrong = undefined;
    this.#surplus.end();
    this.#quiet.pause();
  }

  /** @returns whether the value was judged at once */
  arrived(payload: Buffer, retained: boolean): boolean {
    // An empty message is how a retained one is taken back: it holds no value.
    if (payload.length === 0) return false;
    if (this.#waiting === undefined && this.#pace.take()) {
      this.#judge({ payload, retained });
      return true;
    }
    if (this.#waiting) this.#passOver(this.#waiting.payload);
    else void this.#judgeLater();
    // The buffer is part of a larger one, which must not be kept.
    this.#waiting = { payload: Buffer.from(payload), retained };
    return false;
  }

  /** Takes a message that may have arrived already, as the last one: it is counted with that, or not at all. */
  newest(payload: Buffer): void {
    if (!this.#waiting || payload.length === 0) {
      this.arrived(payload, false);
      return;
    }
    this.overtaken(this.#waiting.payload);
    this.#waiting = { payload, retained: false };
  }

  /** Another message takes the place of this one: it is not judged, but no breach in it is lost. */
  #passOver(payload: Buffer): void {
    this.#surplus.count();
    this.overtaken(payload);
  }

  /** The same of a message that arrived already or will, and is counted with that. */
  overtaken(payload: Buffer): void {
    const reading = readMessage(payload, this.#steps);
    if (!reading || reading instanceof Unreadable) return;
    for (const point of this.#values)
      if (breaks(point, reading, this.#needs.listener.isActive(point.id)))
        this.#surplus.keep({ point, reading });
  }

  tooLarge(bytes: number): void {
    this.#goesWrong(
      new PeerProtocolError(
        'object-too-large',
        `${this.#place}: a message of ${bytes} bytes was thrown away`,
      ),
    );
  }

  /** What time alone brings about. */
  tick(): void {
    if (this.#quiet.isListening && this.#quiet.ms >= this.#object.silentAfterS * 1000) this.#silent();
    this.#measure();
    this.#tellSurplus();
  }

  get #place(): string {
    return `${this.#object.id} on ${quoted(this.#object.topic)}`;
  }

  #tellBreaches(): void {
    for (const breach of this.#surplus.breaches) {
      this.#observe(breach.point, breach.reading, true);
      this.#surplus.breachTold(breach);
    }
  }

  #tellSurplus(): void {
    const count = this.#surplus.due;
    if (count === 0) return;
    const { code, message } = this.#flood();
    const detail = `${message}; ${count} were passed over, and only breaches and the last value of each burst were judged`;
    this.#needs.log.warn({ object: this.#object.id, count }, 'messages of an object were passed over');
    this.#needs.reporter.event('fault', 'collector', { ...faultFields(code), detail });
    this.#surplus.countTold();
  }

  async #judgeLater(leastMs = 0): Promise<void> {
    const { clock } = this.#needs;
    if (this.#signal.aborted) return;
    // Ended early by the end of the source: what waits is judged then, and not again.
    await clock.sleep(Math.max(leastMs, this.#pace.waitMs), this.#signal).catch(() => undefined);
    const message = this.#waiting;
    this.#waiting = undefined;
    this.#pace.take();
    if (message) this.#judge(message);
  }

  /** What the store refuses is judged again, unless a newer message has come. */
  #judge(message: Message): void {
    try {
      this.#take(message);
    } catch (thrown) {
      const error = asBeffroiError(thrown);
      this.#needs.log.error({ object: this.#object.id, err: error }, 'value of an object could not be kept');
      this.#waiting ??= { ...message, payload: Buffer.from(message.payload) };
      void this.#judgeLater(AGAIN_MS);
    }
  }

  #take({ payload, retained }: Message): void {
    this.#tellBreaches();
    const reading = this.#read(payload);
    if (!reading) return;
    this.#wasFound = true;
    this.#compareAll(reading);
    if (retained) return;
    this.#heard();
    this.#unmeasured = reading.number;
    this.#measure();
  }

  /** Messages that speak of other values of the device are passed over, once this one was there. */
  #read(payload: Buffer): Reading | undefined {
    const reading = readMessage(payload, this.#steps);
    if (reading instanceof Unreadable) this.#goesWrong(this.#unreadable(reading.message));
    else if (!reading && !this.#wasFound) this.#goesWrong(this.#withoutValue(payload));
    return reading instanceof Unreadable ? undefined : reading;
  }

  #compareAll(reading: Reading): void {
    const unfit = this.#values.filter((point) => !this.#compare(point, reading));
    if (unfit.length > 0) {
      this.#goesWrong(this.#noNumber(reading), unfit);
      return;
    }
    this.#wrong = undefined;
    this.#fault.recovered();
  }

  /** @returns false when the rule needs a number and there is none */
  #compare(point: ObjectValuePoint, reading: Reading): boolean {
    const active = breaks(point, reading, this.#needs.listener.isActive(point.id));
    if (active === undefined) return false;
    this.#observe(point, reading, active);
    return true;
  }

  #observe(point: ObjectValuePoint, reading: Reading, active: boolean): void {
    const details = { ...detailsOfRule(point, active), ...this.#said(reading) };
    this.#needs.listener.observed(point.id, { key: 'value', active, details });
  }

  /** Texts come from outside and stay here; numbers are told. */
  #said({ number }: Reading): { text?: string } {
    const { unit } = this.#object;
    return number === undefined ? {} : { text: unit ? `${number} ${unit}` : String(number) };
  }

  #heard(): void {
    this.#quiet.heard();
    this.#isSilent = false;
    for (const { id } of this.#silences)
      this.#needs.listener.observed(id, { key: 'silence', active: false, details: fieldsOfSia('YK') });
  }

  #silent(): void {
    const { listener } = this.#needs;
    if (!this.#isSilent) listener.lost(this.#values.map(({ id }) => id));
    this.#isSilent = true;
    const cause = this.trouble?.code ?? 'object-silent';
    for (const { id } of this.#silences)
      listener.observed(id, { key: 'silence', active: true, details: { ...fieldsOfSia('YC'), cause } });
  }

  #measure(): void {
    const { id, name, unit, measureEveryS } = this.#object;
    const value = this.#unmeasured;
    const nowMs = this.#needs.clock.monotonicMs();
    const lastMs = this.#measuredAtMs;
    if (value === undefined || (lastMs !== undefined && nowMs - lastMs < measureEveryS * 1000)) return;
    this.#measuredAtMs = nowMs;
    this.#unmeasured = undefined;
    this.#needs.reporter.measure('object', id, { object: id, name, value, ...(unit ? { unit } : {}) });
  }

  /** The value is not known any more: what came last cannot be read. */
  #goesWrong(error: BeffroiError, points = this.#values): void {
    this.#wrong = error;
    this.#needs.listener.lost(points.map(({ id }) => id));
    const told = this.#fault.happened(error.code);
    if (told)
      this.#needs.log.warn(
        { object: this.#object.id, err: error, count: told.count },
        'object cannot be read',
      );
  }

  #unreadable(what: string): PeerProtocolError {
    return new PeerProtocolError('object-unreadable', `${this.#place}: ${what}`);
  }

  #withoutValue(payload: Buffer): PeerProtocolError {
    const { pointer = '' } = this.#object;
    return this.#unreadable(
      `expected a value at ${quoted(pointer)}, came ${quoted(payload.toString('utf8'))}`,
    );
  }

  #noNumber({ text }: Reading): PeerProtocolError {
    return this.#unreadable(`expected a number, came ${quoted(text)}`);
  }

  #flood(): DeviceError {
    const { maxPerS } = this.#object;
    return new DeviceError('object-flood', `${this.#place}: expected at most ${maxPerS} messages per second`);
  }
}
