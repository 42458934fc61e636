import type { Clock } from '../../base/clock.ts';
import { asBeffroiError, DeviceError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { RepeatedFault } from '../../base/repeated.ts';
import { type Backoff, type RetryPolicy, retryLoop } from '../../base/retry.ts';
import type { OnvifEvent } from '../../camera/onvif/notification.ts';
import type { CameraEvents, CameraPoint, CameraTrack } from '../ports.ts';
import type { AlarmSource, SourceListener } from '../source.ts';
import { conditionOf } from './condition.ts';
import { NeededTopics } from './needed-topics.ts';
import { InputPolarity } from './polarity.ts';
import { EVENT_KINDS } from './topics.ts';
import { TrackWatch } from './track-watch.ts';

export interface CameraSourceNeeds {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** The events of a camera; undefined when it has none. */
  readonly events: (camera: string) => CameraEvents | undefined;
  /** The metadata track of its stream. */
  readonly track: (camera: string) => CameraTrack;
}

export interface CameraSourceOptions {
  readonly camera: string;
  readonly points: readonly CameraPoint[];
}

/** After a plain loss of the network. Source: guess. */
const AFTER_LOSS: Backoff = { firstMs: 2_000, factor: 1.7, capMs: 30_000, jitter: 0.5 };
/** After the camera said no: 40 to 60 s, in which cameras forget subscriptions of before, then longer. Source: guess. */
const AFTER_REFUSAL: Backoff = { firstMs: 60_000, factor: 2, capMs: 600_000, jitter: 1 / 3 };
const STABLE_MS = 30_000;

/** Key of no condition. */
const NOTHING = '';
/** Of what is no digital input. */
const NO_POLARITY = { inverted: false };

/**
 * Hears the events of one camera: by the metadata track of the stream that is pulled, where it tells every state, else by
 * one subscription. After a loss the camera repeats its states by itself.
 */
export class CameraSource implements AlarmSource {
  readonly #needs: CameraSourceNeeds;
  readonly #camera: string;
  readonly #points: readonly CameraPoint[];
  readonly #listener: SourceListener;
  readonly #abort = new AbortController();
  readonly #fault: RepeatedFault;
  readonly #track: TrackWatch;
  readonly #polarity: InputPolarity;
  readonly #needed: NeededTopics;
  /** A subscription tells the events: what the track tells beside it is not taken. */
  #subscribed = false;
  /** Refusals in a row, without a subscription in between that held. */
  #refusals = 0;
  #running: Promise<void> = Promise.resolve();

  constructor(needs: CameraSourceNeeds, { camera, points }: CameraSourceOptions, listener: SourceListener) {
    this.#needs = needs;
    this.#camera = camera;
    this.#points = points;
    this.#listener = listener;
    this.#fault = new RepeatedFault(needs.clock);
    this.#polarity = new InputPolarity(points);
    this.#needed = new NeededTopics(points);
    const heard = (event: OnvifEvent) => {
      if (!this.#subscribed) this.#take(event);
    };
    const { clock } = needs;
    const track = needs.track(camera);
    this.#track = new TrackWatch({ clock, camera, points, needed: this.#needed, track, heard });
  }

  start(): void {
    this.#track.start();
    const { clock, random } = this.#needs;
    const needs = {
      // A track that tells everything meanwhile ends the wait for the next try.
      clock: {
        wallMs: () => clock.wallMs(),
        monotonicMs: () => clock.monotonicMs(),
        sleep: (ms: number, signal = this.#abort.signal) => this.#track.pause(ms, signal),
      },
      random,
      onFailure: (error: unknown, delayMs: number) => this.#failed(error, delayMs),
    };
    this.#running = retryLoop(
      needs,
      this.#policy(),
      (up, signal) => this.#runOnce(up, signal),
      this.#abort.signal,
    );
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
    this.#track.stop();
  }

  /** The curve depends on who ended the last run; refusals are counted by themselves. */
  #policy(): RetryPolicy {
    const refused = () => ({
      ...AFTER_REFUSAL,
      firstMs: AFTER_REFUSAL.firstMs * AFTER_REFUSAL.factor ** (this.#refusals - 1),
      factor: 1,
    });
    const curve = () => (this.#refusals > 0 ? refused() : AFTER_LOSS);
    return {
      get neverUp() {
        return curve();
      },
      get wasUp() {
        return curve();
      },
      stableMs: STABLE_MS,
    };
  }

  async #runOnce(up: () => void, signal: AbortSignal): Promise<void> {
    const { clock } = this.#needs;
    let upAtMs: number | undefined;
    const heard = (how: string) => {
      upAtMs ??= clock.monotonicMs();
      up();
      this.#recovered(how);
    };
    try {
      await this.#polarity.learn(this.#needs.events(this.#camera), signal);
      if (this.#track.isExpected) await this.#needed.learn(this.#needs.events(this.#camera), signal);
      if (await this.#trackSuffices(signal)) await this.#onTrack(heard, signal);
      else if (!signal.aborted) await this.#subscription(heard, signal);
    } catch (thrown) {
      const held = upAtMs !== undefined && clock.monotonicMs() - upAtMs >= STABLE_MS;
      this.#refusals = isLoss(thrown) ? 0 : held ? 1 : this.#refusals + 1;
      throw thrown;
    } finally {
      this.#subscribed = false;
      this.#listener.lost();
    }
  }

  /** A subscription of before is gone on with at once; a track that has not told every state is asked for them. */
  async #trackSuffices(signal: AbortSignal): Promise<boolean> {
    const events = this.#needs.events(this.#camera);
    if (events?.resumes) return this.#track.suffices;
    const done = new AbortController();
    const asking = this.#track.began(AbortSignal.any([signal, done.signal])).then(async (inner) => {
      if (!inner.aborted) await events?.synchronizeStream(inner);
    });
    asking.catch((err: unknown) => {
      this.#needs.log.debug({ camera: this.#camera, err }, 'states could not be asked for on the track');
    });
    return await this.#track.settle(signal).finally(() => done.abort());
  }

  async #onTrack(heard: (how: string) => void, signal: AbortSignal): Promise<void> {
    heard('events of the camera are read from its stream');
    for (const event of this.#track.standing()) this.#take(event);
    await this.#track.hold(signal);
  }

  /** An event that could not be kept ends the run, and the next one tells the state again. */
  async #subscription(heard: (how: string) => void, signal: AbortSignal): Promise<void> {
    const events = this.#needs.events(this.#camera);
    if (!events) throw new DeviceError('camera-unsupported', `${this.#camera} has no events`);
    const over = new AbortController();
    const ended = AbortSignal.any([signal, over.signal]);
    const subscribed = () => {
      this.#subscribed = true;
      heard('events of the camera subscribed');
      void this.#track.steady(ended).then(() => {
        this.#subscribed = false;
        over.abort();
      });
    };
    const event = (one: OnvifEvent) => {
      if (over.signal.aborted) return;
      this.#needed.told(one.topic);
      this.#take(one);
    };
    await events.events({ subscribed, event }, ended).finally(() => over.abort());
    if (signal.aborted || !this.#track.suffices) return;
    events.forgetSubscription();
    await this.#onTrack(heard, signal);
  }

  #take(event: OnvifEvent): void {
    for (const point of this.#points) {
      const polarity = point.kind === 'digital-input' ? this.#polarity.of(point, event) : NO_POLARITY;
      const condition = polarity && conditionOf({ ...point, inverted: polarity.inverted }, event);
      if (!condition) continue;
      const { text, ...state } = condition;
      const details = {
        ...(text === undefined ? {} : { text }),
        ...('polarity' in polarity ? { polarity: polarity.polarity } : {}),
      };
      this.#listener.observed(point.id, { ...state, sourceMs: event.utcTimeMs, details });
    }
  }

  /** What only ever happens is at rest until it happens, and the camera does not repeat it. */
  #atRest(): void {
    const happenings = this.#points.filter(({ kind }) => EVENT_KINDS[kind].happening);
    this.#listener.confirmed(happenings.map(({ id }) => id));
    for (const { id } of happenings) this.#listener.observed(id, { key: NOTHING, active: false });
  }

  #recovered(how: string): void {
    this.#atRest();
    this.#listener.works();
    const failures = this.#fault.recovered();
    this.#needs.log.info({ camera: this.#camera, failures }, how);
  }

  #failed(error: unknown, delayMs: number): void {
    const known =
      error === undefined
        ? new DeviceError('camera-closed', `${this.#camera}: the subscription ended`)
        : asBeffroiError(error);
    this.#listener.failed(known);
    const told = this.#fault.happened(known.code);
    if (!told) return;
    this.#needs.log.warn(
      { camera: this.#camera, err: known, count: told.count, delayMs },
      'events of the camera cannot be heard',
    );
  }
}

/** Nobody said no: the camera was away, silent or cut. */
function isLoss(thrown: unknown): boolean {
  const { code } = asBeffroiError(thrown);
  return [
    'camera-unreachable',
    'camera-port-closed',
    'camera-silent',
    'camera-slow',
    'camera-closed',
    'camera-connection-limit',
    'camera-metadata-lost',
    'camera-protocol',
    'internal',
  ].includes(code);
}
