/** A moment by both clocks of the box: the one labels, the other measures. */
export interface Moment {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** Pictures that came to the box. */
interface Timed {
  readonly boxWallMs: number;
  readonly boxMonotonicMs: number;
  readonly durationMs: number;
}

/** When the first of them had come. */
export function beginOf({ boxWallMs: wallMs, boxMonotonicMs: monotonicMs }: Timed): Moment {
  return { wallMs, monotonicMs };
}

export function endOf(chunk: Timed): Moment {
  const { wallMs, monotonicMs } = beginOf(chunk);
  return { wallMs: wallMs + chunk.durationMs, monotonicMs: monotonicMs + chunk.durationMs };
}

/** @returns from the first to the second, ms */
export function between(first: Moment, second: Moment): number {
  return second.monotonicMs - first.monotonicMs;
}

export function earliest(first: Moment, ...others: (Moment | undefined)[]): Moment {
  return others.reduce<Moment>((least, one) => (one && between(one, least) > 0 ? one : least), first);
}
