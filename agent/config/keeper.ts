import { createHash } from 'node:crypto';
import {
  asBeffroiError,
  asError,
  type BeffroiError,
  InternalError,
  OrderRefusedError,
} from '../base/errors.ts';
import type { Service } from '../base/lifecycle.ts';
import { limited } from '../base/limit.ts';
import type { Log } from '../base/log.ts';
import { MAX_DOWN_BYTES } from '../contract/envelope.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { ConfigSlot, Store } from '../store/store.ts';
import type { SealKey } from '../trust/keys.ts';
import type { Refusals } from '../trust/refusals.ts';
import { requireRisingVersion } from '../trust/replay.ts';
import type { PartnersConsent } from './consent/partners-consent.ts';
import { type Difference, describeDifference, differenceOf } from './difference.ts';
import { type BadOrder, ConfigurationJudge, type GoodOrder, type JudgeNeeds, signerOf } from './judge.ts';
import { ConfigurationRefusedError, emptyConfiguration, openConfiguration } from './open.ts';
import type { OpenedConfiguration } from './opened.ts';
import { ConfigurationReports, type ConfigurationStatus, type Subject } from './reports.ts';
import { TimeFloor } from './time-floor.ts';
import { Trial } from './trial.ts';

/** What works by the configuration; the agent fits it. */
export interface ConfigurationConsumer {
  /**
   * Takes over the new configuration; what stands in no list of the difference goes on undisturbed.
   * When it throws or does not end in time it is called again with the configuration before.
   */
  apply(next: OpenedConfiguration, difference: Difference, signal: AbortSignal): Promise<void>;
}

export interface KeeperNeeds extends JudgeNeeds {
  readonly sealKey: SealKey;
  readonly log: Log;
  readonly reporter: Pick<Reporter, 'state'>;
  readonly store: Pick<Store, 'slots' | 'register' | 'memory' | 'transaction'>;
  readonly refusals: Pick<Refusals, 'refuse' | 'countAgain'>;
  readonly consumer: ConfigurationConsumer;
  readonly consent: Pick<PartnersConsent, 'check' | 'learn'>;
}

/** How long a configuration may take to apply. Source: guess. */
const APPLY_TIMEOUT_MS = 30_000;
/** In force for this long, a configuration is no longer held responsible for a crash. Source: guess. */
const PROBATION_MS = 60_000;
/** How often it is kept that time has passed. Source: guess; a durable write each. */
const NOTE_TIME_MS = 10 * 60_000;

/**
 * Keeps the central configuration: takes signed orders, applies what differs, rolls back what fails, and brings the
 * last good one into force at the start.
 *
 * A version is spent when its order was accepted whole: signature, schema and every sealed login hold. An order that
 * is refused spends no version, so that the same number can be signed again, corrected. One that was accepted and
 * then failed to apply, or ended the agent twice, has spent its version.
 */
export class ConfigurationKeeper implements Service {
  readonly name = 'configuration keeper';
  readonly #needs: KeeperNeeds;
  readonly #judge: ConfigurationJudge;
  readonly #floor: TimeFloor;
  readonly #trial: Trial;
  readonly #reports: ConfigurationReports;
  readonly #stopping = new AbortController();
  #inForce: OpenedConfiguration | undefined;
  /** The highest version that waits while another is being applied. */
  #waiting: GoodOrder | undefined;
  #work: Promise<void> | undefined;
  #noting: Promise<void> | undefined;
  /** What was refused last, byte for byte: a retained order comes again at each reconnect and is told once. */
  #lastRefused = '';
  /** Payload hash of the last order that held and whose content was refused, or that was given up: never taken. */
  #unacceptable: string;
  #probation = new AbortController();

  constructor(needs: KeeperNeeds) {
    this.#needs = needs;
    this.#floor = new TimeFloor(needs.store.memory);
    this.#trial = new Trial(needs.store);
    this.#unacceptable = this.#trial.givenUp;
    this.#judge = new ConfigurationJudge(needs, this.#floor);
    this.#reports = new ConfigurationReports({ reporter: needs.reporter, register: needs.store.register });
  }

  get status(): ConfigurationStatus {
    return this.#reports.status;
  }

  /** Brings the last good configuration into force, also without a network. Without one, nothing is in force. */
  async start(): Promise<void> {
    this.#noting = this.#noteTime(this.#stopping.signal);
    this.#work = this.#begin().then(() => this.#drain());
    await this.#work;
  }

  /** Leaves what is being applied: the next start brings it into force. */
  async stop(): Promise<void> {
    this.#waiting = undefined;
    this.#probation.abort();
    this.#stopping.abort(new InternalError('internal', 'the agent stops'));
    await Promise.all([this.#work, this.#noting]);
    this.#trial.interrupted();
  }

  /** The process ends by an error that nobody caught: the configuration that it came with is held responsible. */
  crashed(): void {
    this.#trial.crashed();
  }

  /**
   * Takes one message of the configuration topic. Resolves when everything that was taken so far is applied or
   * refused; never rejects.
   */
  async receive(payload: Buffer): Promise<void> {
    if (this.#stopping.signal.aborted || payload.length === 0) return;
    const order = this.#judge.fresh(payload);
    if ('error' in order) this.#refuse(payload, order);
    else this.#queue(order);
    await this.#work;
  }

  /** A message on the configuration topic was above what the uplink takes, and was thrown away. */
  refuseOversize(bytes: number): void {
    const message = `expected at most ${MAX_DOWN_BYTES} bytes, came ${bytes}`;
    this.#refuse(message, { error: new OrderRefusedError('order-too-large', message) });
  }

  async #noteTime(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#needs.clock.sleep(NOTE_TIME_MS, signal).catch(() => undefined);
      try {
        this.#judge.noteTime();
      } catch (err) {
        this.#needs.log.error({ err }, 'that time has passed could not be kept');
      }
    }
  }

  /** One waits at most: of two that are good, the one with the higher version. */
  #queue(order: GoodOrder): void {
    const waiting = this.#waiting;
    if (waiting && waiting.claims.version > order.claims.version) return;
    this.#waiting = order;
    this.#work ??= this.#drain();
  }

  async #drain(): Promise<void> {
    for (let order = this.#waiting; order; order = this.#waiting) {
      this.#waiting = undefined;
      await this.#take(order).catch((err: unknown) => this.#needs.log.error({ err }, 'configuration lost'));
    }
    this.#work = undefined;
  }

  async #take(order: GoodOrder): Promise<void> {
    if (order.payloadHash === this.#inForce?.hash) return;
    if (order.payloadHash === this.#unacceptable) {
      this.#needs.refusals.countAgain();
      return;
    }
    const opened = await this.#accept(order, this.#needs.store.slots.lastGood());
    if (!opened) return;
    this.#trial.begin(slotOf(order));
    this.#floor.raise(order.claims.iat * 1000);
    await this.#bringIntoForce(opened, subjectOf(order));
  }

  /** @returns undefined when the order is refused, which is told */
  async #accept(order: GoodOrder, before: ConfigSlot | undefined): Promise<OpenedConfiguration | undefined> {
    try {
      this.#checkVersion(order, before);
      this.#reports.received(subjectOf(order), this.#appliedVersion);
      const opened = await openConfiguration(order, this.#needs.sealKey);
      await this.#needs.consent.check(opened, this.#floor);
      return opened;
    } catch (thrown) {
      const error = asBeffroiError(thrown);
      this.#unacceptable = order.payloadHash;
      if (error instanceof ConfigurationRefusedError) {
        this.#reports.failed(subjectOf(order), this.#appliedVersion, error);
      }
      this.#refuse(order.jws, { error, version: order.claims.version, signer: signerOf(order) });
      return undefined;
    }
  }

  /**
   * The last good one is taken again when it is not in force, since it was spent by itself. A box whose disk lost it
   * knows only its number, and takes that number again: otherwise it would stay without a configuration.
   */
  #checkVersion({ claims, payloadHash }: GoodOrder, before: ConfigSlot | undefined): void {
    if (payloadHash === before?.hash) return;
    if (!before && claims.version === this.#needs.store.slots.highestVersion()) return;
    requireRisingVersion(claims.version, this.#needs.store.slots.highestVersion());
  }

  async #begin(): Promise<void> {
    const { slot, givenUp } = this.#trial.judge();
    if (slot) await this.#restore(slot);
    else this.#reports.none();
    if (!givenUp) return;
    this.#unacceptable = givenUp.hash;
    const error = crash(givenUp.version, this.#appliedVersion);
    this.#needs.log.error({ err: error, version: givenUp.version }, 'configuration given up');
    this.#reports.failed(byBox(givenUp), this.#appliedVersion, error);
  }

  async #restore(slot: ConfigSlot): Promise<void> {
    const subject = byBox(slot);
    const order = this.#judge.stored(slot.jws);
    try {
      if ('error' in order) throw order.error;
      const opened = await openConfiguration(order, this.#needs.sealKey);
      await this.#bringIntoForce(opened, subject);
    } catch (thrown) {
      const error = asBeffroiError(thrown);
      this.#needs.log.error(
        { err: error, version: slot.version },
        'the last good configuration does not hold',
      );
      this.#reports.failed(subject, 0, error);
    }
  }

  async #bringIntoForce(next: OpenedConfiguration, subject: Subject): Promise<void> {
    this.#probation.abort();
    const difference = differenceOf(this.#inForce, next);
    this.#reports.applying(subject, this.#appliedVersion);
    try {
      await this.#apply(next, difference);
      this.#inForce = next;
      this.#needs.consent.learn(next);
      this.#needs.log.info(
        { version: next.version, changes: describeDifference(difference) },
        'configuration applied',
      );
      this.#trial.applied();
      this.#reports.applied(subject, describeDifference(difference));
      void this.#prove();
    } catch (thrown) {
      if (this.#stopping.signal.aborted) return;
      this.#trial.failed();
      this.#unacceptable = this.#trial.givenUp || this.#unacceptable;
      const error = await this.#rollBack(next, asBeffroiError(thrown));
      this.#needs.log.error({ err: error, version: next.version }, 'configuration not applied');
      this.#reports.failed(subject, this.#appliedVersion, error);
    }
  }

  /** What stays in force for a while is good. */
  async #prove(): Promise<void> {
    this.#probation = new AbortController();
    const { signal } = this.#probation;
    await this.#needs.clock.sleep(PROBATION_MS, signal).catch(() => undefined);
    if (!signal.aborted) this.#trial.passed();
  }

  /** @returns why the configuration failed, with the failure of going back when that failed as well */
  async #rollBack(failed: OpenedConfiguration, why: BeffroiError): Promise<BeffroiError> {
    const before = this.#inForce ?? emptyConfiguration();
    try {
      await this.#apply(before, differenceOf(failed, before));
      return why;
    } catch (thrown) {
      const message = `${why.message}; going back to version ${before.version} failed too: ${asError(thrown).message}`;
      return new InternalError('internal', message, { cause: why });
    }
  }

  async #apply(next: OpenedConfiguration, difference: Difference): Promise<void> {
    const late = () =>
      new InternalError('internal', `version ${next.version} did not apply within ${APPLY_TIMEOUT_MS} ms`);
    const { clock, consumer } = this.#needs;
    await limited(clock, APPLY_TIMEOUT_MS, this.#stopping.signal, late, (signal) =>
      consumer.apply(next, difference, signal),
    );
  }

  get #appliedVersion(): number {
    return this.#inForce?.version ?? 0;
  }

  #refuse(jws: Buffer | string, { error, version, signer }: BadOrder): void {
    const print = fingerprint(jws);
    if (print === this.#lastRefused) {
      this.#needs.refusals.countAgain();
      return;
    }
    this.#lastRefused = print;
    this.#needs.refusals.refuse({
      order: 'configuration',
      orderId: version === undefined ? '' : String(version),
      signer: signer ?? 'unknown',
      error,
    });
  }
}

function byBox({ version, hash }: ConfigSlot): Subject {
  return { version, hash, who: 'box' };
}

function crash(version: number, appliedVersion: number): InternalError {
  const message = `version ${version} ended the agent each time it was brought into force; version ${appliedVersion} is in force`;
  return new InternalError('config-crash', message);
}

function subjectOf(order: GoodOrder): Subject {
  return { version: order.claims.version, hash: order.payloadHash, who: signerOf(order) };
}

function fingerprint(jws: Buffer | string): string {
  return createHash('sha256').update(jws).digest('hex');
}

function slotOf(order: GoodOrder): ConfigSlot {
  return { version: order.claims.version, hash: order.payloadHash, jws: order.jws };
}
