import type { Budget, ChannelClass } from '../../contract/video-link.ts';

/** One camera to one destination. */
export interface Demand {
  readonly key: string;
  readonly kind: ChannelClass;
  /** Higher goes first. */
  readonly priority: number;
  /** Of equal priority the lower goes first. */
  readonly order: number;
  /** What the camera sends to a destination that is connected, whether it is let through or not. */
  readonly kbps: number;
  /** Counted first and never paused. */
  readonly fixed: boolean;
}

/** What is short: the budget of the class, or that of the box. */
export type Limit = 'class' | 'box';

/** Who does not fit, and into what. */
export type Overflow = ReadonlyMap<string, Limit>;

/**
 * Whom the budget holds: in the order of priority each is let through that still fits. One that does not fit leaves its
 * room to those behind it.
 */
export function overflow(demands: readonly Demand[], budget: Budget): Overflow {
  const used = { box: 0, mqtt: 0, rtsp: 0 };
  const out = new Map<string, Limit>();
  for (const demand of [...demands].sort(byRank)) {
    const limit = demand.fixed ? undefined : limitOf(demand, budget, used);
    if (limit) out.set(demand.key, limit);
    else {
      used.box += demand.kbps;
      used[demand.kind] += demand.kbps;
    }
  }
  return out;
}

/** Kilobits per second of a class, or of all; 0: no limit. */
export function limitKbps(budget: Budget, kind: ChannelClass | 'box'): number {
  if (kind === 'box') return budget.boxKbps;
  return kind === 'mqtt' ? budget.brokerKbps : budget.serverKbps;
}

function limitOf(
  { kind, kbps }: Demand,
  budget: Budget,
  used: Readonly<Record<ChannelClass | 'box', number>>,
): Limit | undefined {
  const isFull = (which: ChannelClass | 'box') => {
    const limit = limitKbps(budget, which);
    return limit > 0 && used[which] + kbps > limit;
  };
  if (isFull(kind)) return 'class';
  return isFull('box') ? 'box' : undefined;
}

function byRank(a: Demand, b: Demand): number {
  return Number(b.fixed) - Number(a.fixed) || b.priority - a.priority || a.order - b.order;
}
