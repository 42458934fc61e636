import type { ForwardingNeeds } from '../../agent/health/forwarding.ts';
import type { Memory } from '../../agent/store/store.ts';

/** What outlives an agent, without a disk. */
export class KeptMemory implements Memory {
  readonly #values = new Map<string, string>();

  get(room: string, key: string): string | undefined {
    return this.#values.get(JSON.stringify([room, key]));
  }

  set(room: string, key: string, value: string): void {
    this.#values.set(JSON.stringify([room, key]), value);
  }

  delete(room: string, key: string): void {
    this.#values.delete(JSON.stringify([room, key]));
  }

  entries(of: string): [key: string, value: string][] {
    return [...this.#values].flatMap(([name, value]): [string, string][] => {
      const [room, key = ''] = JSON.parse(name) as string[];
      return room === of ? [[key, value]] : [];
    });
  }
}

/** An agent that keeps things here, and whose video process does not ask what is kept. */
export function keptIn(memory: KeptMemory): Pick<ForwardingNeeds, 'memory' | 'transaction' | 'kept'> {
  return { memory, transaction: (work) => work(), kept: () => undefined };
}
