import { type Best, endsInStep, medianSlope, WORDS_OF_STEP } from './clock-step.ts';

/** What a sender report says of the clock of the camera, and when it came. */
export interface ClockWord {
  /** Unix ms on the clock of the camera. */
  readonly wallMs: number;
  readonly receivedMonotonicMs: number;
}

/** What is known of the clock of a camera against that of the box. */
export interface CameraTime {
  /** Clock of the camera minus clock of the box. */
  readonly offsetMs: number;
  readonly uncertaintyMs: number;
  /** Parts per million by which it runs fast; absent until it was watched for long enough. */
  readonly driftPpm?: number;
  /** How often it was set, as far as was seen. */
  readonly steps: number;
}

/** The best word of so many milliseconds counts: most come late, and none comes early. Source: guess. */
const BUCKET_MS = 30_000;
/** Half an hour of them. */
const MAX_BUCKETS = 60;
/** Three minutes: with 1 ms of jitter the drift is then good to a few ppm. */
const MIN_BUCKETS_FOR_DRIFT = 6;
/** Best words of so many buckets give the offset. */
const BUCKETS_FOR_OFFSET = 3;
/** Words come late by up to this, and the best so far may have been late itself: what is further off is in doubt. Source: guess. */
const MAX_LATE_MS = 2_000;
/** Two words in doubt that say the same, to this, are a clock that was set. Source: guess. */
const AGREE_MS = 500;

/**
 * Offset and drift of the clock of one camera, by its sender reports. A report comes late and never early, so the best
 * of many counts; one that is far from all before is believed when the next one says the same. A clock that is set by
 * less than that is seen when a minute or more of them say so. Differences are taken to
 * the monotonic clock, so that a step of the clock of the box is none of the camera's.
 * @see RFC 3550 §6.4.1
 */
export class CameraClock {
  #buckets: Best[] = [];
  #bucketBeganMs = 0;
  #words = 0;
  #doubt: Best | undefined;
  #steps = 0;
  #driftPpm: number | undefined;

  /** @returns whether it is believed */
  take({ wallMs, receivedMonotonicMs }: ClockWord): boolean {
    const word = { atMs: receivedMonotonicMs, difference: wallMs - receivedMonotonicMs };
    if (this.#fits(word)) this.#add(word);
    else if (this.#doubt && Math.abs(this.#doubt.difference - word.difference) <= AGREE_MS)
      this.#wasSet(word);
    else {
      this.#doubt = word;
      return false;
    }
    return true;
  }

  /**
   * @param roundTripMs the shortest that was seen on the way of the reports; they took no longer than that
   * @returns undefined until a report was believed
   */
  reading(now: { monotonicMs: number; wallMs: number }, roundTripMs: number): CameraTime | undefined {
    const difference = this.#expected(now.monotonicMs);
    if (difference === undefined) return undefined;
    const halfWayMs = roundTripMs / 2;
    return {
      offsetMs: difference - (now.wallMs - now.monotonicMs) + halfWayMs,
      uncertaintyMs: halfWayMs,
      steps: this.#steps,
      ...(this.#driftPpm === undefined ? {} : { driftPpm: this.#driftPpm }),
    };
  }

  #fits({ atMs, difference }: Best): boolean {
    const expected = this.#expected(atMs);
    if (expected === undefined) return true;
    return Math.abs(difference - expected) <= MAX_LATE_MS;
  }

  /** The best difference of late, carried on to a moment. */
  #expected(atMs: number): number | undefined {
    const recent = this.#buckets.slice(-BUCKETS_FOR_OFFSET);
    if (recent.length === 0) return undefined;
    const drift = (this.#driftPpm ?? 0) / 1e6;
    return Math.max(...recent.map((best) => best.difference + drift * (atMs - best.atMs)));
  }

  #add(word: Best): void {
    this.#doubt = undefined;
    this.#words += 1;
    const last = this.#buckets.at(-1);
    if (!last || word.atMs - this.#bucketBeganMs >= BUCKET_MS) this.#nextBucket(word);
    else if (word.difference > last.difference) this.#buckets[this.#buckets.length - 1] = word;
  }

  #nextBucket(word: Best): void {
    if (endsInStep(this.#buckets)) {
      this.#steps += 1;
      this.#buckets = this.#buckets.slice(-WORDS_OF_STEP);
      this.#driftPpm = undefined;
    }
    if (this.#buckets.length >= MIN_BUCKETS_FOR_DRIFT) this.#driftPpm = medianSlope(this.#buckets) * 1e6;
    this.#buckets.push(word);
    if (this.#buckets.length > MAX_BUCKETS) this.#buckets.shift();
    this.#bucketBeganMs = word.atMs;
  }

  /** What was measured before says nothing of the clock as it is now. One word alone may itself have been wrong. */
  #wasSet(word: Best): void {
    if (this.#words > 1) this.#steps += 1;
    this.#buckets = [];
    this.#words = 0;
    this.#driftPpm = undefined;
    this.#add(this.#doubt ?? word);
    this.#add(word);
  }
}
