import type { Clock } from '../base/clock.ts';
import { asBeffroiError, DeviceError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { RepeatedFault } from '../base/repeated.ts';
import { type Backoff, type RetryPolicy, retryLoop } from '../base/retry.ts';
import type { OnvifEvent } from '../camera/onvif/notification.ts';
import type { CameraEvents } from './ports.ts';

export interface SourceNeeds {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** The events of a camera; undefined when it has none. */
  readonly events: (camera: string) => CameraEvents | undefined;
}

export interface SourceHandlers {
  /** @throws to have the subscription made anew, because the event could not be kept */
  readonly onEvent: (event: OnvifEvent) => void;
  /** The camera can no longer be heard; called after each lost or failed subscription. */
  readonly onLost: () => void;
}

/** After a plain loss of the network. Source: guess. */
const AFTER_LOSS: Backoff = { firstMs: 2_000, factor: 1.7, capMs: 30_000, jitter: 0.5 };
/** After the camera said no: 40 to 60 s, in which cameras forget subscriptions of before. Source: guess. */
const AFTER_REFUSAL: Backoff = { firstMs: 60_000, factor: 1, capMs: 60_000, jitter: 1 / 3 };
const STABLE_MS = 30_000;

/** Keeps one subscription to the events of one camera. */
export class Source {
  readonly #needs: SourceNeeds;
  readonly #camera: string;
  readonly #handlers: SourceHandlers;
  readonly #abort = new AbortController();
  readonly #fault: RepeatedFault;
  #refused = false;
  #running: Promise<void> = Promise.resolve();

  constructor(needs: SourceNeeds, camera: string, handlers: SourceHandlers) {
    this.#needs = needs;
    this.#camera = camera;
    this.#handlers = handlers;
    this.#fault = new RepeatedFault(needs.clock);
  }

  start(): void {
    const { clock, random } = this.#needs;
    const needs = {
      clock,
      random,
      onFailure: (error: unknown, delayMs: number) => this.#log(error, delayMs),
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

  /** The curve depends on who ended the last run. */
  #policy(): RetryPolicy {
    const curve = () => (this.#refused ? AFTER_REFUSAL : AFTER_LOSS);
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
    let subscribed = false;
    const onSubscribed = () => {
      subscribed = true;
      up();
      this.#recovered();
    };
    try {
      await this.#subscription(onSubscribed, signal);
    } catch (thrown) {
      this.#refused = !subscribed && !isLoss(thrown);
      throw thrown;
    } finally {
      this.#handlers.onLost();
    }
  }

  /** What `onEvent` throws ends the run, and the next one tells the state again. */
  async #subscription(subscribed: () => void, signal: AbortSignal): Promise<void> {
    const events = this.#needs.events(this.#camera);
    if (!events) throw new DeviceError('camera-unsupported', `${this.#camera} has no events`);
    await events.events({ subscribed, event: this.#handlers.onEvent }, signal);
  }

  #recovered(): void {
    this.#refused = false;
    const failures = this.#fault.recovered();
    this.#needs.log.info({ camera: this.#camera, failures }, 'events of the camera subscribed');
  }

  #log(error: unknown, delayMs: number): void {
    const known = error === undefined ? undefined : asBeffroiError(error);
    const told = this.#fault.happened(known?.code ?? 'ended');
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
