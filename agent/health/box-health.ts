import type { Clock, ClockTrust } from '../base/clock.ts';
import type { Code } from '../base/codes.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Log } from '../base/log.ts';
import { Schedule } from '../base/schedule.ts';
import type { BoxHealthState, CameraState, Fields } from '../contract/messages.ts';
import type { Reporter } from '../contract/reporter.ts';
import { faultFields } from '../contract/side.ts';
import type { Store, StoreFault } from '../store/store.ts';
import { readVitals } from './vitals.ts';

/** How often the state of the box is put together. Source: guess. */
const LOOK_MS = 2_000;
/** The video process is restarted within this; only a longer absence is told as an event. Source: guess. */
const VIDEO_ABSENCE_MS = 10_000;

export interface BoxHealthNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly reporter: Reporter;
  readonly store: Store;
  readonly clockTrust: () => ClockTrust;
  /** How many cameras are in each state. */
  readonly cameras: () => Record<CameraState, number>;
  readonly videoRunning: () => boolean;
  /** What stands confirmed of the paths to the broker. */
  readonly backbone: () => BoxFault | undefined;
  /** Orders refused since the start of the agent. */
  readonly ordersRefused: () => number;
}

export interface BoxHealthOptions {
  /** A folder of the disk that vitals measure. */
  readonly stateFolder: string;
  /** Who is asked whether the clock is synchronised. */
  readonly clockSource: BoxHealthState['clock_source'];
}

interface BoxFault {
  readonly cause: Code | 'none';
  readonly detail: string;
}

const WELL: BoxFault = { cause: 'none', detail: '' };

/** The health of the box itself: what the rooms say of it, and its vitals. */
export class BoxHealth implements Service {
  readonly name = 'box health';
  readonly #needs: BoxHealthNeeds;
  readonly #options: BoxHealthOptions;
  readonly #abort = new AbortController();
  #schedule: Schedule | undefined;
  #expression = '';
  #fault: BoxFault = { cause: 'none', detail: 'not looked at yet' };
  #since = 0;
  #videoAbsentSinceMs: number | undefined;
  #videoTold = false;
  #looking: Promise<void> = Promise.resolve();

  constructor(needs: BoxHealthNeeds, options: BoxHealthOptions) {
    this.#needs = needs;
    this.#options = options;
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#abort.abort(), { once: true, signal: this.#abort.signal });
    // The store may be in the middle of a write when it tells of a fault.
    this.#needs.store.onFault((fault) => queueMicrotask(() => this.#onFault(fault)));
    this.#looking = this.#look(this.#abort.signal);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#schedule?.stop();
    await this.#looking;
  }

  /** Takes the vitals by this cron expression from now on. @throws InternalError when it is no cron expression */
  async schedule(expression: string): Promise<void> {
    if (expression === this.#expression) return;
    const next = new Schedule('vitals', expression, () => this.#vitals(), this.#needs.log);
    await next.start();
    await this.#schedule?.stop();
    this.#schedule = next;
    this.#expression = expression;
  }

  /** As reports keep it. */
  get fault(): BoxFault {
    return this.#fault;
  }

  async #vitals(): Promise<void> {
    const vitals = await readVitals(this.#options.stateFolder);
    if (!this.#abort.signal.aborted) this.#needs.reporter.measure('vitals', 'collector', vitals);
  }

  async #look(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#watchVideo();
      this.#report();
      await this.#needs.clock.sleep(LOOK_MS, signal).catch(() => undefined);
    }
  }

  #report(): void {
    const { reporter, store, cameras, videoRunning, ordersRefused, clock } = this.#needs;
    const fault = this.#judge();
    if (this.#since === 0 || fault.cause !== this.#fault.cause) this.#since = clock.wallMs();
    this.#fault = fault;
    const { ok, degraded, down, unknown, maintenance, disabled } = cameras();
    reporter.state('boxHealth', 'collector', {
      state: fault.cause === 'none' ? 'ok' : 'degraded',
      ...faultFields(fault.cause),
      detail: fault.detail,
      since: this.#since,
      cameras_ok: ok,
      cameras_degraded: degraded,
      cameras_down: down,
      cameras_unknown: unknown,
      cameras_maintenance: maintenance,
      cameras_disabled: disabled,
      video_running: videoRunning(),
      clock_source: this.#options.clockSource,
      storage_durable: store.durable,
      outbox_pending: store.outbox.pending(),
      outbox_unreceipted: store.outbox.unreceipted(),
      events_dropped: store.outbox.dropped(),
      orders_refused: ordersRefused(),
    });
  }

  /** The worst first: what an alarm could be lost by. */
  #judge(): BoxFault {
    const { store, clockTrust } = this.#needs;
    if (!store.durable) return { cause: 'store-unavailable', detail: 'alarms are kept in memory only' };
    if (this.#videoIsAbsent()) return { cause: 'video-process-down', detail: 'no video is forwarded' };
    if (clockTrust() === 'untrusted')
      return { cause: 'clock-untrusted', detail: 'the clock of the box is not synchronised' };
    return this.#needs.backbone() ?? WELL;
  }

  #watchVideo(): void {
    const nowMs = this.#needs.clock.monotonicMs();
    if (this.#needs.videoRunning()) this.#videoAbsentSinceMs = undefined;
    else this.#videoAbsentSinceMs ??= nowMs;
    if (this.#videoIsAbsent() === this.#videoTold) return;
    this.#videoTold = !this.#videoTold;
    if (this.#videoTold) this.#event('video-process-down', 'the video process is not running');
    else this.#event('none', 'the video process runs again');
  }

  #videoIsAbsent(): boolean {
    const sinceMs = this.#videoAbsentSinceMs;
    return sinceMs !== undefined && this.#needs.clock.monotonicMs() - sinceMs >= VIDEO_ABSENCE_MS;
  }

  #onFault({ code, recovered, detail }: StoreFault): void {
    if (this.#abort.signal.aborted) return;
    if (recovered) this.#event('none', `${code} is over: ${detail}`);
    else this.#event(code, detail);
    this.#report();
  }

  #event(cause: Code | 'none', detail: string): void {
    const fields: Omit<Fields<'fault'>, 'id'> = { ...faultFields(cause), detail: detail.slice(0, 2000) };
    this.#needs.log[cause === 'none' ? 'info' : 'warn'](fields, 'box health');
    this.#needs.reporter.event('fault', 'collector', fields);
  }
}
