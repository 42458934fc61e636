import type { Fields } from '../contract/messages.ts';
import {
  add,
  fpsOf,
  kbpsOf,
  type MeasuredTime,
  type MeasureReport,
  NO_MEASURE,
  type Sum,
} from './measure-window.ts';

/** Measures go to the CSU in sums of about this. Source: guess. */
const REPORT_MS = 5_000;
/** What `beffroi status` shows covers at least this. Source: guess. */
const SHOWN_MS = 1_000;

/** Adds up the measures of one stream for the CSU and for the status. */
export class StreamMeter {
  readonly #camera: string;
  #sum: Sum = NO_MEASURE;
  #recent: Sum = NO_MEASURE;
  #shown: Sum = NO_MEASURE;
  #forwardedBytes = 0;

  constructor(camera: string) {
    this.#camera = camera;
  }

  /** @returns the measure to report when the period is full */
  take(report: MeasureReport): Fields<'stream'> | undefined {
    this.#forwardedBytes += report.forwardedBytes;
    this.#recent = add(this.#recent, report);
    if (this.#recent.periodMs >= SHOWN_MS) this.#show();
    this.#sum = add(this.#sum, report);
    if (this.#sum.periodMs < REPORT_MS) return undefined;
    const full = this.#sum;
    this.#sum = NO_MEASURE;
    return fieldsOf(this.#camera, full);
  }

  /** No pictures come: the last measure is no longer what is. */
  stopped(): void {
    this.#recent = NO_MEASURE;
    this.#shown = NO_MEASURE;
  }

  /** Figures of the last second or so. `forwardedBytes` counts since the agent began. */
  now(): { fps: number; kbps: number; forwardedBytes: number } {
    return { fps: fpsOf(this.#shown), kbps: kbpsOf(this.#shown), forwardedBytes: this.#forwardedBytes };
  }

  #show(): void {
    this.#shown = this.#recent;
    this.#recent = NO_MEASURE;
  }
}

function timeFields({ offsetMs, uncertaintyMs, driftPpm, steps }: MeasuredTime): Partial<Fields<'stream'>> {
  return {
    clock_offset_ms: Math.round(offsetMs),
    clock_uncertainty_ms: Math.round(uncertaintyMs),
    clock_steps: steps,
    ...(driftPpm === undefined ? {} : { clock_drift_ppm: Math.round(driftPpm * 10) / 10 }),
  };
}

function fieldsOf(camera: string, sum: Sum): Fields<'stream'> {
  return {
    camera,
    period_ms: sum.periodMs,
    fps: fpsOf(sum),
    kbps: kbpsOf(sum),
    gop_frames: sum.gopFrames,
    key_interval_ms: sum.keyIntervalMs,
    jitter_ms: sum.jitterMs,
    rtp_received: sum.rtpReceived,
    rtp_lost: sum.rtpLost,
    rtp_unread: sum.rtpUnread,
    frames_damaged: sum.framesDamaged,
    timestamp_repairs: sum.timestampRepairs,
    gops_uncached: sum.gopsUncached,
    forwarded_bytes: sum.forwardedBytes,
    dropped_frames: sum.droppedFrames,
    ...(sum.time && timeFields(sum.time)),
  };
}
