import type { Fields } from '../contract/messages.ts';
import type { VideoToAgent } from '../contract/video-link.ts';

export type GapReport = Omit<Extract<VideoToAgent, { type: 'gap' }>, 'type'>;

/** So many are listed one by one; longer messages say no more. Source: with 20 characters each they fit the text. */
const MAX_LISTED = 90;

interface Span {
  readonly fromMs: number;
  untilMs: number;
}

/** Gaps of one destination and one cause, told as one. */
export class GapSum {
  readonly #first: GapReport;
  readonly #spans: Span[] = [];
  #untilMs = 0;
  #frames = 0;
  #gaps = 0;

  constructor(first: GapReport) {
    this.#first = first;
    this.add(first);
  }

  add({ fromWallMs, untilWallMs, frames }: GapReport): void {
    this.#gaps += 1;
    this.#frames += frames;
    this.#untilMs = Math.max(this.#untilMs, untilWallMs);
    const last = this.#spans.at(-1);
    if (last && this.#spans.length >= MAX_LISTED) last.untilMs = Math.max(last.untilMs, untilWallMs);
    else this.#spans.push({ fromMs: fromWallMs, untilMs: Math.max(fromWallMs, untilWallMs) });
  }

  get fields(): Omit<Fields<'gap'>, 'id'> {
    const { camera, destination, fromWallMs, code } = this.#first;
    return {
      ...{ camera, destination, from: fromWallMs, until: this.#untilMs },
      ...{ gaps: this.#gaps, frames: this.#frames, cause: code },
      spans: this.#spans.map(({ fromMs, untilMs }) => `${fromMs}+${untilMs - fromMs}`).join(' '),
    };
  }
}
