/** When what a source says counts. Intervals are monotonic. */
export interface SettlingRule {
  /** A change counts when it has held for so long; 0: at once. */
  readonly debounceMs: number;
  /** A condition that holds for less raises nothing. */
  readonly minDurationMs: number;
}

export interface ChatterRule {
  /** So often raised within `withinMs`, and the point chatters; 0: never. */
  readonly raises: number;
  readonly withinMs: number;
  /** Still for so long, and it no longer does. */
  readonly quietMs: number;
}

export type Settled = 'raised' | 'cleared' | 'unknown';

/** What of a point is settled. Times are monotonic and mean nothing in another start of the agent. */
export interface Settling {
  /** What the source said last; undefined when it never spoke, or what it said was set aside. */
  readonly said: boolean | undefined;
  readonly saidMs: number;
  /** What counts. */
  readonly settled: Settled;
  /** When it was raised lately, no more than the rule counts. */
  readonly raisesMs: readonly number[];
  /** Changes of the condition that is called chattering, those that made it so included; absent while it is none. */
  readonly changes?: number;
}

export const UNSETTLED: Settling = { said: undefined, saidMs: 0, settled: 'unknown', raisesMs: [] };

/** The source says that the condition holds, or that it does not. @returns the same when it said so before */
export function say(settling: Settling, said: boolean, nowMs: number): Settling {
  if (said === settling.said) return settling;
  const changes = settling.changes === undefined ? {} : { changes: settling.changes + 1 };
  return { ...settling, ...changes, said, saidMs: nowMs };
}

/** What counts now. While it chatters it counts as raised. @returns the same when nothing has changed */
export function settle(
  settling: Settling,
  rules: { readonly settling: SettlingRule; readonly chatter: ChatterRule },
  nowMs: number,
): Settling {
  if (settling.changes !== undefined) return calmed(settling, rules.chatter, nowMs);
  const dueMs = settlesAtMs(settling, rules.settling);
  if (dueMs === undefined || nowMs < dueMs) return settling;
  const settled = settling.said ? 'raised' : 'cleared';
  return settled === 'raised' ? raised(settling, rules.chatter, nowMs) : { ...settling, settled };
}

/** When time alone changes what counts, monotonic ms; undefined when it does not. */
export function dueMs(
  settling: Settling,
  rules: { readonly settling: SettlingRule; readonly chatter: ChatterRule },
): number | undefined {
  if (settling.changes !== undefined) return settling.saidMs + rules.chatter.quietMs;
  return settlesAtMs(settling, rules.settling);
}

/** A first word that all is well needs no time to be believed. */
function settlesAtMs({ said, saidMs, settled }: Settling, rule: SettlingRule): number | undefined {
  if (said === undefined || settled === (said ? 'raised' : 'cleared')) return undefined;
  if (said) return saidMs + Math.max(rule.debounceMs, rule.minDurationMs);
  return settled === 'unknown' ? saidMs : saidMs + rule.debounceMs;
}

function raised(settling: Settling, rule: ChatterRule, nowMs: number): Settling {
  const recent = settling.raisesMs.filter((atMs) => nowMs - atMs < rule.withinMs);
  const raisesMs = rule.raises === 0 ? [] : [...recent, nowMs].slice(-rule.raises);
  const settled = { ...settling, settled: 'raised', raisesMs } as const;
  return rule.raises > 0 && raisesMs.length >= rule.raises
    ? { ...settled, changes: 2 * rule.raises - 1 }
    : settled;
}

function calmed(settling: Settling, rule: ChatterRule, nowMs: number): Settling {
  if (nowMs - settling.saidMs < rule.quietMs) return settling;
  const { changes, said, ...rest } = settling;
  if (said === undefined) return { ...rest, said, raisesMs: [] };
  return { ...rest, said, settled: said ? 'raised' : 'cleared', raisesMs: [] };
}
