import { CameraClock, type ClockWord } from '../camera/rtsp/camera-clock.ts';
import { type AccessUnit, NO_COUNTERS, type StreamCounters } from '../camera/types.ts';
import type { VideoToAgent } from '../contract/video-link.ts';
import type { Moment } from './moment.ts';

type Measure = Extract<VideoToAgent, { type: 'measure' }>;
type Counts = Omit<
  Measure,
  'type' | 'camera' | 'periodMs' | 'gopFrames' | 'keyIntervalMs' | 'jitterMs' | `clock${string}`
>;

const NOTHING: Counts = {
  frames: 0,
  keyFrames: 0,
  bytes: 0,
  rtpReceived: 0,
  rtpLost: 0,
  rtpUnread: 0,
  framesDamaged: 0,
  timestampRepairs: 0,
  gopsUncached: 0,
  forwardedBytes: 0,
  droppedFrames: 0,
};

/** What was counted in one period may be taken back in a later one, which may have less of it: the rest waits for the next. */
const TAKEN_BACK = ['rtpLost', 'rtpUnread', 'forwardedBytes', 'droppedFrames'] as const;

/** Counts what a camera's stream did in a period. */
export class Meter {
  #counts: { -readonly [K in keyof Counts]: Counts[K] } = { ...NOTHING };
  #source: () => StreamCounters = () => NO_COUNTERS;
  #received = NO_COUNTERS;
  #repairs = 0;
  #uncached = 0;
  #framesSinceKey: number | undefined;
  #gopFrames = 0;
  #keyAtMs: number | undefined;
  #keyIntervalMs = 0;
  #sinceMs: number;
  readonly #clock = new CameraClock();
  #roundTripMs = 0;
  #saysTime = false;

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
    this.#uncached = 0;
    this.#framesSinceKey = undefined;
    this.#keyAtMs = undefined;
  }

  /** @param begins whether decoding can begin with it, parameter sets included */
  unit(unit: AccessUnit, begins: boolean): void {
    this.#counts.frames += 1;
    if (begins) this.#counts.keyFrames += 1;
    if (unit.key) {
      this.#gopFrames = this.#framesSinceKey ?? this.#gopFrames;
      this.#key(unit.receivedMonotonicMs);
      this.#framesSinceKey = 0;
    }
    if (this.#framesSinceKey !== undefined) this.#framesSinceKey += 1;
  }

  #key(atMs: number): void {
    if (this.#keyAtMs !== undefined) this.#keyIntervalMs = Math.round(atMs - this.#keyAtMs);
    this.#keyAtMs = atMs;
  }

  /** @param repairs since the stream began */
  repairs(repairs: number): void {
    this.#counts.timestampRepairs += repairs - this.#repairs;
    this.#repairs = repairs;
  }

  /** @param groups since the stream began */
  uncached(groups: number): void {
    this.#counts.gopsUncached += groups - this.#uncached;
    this.#uncached = groups;
  }

  /** The camera told its clock. @param roundTripMs the shortest to the camera and back */
  clockSaid(word: ClockWord, roundTripMs: number): void {
    if (this.#clock.take(word)) this.#roundTripMs = roundTripMs;
    this.#saysTime = true;
  }

  /** @param bytes negative when bytes that were counted as forwarded never left */
  forwarded(bytes: number): void {
    this.#counts.forwardedBytes += bytes;
  }

  /** @param frames negative when frames that were counted as dropped were sent after all */
  dropped(frames: number): void {
    this.#counts.droppedFrames += frames;
  }

  /** What was counted since the last call. */
  take(camera: string, now: Moment): Measure {
    this.#addReceived();
    const counts = { ...this.#counts };
    const periodMs = Math.round(now.monotonicMs - this.#sinceMs);
    this.#counts = { ...NOTHING };
    for (const key of TAKEN_BACK) {
      this.#counts[key] = Math.min(0, counts[key]);
      counts[key] = Math.max(0, counts[key]);
    }
    this.#sinceMs = now.monotonicMs;
    const time = this.#time(now);
    const { jitterMs } = this.#received;
    const gauges = { gopFrames: this.#gopFrames, keyIntervalMs: this.#keyIntervalMs, jitterMs };
    return { type: 'measure', camera, periodMs, ...gauges, ...counts, ...time };
  }

  /** Told in the periods in which the camera told its clock. */
  #time(now: Moment): Partial<Measure> {
    const reading = this.#saysTime ? this.#clock.reading(now, this.#roundTripMs) : undefined;
    this.#saysTime = false;
    if (!reading) return {};
    const { offsetMs, uncertaintyMs, driftPpm, steps } = reading;
    return {
      ...{ clockOffsetMs: offsetMs, clockUncertaintyMs: uncertaintyMs, clockSteps: steps },
      ...(driftPpm === undefined ? {} : { clockDriftPpm: driftPpm }),
    };
  }

  #addReceived(): void {
    const [before, now] = [this.#received, this.#source()];
    this.#received = { ...now };
    this.#counts.rtpReceived += now.rtpReceived - before.rtpReceived;
    // A late packet takes a loss back.
    this.#counts.rtpLost += now.rtpLost - before.rtpLost;
    this.#counts.rtpUnread += now.rtpUnread - before.rtpUnread;
    this.#counts.bytes += now.bytes - before.bytes;
    this.#counts.framesDamaged += now.framesDamaged - before.framesDamaged;
  }
}
