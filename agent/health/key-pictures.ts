/** Longer than the longest distance of key pictures that is set on purpose. Source: guess. */
const LONGEST_WITHOUT_MS = 60_000;

/** Of a measure. */
interface Counted {
  readonly periodMs: number;
  readonly frames: number;
  /** With which decoding can begin. */
  readonly keyFrames: number;
}

/** What is wrong with a stream without key pictures. */
export const KEYLESS = 'for a minute none with which decoding can begin: no key picture (IDR) is sent';

/**
 * Whether a stream has pictures with which decoding can begin. Cameras that refresh gradually send one as they start, or
 * never: everything looks well, and nothing can be forwarded to who begins.
 */
export class KeyPictures {
  #withoutMs = 0;

  get tooFew(): boolean {
    return this.#withoutMs >= LONGEST_WITHOUT_MS;
  }

  take({ frames, keyFrames, periodMs }: Counted): void {
    if (keyFrames > 0) this.#withoutMs = 0;
    else if (frames > 0) this.#withoutMs += periodMs;
  }

  reset(): void {
    this.#withoutMs = 0;
  }
}
