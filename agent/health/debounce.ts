import type { Verdict } from './verdict.ts';

/** What has been told to the CSU, and what may soon be. */
export interface Debounced {
  readonly declared: Verdict;
  /** Wall time when the declared state began; another cause of the same state does not move it. */
  readonly sinceWallMs: number;
  /** A verdict that must last before it is declared. */
  readonly pending: { readonly key: string; readonly sinceMs: number } | undefined;
}

export interface Now {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** Another cause of the same state is told when it has lasted this long. Source: guess. */
const CAUSE_HOLD_MS = 2_000;
/** Not knowing is told when it has lasted this long: a restart of the video process takes less. Source: guess. */
const UNKNOWN_HOLD_MS = 5_000;

export const NOTHING_KNOWN: Verdict = { state: 'unknown', cause: 'none', detail: 'nothing is known yet' };

/** The state machine between verdicts and reports; the verdict itself has waited out stalls and recoveries already. */
export function debounce(current: Debounced, verdict: Verdict | undefined, now: Now): Debounced {
  if (!verdict) return current;
  const key = keyOf(verdict);
  if (key === keyOf(current.declared)) return current.pending ? { ...current, pending: undefined } : current;
  const sinceMs = current.pending?.key === key ? current.pending.sinceMs : now.monotonicMs;
  if (now.monotonicMs - sinceMs < holdMs(current.declared, verdict))
    return { ...current, pending: { key, sinceMs } };
  const sameState = verdict.state === current.declared.state;
  return {
    declared: verdict,
    sinceWallMs: sameState ? current.sinceWallMs : now.wallMs,
    pending: undefined,
  };
}

function keyOf(verdict: Verdict): string {
  return `${verdict.state} ${verdict.cause}`;
}

function holdMs(from: Verdict, to: Verdict): number {
  if (from.state === to.state) return CAUSE_HOLD_MS;
  return to.state === 'unknown' ? UNKNOWN_HOLD_MS : 0;
}
