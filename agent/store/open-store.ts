import { basename, join } from 'node:path';
import type { Clock, ClockTrust } from '../base/clock.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Log } from '../base/log.ts';
import { Pulse, type Working } from '../base/pulse.ts';
import { damagedDatabases } from './database.ts';
import { Engine } from './engine.ts';
import { metaNumber, setMeta } from './meta.ts';
import { SqlOutbox } from './outbox.ts';
import { OUTBOX_LIMITS, type OutboxLimits } from './outbox-limits.ts';
import { SqlRegister } from './register.ts';
import type { Sign } from './register-lines.ts';
import { RunClock } from './run-clock.ts';
import { SqlConfigSlots, SqlJournal, SqlMemory, SqlStories } from './small-parts.ts';
import type {
  ConfigSlots,
  Journal,
  Memory,
  Register,
  Store,
  StoreFault,
  Stories,
  Timeline,
} from './store.ts';
import { SqlTimeline } from './timeline.ts';

/** Name of the database in the state folder. */
export const DATABASE_NAME = 'beffroi.db';
/** How often a store in memory tries the disk again, ms. */
const RETURN_INTERVAL_MS = 10_000;
/** Longer than any maintenance takes, with the pause before it. Source: guess. */
const LONGEST_ROUND_MS = 60_000;
/** Years of a quiet box, a month of one that is flooded with forged orders. Source: guess. */
const REGISTER_LINES = 150_000;

export interface StoreNeeds {
  readonly clock: Clock;
  readonly clockTrust: () => ClockTrust;
  readonly log: Log;
  /** Ed25519 signature of the box. */
  readonly sign: Sign;
}

export interface StoreOptions {
  /** Outlives the process, though not the power: what the disk does not take is counted there. */
  readonly runtimeFolder?: string;
  readonly outbox?: OutboxLimits;
  /** How many lines the register keeps at least. */
  readonly registerLines?: number;
}

/** The store in one SQLite file. As a service it returns to the disk after a fault; it works before it is started. */
export class SqliteStore implements Store, Service, Working {
  readonly name = 'store';
  readonly boot: number;
  readonly outbox: SqlOutbox;
  readonly register: Register;
  readonly journal: Journal;
  readonly slots: ConfigSlots;
  readonly memory: Memory;
  readonly stories: Stories;
  readonly timeline: Timeline;
  readonly #file: string;
  readonly #engine: Engine;
  readonly #needs: StoreNeeds;
  readonly #runClock: RunClock;
  readonly #stopping = new AbortController();
  readonly #pulse: Pulse;
  #loop: Promise<void> | undefined;

  constructor(file: string, engine: Engine, boot: number, needs: StoreNeeds, options: StoreOptions) {
    this.#file = file;
    this.#engine = engine;
    this.#needs = needs;
    this.#pulse = new Pulse(needs.clock, LONGEST_ROUND_MS);
    this.boot = boot;
    this.#runClock = new RunClock(engine, () => needs.clock.monotonicMs());
    this.outbox = new SqlOutbox(
      engine,
      {
        runClock: this.#runClock,
        wallMs: () => needs.clock.wallMs(),
        clockTrusted: () => needs.clockTrust() !== 'untrusted',
      },
      options.outbox ?? OUTBOX_LIMITS,
    );
    this.register = new SqlRegister(engine, needs, options.registerLines ?? REGISTER_LINES);
    this.journal = new SqlJournal(engine, () => needs.clock.wallMs());
    this.slots = new SqlConfigSlots(engine);
    this.memory = new SqlMemory(engine);
    this.stories = new SqlStories(engine);
    this.timeline = new SqlTimeline(engine);
    engine.onBreak((name) => this.#noteBreak(name));
  }

  get durable(): boolean {
    return this.#engine.medium.durable;
  }

  get ranMs(): number {
    return this.#runClock.nowMs();
  }

  /** Names of the damaged databases that still lie in the state folder, oldest first. @throws what the file system says */
  setAside(): string[] {
    return damagedDatabases(this.#file).map((path) => basename(path));
  }

  transaction<T>(work: () => T): T {
    return this.#engine.write(work);
  }

  onFault(listener: (fault: StoreFault) => void): void {
    this.#engine.onFault(listener);
  }

  /** Whether the store is no longer maintained. */
  get stuck(): boolean {
    return this.#pulse.late;
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#loop ??= this.#keepTrying(AbortSignal.any([signal, this.#stopping.signal]));
  }

  /** Ends the tries to return to the disk; the store goes on until `close`. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  close(): void {
    this.#engine.medium.close();
  }

  async #keepTrying(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#needs.clock.sleep(RETURN_INTERVAL_MS, signal).catch(() => undefined);
      this.#pulse.beat();
      if (!signal.aborted) this.#maintain();
    }
  }

  #maintain(): void {
    try {
      this.#engine.maintain();
      this.outbox.maintain();
    } catch (err) {
      this.#needs.log.error({ err }, 'store: maintenance failed');
    }
  }

  #noteBreak(name: string): void {
    const detail = `a new database was begun; the damaged one is ${basename(name)}`;
    this.register.append({
      action: 'register.break',
      who: 'box',
      subject: DATABASE_NAME,
      result: 'set-aside',
      detail,
    });
  }
}

/**
 * Opens the store in the state folder. It always opens: a damaged database is set aside, and where the folder cannot be
 * written everything is kept in memory; `onFault` tells.
 */
export function openStore(folder: string, needs: StoreNeeds, options: StoreOptions = {}): SqliteStore {
  const file = join(folder, DATABASE_NAME);
  const engine = new Engine(file, { ...needs, runtimeFolder: options.runtimeFolder });
  const boot = engine.write((sql) => {
    const next = metaNumber(sql, 'boot') + 1;
    setMeta(sql, 'boot', next);
    return next;
  });
  engine.medium.mark({ boot });
  return new SqliteStore(file, engine, boot, needs, options);
}
