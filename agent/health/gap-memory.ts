import type { Memory } from '../store/store.ts';
import type { KeptReached } from './downtime.ts';
import { GapSum, type KeptSum } from './gap-sum.ts';

const ROOM = 'gaps';
const SUM = 'sum ';

/** A gap of the video process that came: which of its starts told it, and under which number. */
export interface Arrival {
  readonly run: string;
  readonly number: number;
}

/** What is known of gaps and outlives the agent. */
export class GapMemory {
  readonly #memory: Memory;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** What was gathered and is not told, by its key. */
  sums(): [key: string, sum: GapSum][] {
    return this.#memory.entries(ROOM).flatMap(([name, text]): [string, GapSum][] => {
      if (!name.startsWith(SUM)) return [];
      const kept = parsed<KeptSum>(text);
      if (kept) return [[name.slice(SUM.length), new GapSum(kept)]];
      this.#memory.delete(ROOM, name);
      return [];
    });
  }

  keep(key: string, sum: GapSum): void {
    this.#memory.set(ROOM, SUM + key, JSON.stringify(sum.kept));
  }

  forget(key: string): void {
    this.#memory.delete(ROOM, SUM + key);
  }

  /** The last gap that is told, or kept here. */
  get arrival(): Arrival | undefined {
    return parsed<Arrival>(this.#memory.get(ROOM, 'arrival'));
  }

  set arrival(arrival: Arrival) {
    this.#memory.set(ROOM, 'arrival', JSON.stringify(arrival));
  }

  get reached(): KeptReached | undefined {
    return parsed<KeptReached>(this.#memory.get(ROOM, 'reached'));
  }

  set reached(reached: KeptReached) {
    this.#memory.set(ROOM, 'reached', JSON.stringify(reached));
  }
}

/** @returns undefined for what cannot be read */
function parsed<T>(text: string | undefined): T | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}
