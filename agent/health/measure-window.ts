import type { VideoToAgent } from '../contract/video-link.ts';
import { KeyPictures } from './key-pictures.ts';

export type MeasureReport = Extract<VideoToAgent, { type: 'measure' }>;

/** The numbers of a sum, the later one's where they do not add up. */
interface Counts {
  readonly periodMs: number;
  readonly frames: number;
  readonly bytes: number;
  readonly gopFrames: number;
  readonly keyIntervalMs: number;
  readonly jitterMs: number;
  readonly rtpReceived: number;
  readonly rtpLost: number;
  readonly rtpUnread: number;
  readonly framesDamaged: number;
  readonly timestampRepairs: number;
  readonly gopsUncached: number;
  readonly forwardedBytes: number;
  readonly droppedFrames: number;
}

/** Sum of measure reports. */
export interface Sum extends Counts {
  /** The clock of the camera, when it was last told. */
  readonly time?: MeasuredTime;
}

/** Of a measure that holds the time of the camera. */
export interface MeasuredTime {
  readonly offsetMs: number;
  readonly uncertaintyMs: number;
  readonly driftPpm?: number;
  readonly steps: number;
}

export const NO_MEASURE: Sum = {
  periodMs: 0,
  frames: 0,
  bytes: 0,
  gopFrames: 0,
  keyIntervalMs: 0,
  jitterMs: 0,
  rtpReceived: 0,
  rtpLost: 0,
  rtpUnread: 0,
  framesDamaged: 0,
  timestampRepairs: 0,
  gopsUncached: 0,
  forwardedBytes: 0,
  droppedFrames: 0,
};

export function add(sum: Sum, report: MeasureReport): Sum {
  const time = timeOf(report) ?? sum.time;
  return { ...addCounts(sum, report), ...(time ? { time } : {}) };
}

/** The same without the clock of the camera. */
export function addCounts(before: Counts, after: Counts): Counts {
  return {
    periodMs: before.periodMs + after.periodMs,
    frames: before.frames + after.frames,
    bytes: before.bytes + after.bytes,
    gopFrames: after.gopFrames || before.gopFrames,
    keyIntervalMs: after.keyIntervalMs || before.keyIntervalMs,
    jitterMs: Math.max(after.jitterMs, before.jitterMs),
    rtpReceived: before.rtpReceived + after.rtpReceived,
    rtpLost: before.rtpLost + after.rtpLost,
    rtpUnread: before.rtpUnread + after.rtpUnread,
    framesDamaged: before.framesDamaged + after.framesDamaged,
    timestampRepairs: before.timestampRepairs + after.timestampRepairs,
    gopsUncached: before.gopsUncached + after.gopsUncached,
    forwardedBytes: before.forwardedBytes + after.forwardedBytes,
    droppedFrames: before.droppedFrames + after.droppedFrames,
  };
}

/** What a measure says of the clock of the camera; undefined when the camera did not tell it. */
export function timeOf(report: MeasureReport): MeasuredTime | undefined {
  const { clockOffsetMs: offsetMs, clockUncertaintyMs: uncertaintyMs, clockDriftPpm: driftPpm } = report;
  if (offsetMs === undefined || uncertaintyMs === undefined) return undefined;
  const steps = report.clockSteps ?? 0;
  return { offsetMs, uncertaintyMs, steps, ...(driftPpm === undefined ? {} : { driftPpm }) };
}

export function fpsOf(sum: Sum): number {
  return sum.periodMs > 0 ? round((sum.frames * 1000) / sum.periodMs) : 0;
}

export function kbpsOf(sum: Sum): number {
  return sum.periodMs > 0 ? round((sum.bytes * 8) / sum.periodMs) : 0;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Loss is judged over this long. Source: the configuration schema, lossLimitPercent. */
const LOSS_WINDOW_MS = 60_000;
/** Pictures per second are judged in slots of at least this. Source: guess. */
const RATE_SLOT_MS = 2_000;
/** A camera that is told 25 often gives 24.9: fewer than this share is too few. Source: guess. */
const RATE_TOLERANCE = 0.95;
/** Low when so many of the last `RATE_SLOTS` are low; well again when the last so many are well. Source: guess. */
const RATE_BAD = 3;
const RATE_SLOTS = 5;

/** Hysteresis over the measures of one stream. */
export class MeasureWindow {
  #loss: MeasureReport[] = [];
  #slot = NO_MEASURE;
  #slots: boolean[] = [];
  #first = true;
  #lossy = false;
  #lossIsOurs = false;
  #lowRate = false;
  readonly #keys = new KeyPictures();

  get lossy(): boolean {
    return this.#lossy;
  }

  /** Most of the lost packets had come, and were not read in time. */
  get lossIsOurs(): boolean {
    return this.#lossy && this.#lossIsOurs;
  }

  get lowRate(): boolean {
    return this.#lowRate;
  }

  get keyless(): boolean {
    return this.#keys.tooFew;
  }

  take(report: MeasureReport, minFps: number, lossLimitPercent: number): void {
    this.#keys.take(report);
    this.#takeLoss(report, lossLimitPercent);
    this.#takeRate(report, minFps);
  }

  /** The stream begins anew: what was measured before says nothing of it. */
  reset(): void {
    this.#loss = [];
    this.#slot = NO_MEASURE;
    this.#slots = [];
    this.#first = true;
    this.#lossy = false;
    this.#lossIsOurs = false;
    this.#lowRate = false;
    this.#keys.reset();
  }

  #takeLoss(report: MeasureReport, limitPercent: number): void {
    this.#loss.push(report);
    while (this.#loss.length > 1 && sumOf(this.#loss, 'periodMs') > LOSS_WINDOW_MS) this.#loss.shift();
    const lost = sumOf(this.#loss, 'rtpLost');
    const all = lost + sumOf(this.#loss, 'rtpReceived');
    const percent = all > 0 ? (100 * lost) / all : 0;
    const lossyMeasures = this.#loss.filter((one) => one.rtpLost > 0).length;
    if (percent > limitPercent && lossyMeasures > 1) this.#lossy = true;
    if (percent <= limitPercent / 2) this.#lossy = false;
    this.#lossIsOurs = 2 * sumOf(this.#loss, 'rtpUnread') > lost;
  }

  #takeRate(report: MeasureReport, minFps: number): void {
    this.#slot = add(this.#slot, report);
    if (this.#slot.periodMs < RATE_SLOT_MS) return;
    const low = fpsOf(this.#slot) < minFps * RATE_TOLERANCE;
    this.#slot = NO_MEASURE;
    if (this.#first) {
      this.#first = false; // begins before the first picture
      return;
    }
    this.#slots = [...this.#slots, low].slice(-RATE_SLOTS);
    if (this.#slots.filter(Boolean).length >= RATE_BAD) this.#lowRate = true;
    if (!this.#slots.slice(-RATE_BAD).some(Boolean)) this.#lowRate = false;
  }
}

function sumOf(
  reports: readonly MeasureReport[],
  key: 'periodMs' | 'rtpLost' | 'rtpUnread' | 'rtpReceived',
): number {
  return reports.reduce((sum, report) => sum + report[key], 0);
}
