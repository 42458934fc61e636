import { leaseOpenOrder } from '../contract/viewing-orders.ts';
import type { Memory } from '../store/store.ts';
import type { OrderOf } from './facts.ts';
import type { KeptTally } from './tally.ts';
import type { Closed } from './view-memory.ts';

const ROOM = 'leases';
/** Closed leases that the CSU may still tell the follow-up of. Source: guess. */
const CLOSED_KEPT = 100;
/** Where it stands since when this memory remembers which leases were taken. */
const SINCE = 'since';

/** A lease as it outlives a restart of the agent: enough to tell of it, and nothing that opens anything. */
export interface KeptLease {
  readonly order: OrderOf<'lease.open'>;
  readonly signer: string;
  readonly partner: string;
  readonly openedMs: number;
  /** When it was known to be open last, Unix ms. */
  readonly seenMs: number;
  readonly endMs: number;
  readonly tally: KeptTally;
  readonly closed?: Closed;
  /** Its closing stands in the register. */
  readonly told: boolean;
}

/** Remembers the leases that were opened. */
export class LeaseMemory {
  readonly #memory: Memory;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /**
   * Unix ms from which on this memory knows every lease that was taken. A lease that was signed before may have been
   * used and forgotten with an older memory.
   */
  get sinceMs(): number | undefined {
    const since = Number(this.#memory.get(ROOM, SINCE) ?? Number.NaN);
    return Number.isSafeInteger(since) ? since : undefined;
  }

  begin(nowMs: number): void {
    this.#memory.set(ROOM, SINCE, String(Math.trunc(nowMs)));
  }

  keep(lease: KeptLease): void {
    this.#memory.set(ROOM, key(lease.order.jti), JSON.stringify(lease));
    if (lease.told) this.#forgetOld();
  }

  find(id: string): KeptLease | undefined {
    const text = this.#memory.get(ROOM, key(id));
    return text === undefined ? undefined : readLease(text);
  }

  /** Those whose closing is not in the register. */
  untold(): KeptLease[] {
    return this.#all().filter(({ told }) => !told);
  }

  #all(): KeptLease[] {
    return this.#memory.entries(ROOM).flatMap(([name, text]) => {
      if (name === SINCE) return [];
      const lease = readLease(text);
      if (!lease) this.#memory.delete(ROOM, name);
      return lease ? [lease] : [];
    });
  }

  #forgetOld(): void {
    const told = this.#all().filter((lease) => lease.told);
    const oldest = told
      .sort((a, b) => a.openedMs - b.openedMs)
      .slice(0, Math.max(0, told.length - CLOSED_KEPT));
    for (const { order } of oldest) this.#memory.delete(ROOM, key(order.jti));
  }
}

function key(id: string): string {
  return `lease ${id}`;
}

function readLease(text: string): KeptLease | undefined {
  try {
    const lease = JSON.parse(text) as KeptLease;
    return leaseOpenOrder.safeParse(lease.order).success ? lease : undefined;
  } catch {
    return undefined;
  }
}
