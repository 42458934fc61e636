/** A stretch of wall time, Unix ms. */
export interface Stretch {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** What of them lies within the stretch. */
export function clipped<T extends Stretch>(all: readonly T[], { fromMs, untilMs }: Stretch): T[] {
  return all.flatMap((one) => {
    const [from, until] = [Math.max(one.fromMs, fromMs), Math.min(one.untilMs, untilMs)];
    return until > from ? [{ ...one, fromMs: from, untilMs: until }] : [];
  });
}

/** The same moments, none of them twice, in order. */
export function union(all: readonly Stretch[]): Stretch[] {
  const joined: Stretch[] = [];
  for (const { fromMs, untilMs } of [...all].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = joined.at(-1);
    if (!last || last.untilMs < fromMs) joined.push({ fromMs, untilMs });
    else joined[joined.length - 1] = { fromMs: last.fromMs, untilMs: Math.max(last.untilMs, untilMs) };
  }
  return joined;
}

/** What of them lies in no hole. @param holes as `union` gives them */
export function without<T extends Stretch>(all: readonly T[], holes: readonly Stretch[]): T[] {
  return all.flatMap((one) => {
    let rest: T[] = [one];
    for (const { fromMs, untilMs } of holes)
      rest = rest.flatMap((part) => [
        ...clipped([part], { fromMs: Number.NEGATIVE_INFINITY, untilMs: fromMs }),
        ...clipped([part], { fromMs: untilMs, untilMs: Number.POSITIVE_INFINITY }),
      ]);
    return rest;
  });
}

export function lengthMs(all: readonly Stretch[]): number {
  return all.reduce((sum, { fromMs, untilMs }) => sum + untilMs - fromMs, 0);
}
