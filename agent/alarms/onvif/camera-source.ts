import type { Clock } from '../../base/clock.ts';
import { asBeffroiError, DeviceError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { RepeatedFault } from '../../base/repeated.ts';
import { type Backoff, type RetryPolicy, retryLoop } from '../../base/retry.ts';
import type { OnvifEvent } from '../../camera/onvif/notification.ts';
import type { CameraEvents, CameraPoint } from '../ports.ts';
import type { AlarmSource, SourceListener } from '../source.ts';
import { conditionOf } from './condition.ts';
import { EVENT_KINDS } from './topics.ts';

export interface CameraSourceNeeds {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** The events of a camera; undefined when it has none. */
  readonly events: (camera: string) => CameraEvents | undefined;
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

/** Keeps one subscription to the events of one camera. After a loss the camera repeats its states by itself. */
export class CameraSource implements AlarmSource {
  readonly #needs: CameraSourceNeeds;
  readonly #camera: string;
  readonly #points: readonly CameraPoint[];
  readonly #listener: SourceListener;
  readonly #abort = new AbortController();
  readonly #fault: RepeatedFault;
  /** Refusals in a row, without a subscription in between that held. */
  #refusals = 0;
  #running: Promise<void> = Promise.resolve();

  constructor(needs: CameraSourceNeeds, { camera, points }: CameraSourceOptions, listener: SourceListener) {
    this.#needs = needs;
    this.#camera = camera;
    this.#points = points;
    this.#listener = listener;
    this.#fault = new RepeatedFault(needs.clock);
  }

  start(): void {
    const { clock, random } = this.#needs;
    const needs = {
      clock,
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
    const onSubscribed = () => {
      upAtMs = clock.monotonicMs();
      up();
      this.#recovered();
    };
    try {
      await this.#subscription(onSubscribed, signal);
    } catch (thrown) {
      const held = upAtMs !== undefined && clock.monotonicMs() - upAtMs >= STABLE_MS;
      this.#refusals = isLoss(thrown) ? 0 : held ? 1 : this.#refusals + 1;
      throw thrown;
    } finally {
      this.#listener.lost();
    }
  }

  /** An event that could not be kept ends the run, and the next one tells the state again. */
  async #subscription(subscribed: () => void, signal: AbortSignal): Promise<void> {
    const events = this.#needs.events(this.#camera);
    if (!events) throw new DeviceError('camera-unsupported', `${this.#camera} has no events`);
    await events.events({ subscribed, event: (event) => this.#take(event) }, signal);
  }

  #take(event: OnvifEvent): void {
    for (const point of this.#points) {
      const condition = conditionOf(point, event);
      if (!condition) continue;
      const { text, ...state } = condition;
      const details = text === undefined ? {} : { text };
      this.#listener.observed(point.id, { ...state, sourceMs: event.utcTimeMs, details });
    }
  }

  /** What only ever happens is at rest until it happens, and the camera does not repeat it. */
  #atRest(): void {
    const happenings = this.#points.filter(({ kind }) => EVENT_KINDS[kind].happening);
    this.#listener.confirmed(happenings.map(({ id }) => id));
    for (const { id } of happenings) this.#listener.observed(id, { key: NOTHING, active: false });
  }

  #recovered(): void {
    this.#listener.works();
    this.#atRest();
    const failures = this.#fault.recovered();
    this.#needs.log.info({ camera: this.#camera, failures }, 'events of the camera subscribed');
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
    'camera-closed',
    'camera-connection-limit',
    'camera-protocol',
    'internal',
  ].includes(code);
}
