import type { Code } from '../base/codes.ts';
import type { VideoToAgent } from '../contract/video-link.ts';
import type { Failure } from './evidence.ts';

export type DestinationReport = Omit<Extract<VideoToAgent, { type: 'destination' }>, 'type'>;

/** The picture is too large for what the configuration, or the broker, allows: it never gets there by itself. */
const TOO_LARGE: ReadonlySet<Code> = new Set(['credit-too-small', 'message-too-large']);
/** So long after it was seen last it is over; a destination that is stuck says so every five seconds. Source: guess. */
const OVER_MS = 60_000;

interface Seen extends Failure {
  readonly atMs: number;
}

/** Destinations that do not get the pictures of one camera because these are too large, whatever the line does. */
export class Undeliverable {
  readonly #seen = new Map<string, Seen>();

  take({ destination, state, code, detail }: DestinationReport, atMs: number): void {
    if (code === undefined || !TOO_LARGE.has(code)) this.#seen.delete(destination);
    else if (state === 'blocked') this.#seen.set(destination, { code, detail, atMs });
  }

  /** Nobody forwards the pictures any more. */
  forget(): void {
    this.#seen.clear();
  }

  /** @returns what is wrong, by the destination that said so first */
  trouble(nowMs: number): Failure | undefined {
    for (const [destination, { atMs }] of this.#seen)
      if (nowMs - atMs >= OVER_MS) this.#seen.delete(destination);
    const [first] = this.#seen;
    if (!first) return undefined;
    const [destination, { code, detail }] = first;
    return { code, detail: `pictures come, but not all of them get to ${destination}: ${detail}` };
  }
}
