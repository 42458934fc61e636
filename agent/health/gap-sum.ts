import type { Fields } from '../contract/messages.ts';
import { sideOf } from '../contract/side.ts';
import type { VideoToAgent } from '../contract/video-link.ts';

export type GapReport = Omit<Extract<VideoToAgent, { type: 'gap' }>, 'type'>;

/** So many are listed one by one; longer messages say no more. Source: with 24 characters each they fit the text. */
const MAX_LISTED = 80;

interface Span {
  readonly fromMs: number;
  untilMs: number;
  gaps: number;
}

/** How it outlives the agent. */
export interface KeptSum {
  readonly first: GapReport;
  readonly spans: readonly Readonly<Span>[];
  readonly untilMs: number;
  readonly frames: number;
  readonly gaps: number;
}

/** Gaps of one destination and one cause, told as one. */
export class GapSum {
  readonly #first: GapReport;
  readonly #spans: Span[];
  #untilMs: number;
  #frames: number;
  #gaps: number;

  constructor(begin: GapReport | KeptSum) {
    const kept = 'first' in begin ? begin : undefined;
    this.#first = 'first' in begin ? begin.first : begin;
    this.#spans = (kept?.spans ?? []).map((span) => ({ ...span }));
    this.#untilMs = kept?.untilMs ?? 0;
    this.#frames = kept?.frames ?? 0;
    this.#gaps = kept?.gaps ?? 0;
    if (!kept) this.add(this.#first);
  }

  get kept(): KeptSum {
    const [first, spans, untilMs] = [this.#first, this.#spans, this.#untilMs];
    return { first, spans, untilMs, frames: this.#frames, gaps: this.#gaps };
  }

  add({ fromWallMs: fromMs, untilWallMs, frames, gaps = 1 }: GapReport): void {
    const untilMs = Math.max(fromMs, untilWallMs); // the clock of the box may be set between two that are one
    this.#gaps += gaps;
    this.#frames += frames;
    this.#untilMs = Math.max(this.#untilMs, untilMs);
    if (this.#spans.length < MAX_LISTED) this.#spans.push({ fromMs, untilMs, gaps });
    else this.#addToLast(untilMs, gaps);
  }

  #addToLast(untilMs: number, gaps: number): void {
    const last = this.#spans.at(-1);
    if (!last) return;
    last.untilMs = Math.max(last.untilMs, untilMs);
    last.gaps += gaps;
  }

  get fields(): Omit<Fields<'gap'>, 'id'> {
    const { camera, destination, fromWallMs, code } = this.#first;
    return {
      ...{ camera, destination, from: fromWallMs, until: this.#untilMs },
      ...{ gaps: this.#gaps, frames: this.#frames, cause: code },
      ...{ side: sideOf(code), at_most: this.#isAtMost, spans: this.#spans.map(textOf).join(' ') },
    };
  }

  /** Pictures within the times may have arrived. */
  get #isAtMost(): boolean {
    return this.#first.code === 'video-process-down' || this.#spans.some(({ gaps }) => gaps > 1);
  }
}

function textOf({ fromMs, untilMs, gaps }: Span): string {
  return `${fromMs}+${untilMs - fromMs}${gaps > 1 ? `x${gaps}` : ''}`;
}
