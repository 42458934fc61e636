import type { Fields } from '../../contract/messages.ts';
import {
  add,
  addCounts,
  fpsOf,
  kbpsOf,
  type MeasureReport,
  NO_MEASURE,
  type Sum,
} from '../measure-window.ts';
import { labelOf } from './label.ts';

const HOUR_MS = 3_600_000;
/** Less than this says nothing of an hour. */
const LEAST_MS = 60_000;

type QualityFields = Omit<Fields<'quality'>, 'camera' | 'name'>;

/** What is known of the stream beside its measures. */
export interface Described {
  readonly codec?: 'h264' | 'h265';
  readonly width?: number;
  readonly height?: number;
}

/** What is known of the hour that runs, as it is kept: nothing but numbers. */
export interface HourSum {
  /** Begin of the hour, by the wall clock. */
  readonly hour: number;
  readonly watchedMs: number;
  readonly flowedMs: number;
  readonly interruptions: number;
  readonly periodMs: number;
  readonly frames: number;
  readonly framesDamaged: number;
  readonly bytes: number;
  readonly rtpReceived: number;
  readonly rtpLost: number;
  readonly rtpUnread: number;
  readonly framesDamagedUnread: number;
  readonly gopFrames: number;
  readonly keyIntervalMs: number;
  /** Jitter times how long it was so, ms². */
  readonly jitterMs2: number;
}

/** The measures of one hour. Times of arrival are monotonic; the hour itself is a label of the wall clock. */
export class QualityHour {
  /** Begin, by the wall clock. */
  readonly hour: number;
  #sum: Sum = NO_MEASURE;
  #framesDamagedUnread = 0;
  #keyIntervalMs = 0;
  #jitterMs2 = 0;
  #watchedMs = 0;
  #flowedMs = 0;
  #flowing = false;
  #interruptions = 0;

  constructor(wallMs: number) {
    this.hour = hourOf(wallMs);
  }

  /** So much time went by in which the box could have seen pictures. */
  watched(ms: number, flowing: boolean): void {
    this.#watchedMs += ms;
    if (flowing) this.#flowedMs += ms;
    if (this.#flowing && !flowing) this.#interruptions += 1;
    this.#flowing = flowing;
  }

  take(report: MeasureReport): void {
    if (report.frames === 0) return;
    this.#sum = add(this.#sum, report);
    if (isOurs(report)) this.#framesDamagedUnread += report.framesDamaged;
    this.#keyIntervalMs = Math.max(this.#keyIntervalMs, report.keyIntervalMs);
    this.#jitterMs2 += report.jitterMs * report.periodMs;
  }

  /** What an earlier start of the agent counted of this same hour counts too. */
  goOn(before: HourSum): void {
    this.#sum = { ...this.#sum, ...addCounts({ ...NO_MEASURE, ...before }, this.#sum) };
    this.#framesDamagedUnread += before.framesDamagedUnread;
    this.#keyIntervalMs = Math.max(this.#keyIntervalMs, before.keyIntervalMs);
    this.#jitterMs2 += before.jitterMs2;
    this.#watchedMs += before.watchedMs;
    this.#flowedMs += before.flowedMs;
    this.#interruptions += before.interruptions;
  }

  get kept(): HourSum {
    const { periodMs, frames, framesDamaged, bytes, rtpReceived, rtpLost, rtpUnread, gopFrames } = this.#sum;
    return {
      ...{ hour: this.hour, watchedMs: this.#watchedMs, flowedMs: this.#flowedMs },
      ...{ interruptions: this.#interruptions, periodMs, frames, framesDamaged, bytes, rtpReceived, rtpLost },
      ...{ rtpUnread, framesDamagedUnread: this.#framesDamagedUnread },
      ...{ gopFrames, keyIntervalMs: this.#keyIntervalMs, jitterMs2: this.#jitterMs2 },
    };
  }

  fields(complete: boolean, minFps: number, described: Described): QualityFields {
    const sum = this.#sum;
    const fps = fpsOf(sum);
    const numbers = {
      missing_percent: percent(this.#watchedMs - this.#flowedMs, this.#watchedMs),
      loss_percent: percent(sum.rtpLost - sum.rtpUnread, sum.rtpLost + sum.rtpReceived),
      damaged_percent: percent(sum.framesDamaged - this.#framesDamagedUnread, sum.frames),
      rate_short_percent: minFps > 0 ? percent(minFps - fps, minFps) : undefined,
      jitter_ms: sum.periodMs > 0 ? Math.round((this.#jitterMs2 / sum.periodMs) * 10) / 10 : 0,
      key_interval_ms: this.#keyIntervalMs,
    };
    const { rate_short_percent: short, ...always } = numbers;
    const isMeasured = this.#watchedMs >= LEAST_MS;
    return {
      ...{ hour: this.hour, complete },
      ...(isMeasured ? labelOf(numbers) : { label: 'unmeasured', worst: 'none' }),
      ...{ watched_s: Math.round(this.#watchedMs / 1000), measured_s: Math.round(this.#flowedMs / 1000) },
      ...{ ...always, interruptions: this.#interruptions, fps, kbps: kbpsOf(sum) },
      ...(short !== undefined && { rate_short_percent: short }),
      ...{ gop_frames: sum.gopFrames, rtp_received: sum.rtpReceived, rtp_lost: sum.rtpLost },
      ...{ rtp_unread: sum.rtpUnread, frames: sum.frames, frames_damaged: sum.framesDamaged },
      frames_damaged_unread: this.#framesDamagedUnread,
      ...(sum.time?.driftPpm !== undefined && { clock_drift_ppm: Math.round(sum.time.driftPpm * 10) / 10 }),
      ...described,
    };
  }
}

/** Most of what was lost had come, and was not read in time: the pictures that miss it are no fault of the camera. */
function isOurs({ rtpLost, rtpUnread }: MeasureReport): boolean {
  return 2 * rtpUnread > rtpLost;
}

export function hourOf(wallMs: number): number {
  return Math.floor(wallMs / HOUR_MS) * HOUR_MS;
}

/** Between 0 and 100: what a late packet takes back may be more than what is left. */
function percent(part: number, whole: number): number {
  const value = whole > 0 ? (100 * part) / whole : 0;
  return Math.round(Math.min(100, Math.max(0, value)) * 100) / 100;
}
