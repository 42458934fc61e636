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
  if (holes.length === 0) return [...all];
  return all.flatMap((one) => {
    const parts: T[] = [];
    let { fromMs } = one;
    for (let at = firstEndingAfter(holes, fromMs); at < holes.length; at += 1) {
      const hole = holes[at];
      if (!hole || hole.fromMs >= one.untilMs) break;
      if (hole.fromMs > fromMs) parts.push({ ...one, fromMs, untilMs: hole.fromMs });
      fromMs = hole.untilMs;
    }
    if (fromMs < one.untilMs) parts.push({ ...one, fromMs });
    return parts;
  });
}

/** The first of them that ends after this moment, in their order: there may be thousands. */
export function firstEndingAfter(all: readonly Stretch[], ms: number): number {
  let [low, high] = [0, all.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((all[middle]?.untilMs ?? 0) > ms) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function lengthMs(all: readonly Stretch[]): number {
  return all.reduce((sum, { fromMs, untilMs }) => sum + untilMs - fromMs, 0);
}
