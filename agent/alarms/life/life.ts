import type { LIFE_STATES } from '../../contract/alarm-life.ts';

/**
 * The life of an alarm: raised, acknowledged, cleared, closed. A point has one alarm at a time; it keeps its id until it
 * is closed, however often its condition comes and goes meanwhile.
 * `cleared` is what ISA-18.2 calls `returned to normal, unacknowledged`.
 */
export type LifeState = (typeof LIFE_STATES)[number];

/** `worsen`: what is there now is graver than what was told, and than what was acknowledged. */
export type LifeInput = 'raise' | 'worsen' | 'clear' | 'acknowledge' | 'close';
type LifeTransition = Exclude<LifeState, 'none'>;

/** Who decided, by a signed order. */
export interface Decision {
  /** Name or number of the person, as the order gives it; `box` where the box decided by itself. */
  readonly by: string;
  /** Key id of the order; empty where the box decided by itself. */
  readonly signer: string;
  readonly why: string;
}

export interface AlarmLife {
  readonly state: LifeState;
  /** Empty when there never was an alarm. */
  readonly alarm: string;
  /** How often it was raised since it was closed last. */
  readonly count: number;
  /** Wall time of its first and of its last raise, Unix ms; 0 when there was none. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** Wall time at which the state began, Unix ms. */
  readonly sinceMs: number;
  /** Who acknowledged it, while that holds. */
  readonly acknowledged?: Decision & { readonly atMs: number };
}

/**
 * Every transition. The cell holds what is told, in order, and its last is the next state; an empty cell changes nothing.
 * A cleared alarm that comes back was seen by nobody: it is raised again, to be acknowledged.
 */
const TRANSITIONS: Readonly<Record<LifeState, Readonly<Record<LifeInput, readonly LifeTransition[]>>>> = {
  none: { raise: ['raised'], worsen: [], clear: [], acknowledge: [], close: [] },
  raised: {
    raise: [],
    worsen: ['raised'],
    clear: ['cleared'],
    acknowledge: ['acknowledged'],
    close: ['closed'],
  },
  acknowledged: {
    raise: [],
    worsen: ['raised'],
    clear: ['cleared', 'closed'],
    acknowledge: [],
    close: ['closed'],
  },
  cleared: {
    raise: ['raised'],
    worsen: [],
    clear: [],
    acknowledge: ['acknowledged', 'closed'],
    close: ['closed'],
  },
  closed: { raise: ['raised'], worsen: [], clear: [], acknowledge: [], close: [] },
};

export function newLife(wallMs: number): AlarmLife {
  return { state: 'none', alarm: '', count: 0, firstMs: 0, lastMs: 0, sinceMs: wallMs };
}

/** Whether the alarm is there: its condition holds as far as is known. */
export function isActive({ state }: AlarmLife): boolean {
  return state === 'raised' || state === 'acknowledged';
}

/** Whether somebody still has to do something about it. */
export function isOpen({ state }: AlarmLife): boolean {
  return state !== 'none' && state !== 'closed';
}

export interface Step {
  readonly life: AlarmLife;
  readonly told: readonly LifeTransition[];
}

/** The life after an input. @returns the same life, and nothing told, where the table has an empty cell */
export function step(
  life: AlarmLife,
  input: LifeInput,
  now: { readonly wallMs: number; readonly newId: () => string; readonly decision?: Decision },
): Step {
  const told = TRANSITIONS[life.state][input];
  const state = told.at(-1);
  if (state === undefined) return { life, told };
  const changed = { ...life, state, sinceMs: now.wallMs };
  if (input === 'raise' || input === 'worsen') return { life: raised(changed, !isOpen(life), now), told };
  if (input !== 'acknowledge' || !now.decision) return { life: changed, told };
  return { life: { ...changed, acknowledged: { ...now.decision, atMs: now.wallMs } }, told };
}

function raised(
  life: AlarmLife,
  anew: boolean,
  { wallMs, newId }: { readonly wallMs: number; readonly newId: () => string },
): AlarmLife {
  const { acknowledged, ...rest } = life;
  const lastMs = wallMs;
  return anew
    ? { ...rest, alarm: newId(), count: 1, firstMs: wallMs, lastMs }
    : { ...rest, count: life.count + 1, lastMs };
}
