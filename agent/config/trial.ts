import { z } from 'zod';
import type { ConfigSlot, Store } from '../store/store.ts';

const ROOM = 'config';
const TRIAL = 'trial';
const GIVEN_UP = 'given-up';

/** Starts that one configuration may end before it is given up: that of its order, and one more. Source: guess. */
const MAX_DEATHS = 2;

const slot = z.strictObject({ version: z.int(), hash: z.string(), jws: z.string() });

const record = z.strictObject({
  /** Payload hash of the configuration on trial, which is the last good one meanwhile. */
  hash: z.string(),
  /** Starts of the agent that would be ended by it if this one is. */
  deaths: z.int(),
  /** It was brought into force: now only a crash of ours counts against it. */
  applied: z.boolean(),
  /** What was the last good one before; absent when there was none. */
  before: slot.optional(),
});
type TrialRecord = z.infer<typeof record>;

/** What the trial says at the start of the agent. */
export interface TrialVerdict {
  /** What is brought into force. */
  readonly slot: ConfigSlot | undefined;
  /** What ended the agent again and again, and is tried no more. */
  readonly givenUp: ConfigSlot | undefined;
}

/**
 * Remembers over the death of the agent which configuration is being brought into force, so that one that ends the agent
 * does so twice at most. A configuration is on trial from its acceptance until it has been in force for a while. An agent
 * that ends while it applies counts against it however it ends; later only an error that nobody caught does, because
 * power cuts happen.
 */
export class Trial {
  readonly #store: Pick<Store, 'memory' | 'slots' | 'transaction'>;

  constructor(store: Pick<Store, 'memory' | 'slots' | 'transaction'>) {
    this.#store = store;
  }

  /** Payload hash of the last configuration that was given up or failed to apply; empty when there is none. */
  get givenUp(): string {
    return this.#store.memory.get(ROOM, GIVEN_UP) ?? '';
  }

  /** To be called once at the start, before anything is applied. */
  judge(): TrialVerdict {
    const slot = this.#store.slots.lastGood();
    const trial = this.#read();
    if (!slot || slot.hash === this.givenUp) return { slot: undefined, givenUp: undefined };
    if (trial?.hash !== slot.hash || (trial.applied && trial.deaths === 0)) {
      this.#forget();
      return { slot, givenUp: undefined };
    }
    if (trial.deaths >= MAX_DEATHS) return { slot: this.#giveUp(trial), givenUp: slot };
    this.#write({ ...trial, deaths: trial.deaths + 1, applied: false });
    return { slot, givenUp: undefined };
  }

  /** A configuration was accepted and is being brought into force. */
  begin(slot: ConfigSlot): void {
    const { slots } = this.#store;
    this.#store.transaction(() => {
      const last = slots.lastGood();
      const before = last?.hash === this.givenUp ? undefined : last;
      slots.saveGood(slot);
      this.#write({ hash: slot.hash, deaths: 1, applied: false, ...(before ? { before } : {}) });
    });
  }

  /** It is in force. */
  applied(): void {
    const trial = this.#read();
    if (trial) this.#write({ ...trial, deaths: trial.deaths - 1, applied: true });
  }

  /** The agent ends by an error that nobody caught. */
  crashed(): void {
    const trial = this.#read();
    if (trial?.applied) this.#write({ ...trial, deaths: trial.deaths + 1, applied: false });
  }

  /** The agent ends in order while the configuration is being brought into force: nothing is held against it. */
  interrupted(): void {
    const trial = this.#read();
    if (trial && !trial.applied) this.#write({ ...trial, deaths: trial.deaths - 1 });
  }

  /** It has been in force for long enough. */
  passed(): void {
    this.#store.transaction(() => {
      this.#forget();
      this.#store.memory.delete(ROOM, GIVEN_UP);
    });
  }

  /** It could not be brought into force: what was there before is the last good one again. */
  failed(): void {
    const trial = this.#read();
    if (trial) this.#giveUp(trial);
  }

  /** @returns what is the last good one again */
  #giveUp({ hash, before }: TrialRecord): ConfigSlot | undefined {
    this.#store.transaction(() => {
      this.#store.memory.set(ROOM, GIVEN_UP, hash);
      if (before) this.#store.slots.saveGood(before);
      this.#forget();
    });
    return before;
  }

  #read(): TrialRecord | undefined {
    const text = this.#store.memory.get(ROOM, TRIAL);
    if (text === undefined) return undefined;
    const parsed = record.safeParse(jsonOrUndefined(text));
    return parsed.success ? parsed.data : undefined;
  }

  #write(trial: TrialRecord): void {
    this.#store.memory.set(ROOM, TRIAL, JSON.stringify(trial));
  }

  #forget(): void {
    this.#store.memory.delete(ROOM, TRIAL);
  }
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
