import type { ClosedBy } from '../contract/viewing.ts';
import { viewOpenOrder } from '../contract/viewing-orders.ts';
import type { Memory } from '../store/store.ts';
import type { OrderOf } from './facts.ts';
import type { MachineClock } from './ports.ts';
import type { KeptTally } from './tally.ts';

const ROOM = 'views';

/** A view as it outlives a restart of the agent. */
export interface KeptView {
  readonly order: OrderOf<'view.open'>;
  readonly signer: string;
  readonly openedMs: number;
  /** When it closes, Unix ms. */
  readonly endMs: number;
  /** The same moment on the clock of the machine, while it is not started anew. */
  readonly bootId: string;
  readonly endUptimeMs: number;
  readonly tally: KeptTally;
  /** It was closed; only its line is still to be written. */
  readonly closed?: Closed;
}

/** How a channel was closed. */
export interface Closed {
  readonly by: ClosedBy;
  /** Key id of who ordered it, or `box`. */
  readonly who: string;
  /** Unix ms. */
  readonly atMs: number;
  readonly detail?: string;
}

/** Remembers the open views. */
export class ViewMemory {
  readonly #memory: Memory;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  keep(view: KeptView): void {
    this.#memory.set(ROOM, view.order.jti, JSON.stringify(view));
  }

  forget(id: string): void {
    this.#memory.delete(ROOM, id);
  }

  /** What an earlier start of the agent left open. Entries that cannot be read are forgotten. */
  left(): KeptView[] {
    return this.#memory.entries(ROOM).flatMap(([id, text]) => {
      const view = readView(text);
      if (!view) this.forget(id);
      return view ? [view] : [];
    });
  }
}

function readView(text: string): KeptView | undefined {
  try {
    const view = JSON.parse(text) as KeptView;
    return viewOpenOrder.safeParse(view.order).success && Number.isFinite(view.endMs) ? view : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Time that is left of a kept view, ms: by the clock of the machine where it still runs, and by wall time where that can
 * be believed; the shorter one. 0 when neither can tell.
 */
export function leftOf(
  { bootId, endUptimeMs, endMs }: Pick<KeptView, 'bootId' | 'endUptimeMs' | 'endMs'>,
  machine: MachineClock,
  wallMs: number | undefined,
): number {
  const byMachine = bootId === machine.bootId ? endUptimeMs - machine.uptimeMs() : undefined;
  const byWall = wallMs === undefined ? undefined : endMs - wallMs;
  const known = [byMachine, byWall].filter((ms) => ms !== undefined);
  return known.length === 0 ? 0 : Math.max(0, Math.min(...known));
}
