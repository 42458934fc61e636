import type { Store } from '../../agent/store/store.ts';

type Needed = Pick<Store, 'durable' | 'journal' | 'memory' | 'outbox' | 'register' | 'transaction'>;

/** The store of an agent that dies with one of its writes: what is written after it never comes to the disk. */
export class MortalStore implements Needed {
  readonly journal: Store['journal'];
  readonly memory: Store['memory'];
  readonly register: Store['register'];
  readonly outbox: Store['outbox'];
  /** Writes that were made durable. */
  writes = 0;
  readonly #store: Store;
  readonly #diesAfter: number;
  readonly #dies: () => void;
  #writing = false;

  /** @param dies called with the last write */
  constructor(store: Store, diesAfter: number, dies: () => void) {
    this.#store = store;
    this.#diesAfter = diesAfter;
    this.#dies = dies;
    const { journal, memory, register, outbox } = store;
    this.journal = { take: (id, notAfterMs) => this.#write(() => journal.take(id, notAfterMs)) };
    this.memory = {
      get: (room, key) => memory.get(room, key),
      entries: (room) => memory.entries(room),
      set: (room, key, value) => this.#write(() => memory.set(room, key, value)),
      delete: (room, key) => this.#write(() => memory.delete(room, key)),
    };
    this.register = {
      append: (entry) => this.#write(() => register.append(entry)),
      head: () => register.head(),
      lines: (from, limit) => register.lines(from, limit),
      onAppended: (listener) => register.onAppended(listener),
    };
    this.outbox = Object.create(outbox, {
      append: {
        value: (build: Parameters<typeof outbox.append>[0]) => this.#write(() => outbox.append(build)),
      },
    });
  }

  get durable(): boolean {
    return this.#store.durable;
  }

  transaction<T>(work: () => T): T {
    return this.#write(() => this.#store.transaction(work));
  }

  #write<T>(work: () => T): T {
    if (this.#writing) return work();
    if (this.writes >= this.#diesAfter) throw new RangeError('the agent is dead');
    this.#writing = true;
    try {
      return work();
    } finally {
      this.#writing = false;
      this.writes += 1;
      if (this.writes === this.#diesAfter) this.#dies();
    }
  }
}
