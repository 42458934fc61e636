import type { Clock } from '../base/clock.ts';
import { asBeffroiError, type BeffroiError, DeviceError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type RetryPolicy, retryLoop } from '../base/retry.ts';
import { scrubUrls } from '../base/text.ts';
import type { ClockWord } from '../camera/rtsp/camera-clock.ts';
import type { MetadataHandlers } from '../camera/rtsp/metadata-track.ts';
import type { PlayFacts } from '../camera/rtsp/pull.ts';
import type { AccessUnit, Permit, StreamCounters, VideoCodec, VideoTrack } from '../camera/types.ts';
import type { PulledCamera, StreamPhase, VideoToAgent } from '../contract/video-link.ts';
import type { EventTrack } from './event-track.ts';
import type { Feed } from './feed.ts';
import type { Meter } from './meter.ts';
import { StreamLog } from './stream-log.ts';

/**
 * A camera that played is back soon: quick tries, so that pictures flow within 10 s of its return. One that never
 * played is left in peace sooner. One that closes every ten seconds loses a moment each time, not its minutes.
 * Source: guess, checked against that figure.
 */
export const PULL_RETRY: RetryPolicy = {
  neverUp: { firstMs: 500, factor: 2, capMs: 10_000, jitter: 0.5 },
  wasUp: { firstMs: 200, factor: 1.7, capMs: 6_000, jitter: 0.5 },
  stableMs: 5_000,
};
/** Wait where trying again helps only after somebody changed something. Source: guess. */
const HOPELESS_WAIT_MS = 60_000;

/** The silence has been waited out. */
const STALLS: ReadonlySet<string> = new Set(['camera-stalled', 'camera-path-lost', 'camera-udp-blocked']);

type StreamReport = Extract<VideoToAgent, { type: 'stream' }>;

export interface PullHandlers {
  /** @param counters the numbers of this stream, whenever it is called */
  described(track: VideoTrack, counters: () => StreamCounters): void;
  playing(facts: PlayFacts): void;
  accessUnit(unit: AccessUnit): void;
  /** The camera told its clock. @param roundTripMs the shortest to the camera and back */
  clockSaid(word: ClockWord, roundTripMs: number): void;
  /** Absent where the events of the stream are not wanted. */
  readonly metadata?: MetadataHandlers | undefined;
}

/** One connection to a camera: resolves when the signal aborts, rejects when the stream ends otherwise. */
export type PullStream = (
  camera: PulledCamera,
  permit: Permit,
  handlers: PullHandlers,
  signal: AbortSignal,
) => Promise<void>;

export interface CameraStreamNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly pull: PullStream;
  readonly permits: { acquire(camera: string, version: number, signal: AbortSignal): Promise<Permit> };
  readonly feed: Feed;
  readonly meter: Meter;
  readonly report: (report: StreamReport) => void;
  /** Absent where the events of the stream are not wanted. */
  readonly events?: EventTrack | undefined;
}

/** Keeps the one pull of a camera up, and its feed going. */
export class CameraStream {
  readonly #needs: CameraStreamNeeds;
  readonly #camera: PulledCamera;
  readonly #told: StreamLog;
  #report: StreamReport;
  #sound: { readonly sound?: boolean } = {};
  #codec: VideoCodec | undefined;

  constructor(needs: CameraStreamNeeds, camera: PulledCamera) {
    this.#needs = needs;
    this.#camera = camera;
    this.#told = new StreamLog(needs.clock, needs.log, camera.camera);
    this.#report = { type: 'stream', camera: camera.camera, phase: 'connecting', detail: '' };
  }

  /** The last report: what an agent that comes back must know. */
  get standing(): StreamReport {
    return this.#report;
  }

  /** The same of its events. */
  get standingEvents(): VideoToAgent | undefined {
    return this.#needs.events?.standing;
  }

  /** Pulls until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, report } = this.#needs;
    report(this.#report);
    const onFailure = (error: unknown, delayMs: number) => this.#failed(asBeffroiError(error), delayMs);
    await retryLoop(
      { clock, random, onFailure },
      PULL_RETRY,
      (up, inner) => this.#runOnce(up, inner),
      signal,
    );
    this.#needs.events?.streamEnds(
      new DeviceError('camera-closed', `${this.#camera.camera}: not pulled any more`),
    );
    this.#tell('stopped', {});
  }

  async #runOnce(up: () => void, signal: AbortSignal): Promise<void> {
    const error = await this.#pullOnce(up, signal).then(
      () => new DeviceError('camera-closed', `${this.#camera.camera}: the stream ended`),
      asBeffroiError,
    );
    if (!error.retryable && !signal.aborted) {
      this.#failed(error, HOPELESS_WAIT_MS);
      await this.#needs.clock.sleep(HOPELESS_WAIT_MS, signal).catch(() => undefined);
    }
    throw error;
  }

  async #pullOnce(up: () => void, signal: AbortSignal): Promise<void> {
    const { camera, credentials } = this.#camera;
    const permit = await this.#needs.permits.acquire(camera, credentials?.version ?? 0, signal);
    const broken = new AbortController();
    const ended = AbortSignal.any([signal, broken.signal]);
    try {
      await this.#needs.pull(this.#camera, permit, this.#handlers(up, broken), ended);
      broken.signal.throwIfAborted();
    } finally {
      permit.release();
      this.#needs.feed.streamEnds();
    }
  }

  /** @param broken aborted by a fault of ours: it ends this pull and not the process */
  #handlers(up: () => void, broken: AbortController): PullHandlers {
    const { meter, feed } = this.#needs;
    let plays: object | undefined; // some send pictures before they agree to
    return {
      metadata: this.#needs.events?.handlers,
      described: (track, counters) => {
        meter.streamBegins(counters);
        feed.streamBegins(track);
        this.#sound = track.sound === undefined ? {} : { sound: track.sound };
        this.#codec = track.codec;
        this.#tell('described', { codec: track.codec, ...this.#sound });
      },
      playing: (how) => {
        plays = { codec: this.#codec, ...how };
        this.#tellPlaying();
      },
      clockSaid: (word, roundTripMs) => meter.clockSaid(word, roundTripMs),
      accessUnit: (unit) => {
        up();
        if (plays) this.#told.flows(plays);
        try {
          this.#take(unit);
        } catch (thrown) {
          broken.abort(asBeffroiError(thrown));
        }
      },
    };
  }

  #take(unit: AccessUnit): void {
    const { meter, feed } = this.#needs;
    const setupBefore = feed.setup;
    meter.unit(unit, feed.take(unit));
    meter.repairs(feed.timestampRepairs);
    meter.uncached(feed.gopsUncached);
    if (feed.setup !== setupBefore) this.#tellPlaying();
  }

  #tellPlaying(): void {
    const sps = this.#needs.feed.setup?.sps;
    const size = sps ? { codec: sps.codec, width: sps.width, height: sps.height } : {};
    this.#tell('playing', { ...size, ...this.#sound });
  }

  #failed(error: BeffroiError, delayMs: number): void {
    this.#needs.events?.streamEnds(error);
    this.#told.failed(error, delayMs);
    const phase = STALLS.has(error.code) ? 'stalled' : 'failed';
    this.#tell(phase, { code: error.code, detail: scrubUrls(error.message).slice(0, 500) });
  }

  #tell(phase: StreamPhase, more: Partial<StreamReport>): void {
    const report: StreamReport = { type: 'stream', camera: this.#camera.camera, phase, detail: '', ...more };
    const changed = JSON.stringify(report) !== JSON.stringify(this.#report);
    this.#report = report;
    if (changed) this.#needs.report(report);
  }
}
