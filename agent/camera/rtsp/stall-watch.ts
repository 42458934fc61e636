import type { Clock } from '../../base/clock.ts';
import { type BeffroiError, DeviceError, InternalError } from '../../base/errors.ts';
import type { Standstill } from '../../base/standstill.ts';
import { tcpState } from '../tcp-state.ts';
import type { RtspConnection } from './connection.ts';

export interface StallWatchNeeds {
  readonly camera: string;
  readonly clock: Clock;
  /** Absent: our own process is not suspected. */
  readonly standstill?: Standstill;
  readonly connection: RtspConnection;
  /** Asks the camera for any answer at all. */
  readonly ask: (timeoutMs: number) => Promise<unknown>;
  /** When anything last came from the camera in whatever way, monotonic. */
  readonly heardMs: () => number;
  /** Over UDP, of which nothing has come so far. */
  readonly isUdpDeaf: () => boolean;
  /** When the last picture came, monotonic. */
  readonly lastUnitMs: () => number | undefined;
  /** What else is looked at. @returns how long until it is to be looked at again, ms */
  readonly besides: () => number;
}

/** The camera is asked for so long before its silence is a stall, or for half of it. Source: guess; an answer takes ms. */
const ASK_MS = 1_000;
/** After our own process stood still, what came meanwhile is read within this. Source: guess. */
const CATCH_UP_MS = 500;

/**
 * Watches over the pictures of one stream and nothing else: RTCP, sound and metadata go on while a camera is stalled.
 * Its silence is told by what else is known when it has lasted: what still comes, what the camera answers, what the
 * kernel says of the connection, and whether it was we who did not read.
 */
export class StallWatch {
  readonly #needs: StallWatchNeeds;
  readonly #timeoutMs: number;
  readonly #beganMs: number;
  /** When the camera was asked in this silence. */
  #askedMs: number | undefined;

  constructor(needs: StallWatchNeeds, timeoutMs: number) {
    this.#needs = needs;
    this.#timeoutMs = timeoutMs;
    this.#beganMs = needs.clock.monotonicMs();
  }

  /** Resolves when the signal aborts. @throws DeviceError `camera-stalled`, `camera-path-lost`, `camera-udp-blocked`; InternalError `video-process-late` */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, besides } = this.#needs;
    while (!signal.aborted) {
      const quietMs = clock.monotonicMs() - this.#lastMs;
      if (quietMs >= this.#timeoutMs && this.#isAsked) await this.#caughtUp(signal);
      else await clock.sleep(Math.min(this.#next(quietMs), besides()), signal).catch(() => undefined);
    }
  }

  get #lastMs(): number {
    return this.#needs.lastUnitMs() ?? this.#beganMs;
  }

  /** Whether the camera was asked in this silence. */
  get #isAsked(): boolean {
    return (this.#askedMs ?? Number.NEGATIVE_INFINITY) >= this.#lastMs;
  }

  /** @returns how long until something is due */
  #next(quietMs: number): number {
    const answerMs = Math.min(ASK_MS, this.#timeoutMs / 2);
    const askInMs = this.#timeoutMs - answerMs - quietMs;
    if (askInMs > 0) return askInMs;
    if (this.#isAsked) return this.#timeoutMs - quietMs;
    this.#askedMs = this.#needs.clock.monotonicMs();
    this.#needs.ask(answerMs).catch(() => undefined);
    return answerMs;
  }

  /** When our own process stood still, what came meanwhile is read before anybody is blamed. */
  async #caughtUp(signal: AbortSignal): Promise<void> {
    const { clock } = this.#needs;
    const lastMs = this.#lastMs;
    if (this.#stoodMs > 0) await clock.sleep(CATCH_UP_MS, signal).catch(() => undefined);
    if (signal.aborted || this.#lastMs > lastMs) return;
    const error = await this.#cause();
    if (this.#lastMs === lastMs) throw error;
  }

  get #stoodMs(): number {
    return this.#needs.standstill?.stoodMs(this.#lastMs) ?? 0;
  }

  async #cause(): Promise<BeffroiError> {
    const { connection } = this.#needs;
    if (this.#stoodMs > 0) return this.#late(`this process stood still for ${Math.round(this.#stoodMs)} ms`);
    // An answer that had come, and that a process which was late had not read, is read meanwhile.
    const tcp = connection.ends && (await tcpState(connection.ends));
    const isHeard = this.#needs.heardMs() > (this.#askedMs ?? Number.POSITIVE_INFINITY);
    if (isHeard && this.#needs.isUdpDeaf()) return this.#udpBlocked();
    if (isHeard) return this.#stalled('other data comes from it: the camera has stopped its pictures');
    if (!tcp) return this.#stalled('nothing else comes either: the camera or the way to it is gone');
    if (tcp.unacknowledged) return this.#pathLost();
    if (tcp.unreadBytes > 0) return this.#late(`${tcp.unreadBytes} bytes of it have come and are not read`);
    return this.#stalled('it acknowledges what is sent and answers nothing: its stream server hangs');
  }

  #stalled(besides: string): BeffroiError {
    return new DeviceError('camera-stalled', `${this.#silence}; ${besides}`);
  }

  #pathLost(): BeffroiError {
    const besides = 'nothing else comes either, and what is sent is not acknowledged: the way to it is cut';
    return new DeviceError('camera-path-lost', `${this.#silence}; ${besides}`);
  }

  #udpBlocked(): BeffroiError {
    const besides = 'it answers over RTSP, and no packet of it comes over UDP';
    return new DeviceError('camera-udp-blocked', `${this.#silence}; ${besides}`);
  }

  #late(why: string): BeffroiError {
    return new InternalError('video-process-late', `${this.#silence}; ${why}`);
  }

  get #silence(): string {
    return `${this.#needs.camera}: no picture for ${this.#timeoutMs} ms`;
  }
}
