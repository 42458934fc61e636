import type { AccessUnit, StreamCounters } from '../camera/types.ts';
import type { VideoToAgent } from '../contract/video-link.ts';
import type { Chunk } from './destination.ts';

type Measure = Extract<VideoToAgent, { type: 'measure' }>;
type Counts = Omit<Measure, 'type' | 'camera' | 'periodMs' | 'gopFrames'>;

const NO_COUNTERS: StreamCounters = { rtpReceived: 0, rtpLost: 0, bytes: 0, framesDamaged: 0 };

const NOTHING: Counts = {
  frames: 0,
  keyFrames: 0,
  bytes: 0,
  rtpReceived: 0,
  rtpLost: 0,
  framesDamaged: 0,
  timestampRepairs: 0,
  forwardedBytes: 0,
  droppedFrames: 0,
};

/** Counts what a camera's stream did in a period. */
export class Meter {
  #counts: { -readonly [K in keyof Counts]: Counts[K] } = { ...NOTHING };
  #source: () => StreamCounters = () => NO_COUNTERS;
  #received = NO_COUNTERS;
  #repairs = 0;
  #framesSinceKey: number | undefined;
  #gopFrames = 0;
  #sinceMs: number;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  /**
   * Another stream begins: its counters begin anew.
   * @param counters since the stream began, whenever it is called
   */
  streamBegins(counters: () => StreamCounters): void {
    this.#addReceived();
    this.#source = counters;
    this.#received = NO_COUNTERS;
    this.#repairs = 0;
    this.#framesSinceKey = undefined;
  }

  unit(unit: AccessUnit): void {
    this.#counts.frames += 1;
    if (unit.key) {
      this.#counts.keyFrames += 1;
      this.#gopFrames = this.#framesSinceKey ?? this.#gopFrames;
      this.#framesSinceKey = 0;
    }
    if (this.#framesSinceKey !== undefined) this.#framesSinceKey += 1;
  }

  /** @param repairs since the stream began */
  repairs(repairs: number): void {
    this.#counts.timestampRepairs += repairs - this.#repairs;
    this.#repairs = repairs;
  }

  forwarded(chunk: Chunk): void {
    this.#counts.forwardedBytes += chunk.bytes;
  }

  /** @param frames negative when frames that were counted as dropped were sent after all */
  dropped(frames: number): void {
    this.#counts.droppedFrames = Math.max(0, this.#counts.droppedFrames + frames);
  }

  /** What was counted since the last call. */
  take(camera: string, nowMs: number): Measure {
    this.#addReceived();
    const counts = this.#counts;
    const periodMs = Math.round(nowMs - this.#sinceMs);
    this.#counts = { ...NOTHING };
    this.#sinceMs = nowMs;
    return { type: 'measure', camera, periodMs, gopFrames: this.#gopFrames, ...counts };
  }

  #addReceived(): void {
    const [before, now] = [this.#received, this.#source()];
    this.#received = { ...now };
    this.#counts.rtpReceived += now.rtpReceived - before.rtpReceived;
    // A late packet takes a loss back.
    this.#counts.rtpLost = Math.max(0, this.#counts.rtpLost + now.rtpLost - before.rtpLost);
    this.#counts.bytes += now.bytes - before.bytes;
    this.#counts.framesDamaged += now.framesDamaged - before.framesDamaged;
  }
}
