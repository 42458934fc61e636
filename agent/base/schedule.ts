import { createRequire } from 'node:module';
import type nodeCron from 'node-cron';
import { systemClock } from './clock.ts';
import { InternalError } from './errors.ts';
import type { Service } from './lifecycle.ts';
import type { Log } from './log.ts';

type Cron = typeof nodeCron;
const require = createRequire(import.meta.url);
/** Loaded when the first expression is to be read: most video processes never have one. */
const cron = (): Cron => require('node-cron') as Cron;

/** The time zone of every schedule of the product. */
const TIME_ZONE = 'Europe/Paris';

/** Whether the text is a cron expression: five fields, or six with seconds first. */
export function isCronExpression(text: string): boolean {
  return cron().validate(text);
}

/** Whether the text is a cron expression of five fields. */
export function isMinuteExpression(text: string): boolean {
  return text.trim().split(/\s+/).length === 5 && isCronExpression(text);
}

const MINUTE_MS = 60_000;

/**
 * The minutes that a cron expression of five fields names, by the clock of Europe/Paris. It is asked about an instant and
 * remembers nothing: where clocks go forward no minute is missed, where they go back the doubled hour counts twice.
 */
export class MinutePattern {
  readonly #task: ReturnType<Cron['createTask']>;

  constructor(expression: string) {
    if (!isMinuteExpression(expression))
      throw new InternalError('internal', `no cron expression of five fields: ${expression}`);
    this.#task = cron().createTask(expression, () => undefined, { timezone: TIME_ZONE });
    void this.#task.destroy();
  }

  /** @param wallMs Unix ms */
  holds(wallMs: number): boolean {
    return this.#task.match(new Date(Math.floor(wallMs / MINUTE_MS) * MINUTE_MS));
  }
}

/** Sweden writes dates as ISO 8601 does. */
const DATE = new Intl.DateTimeFormat('sv-SE', { timeZone: TIME_ZONE, dateStyle: 'short' });

/** The date in Europe/Paris, `2026-12-25`. */
export function localDate(wallMs: number): string {
  return DATE.format(wallMs);
}

/** Wall time is looked at again at least this often: it may have been set meanwhile. Source: guess. */
const LOOK_MS = 10_000;
/** What is later was jumped over by a clock that was set, and is left out. Source: guess. */
const LATEST_MS = 60_000;

/**
 * Runs `task` by a cron expression (six fields, seconds first, allowed), never twice at the same time. Wall time may be set:
 * what it jumps over costs nothing, however long that is, and where it goes back the next time is the next one by the new time.
 * The package goes through everything that was missed, for minutes of all that the agent has where a box wakes in 1970.
 */
export class Schedule implements Service {
  readonly name: string;
  readonly #expression: string;
  readonly #task: () => Promise<void>;
  readonly #log: Log;
  readonly #stopping = new AbortController();

  constructor(name: string, expression: string, task: () => Promise<void>, log: Log) {
    this.name = name;
    this.#expression = expression;
    this.#task = task;
    this.#log = log;
  }

  async start(): Promise<void> {
    if (!isCronExpression(this.#expression)) {
      throw new InternalError('internal', `${this.name}: no cron expression: ${this.#expression}`);
    }
    const job = cron().createTask(this.#expression, () => undefined, { timezone: TIME_ZONE });
    void job.destroy();
    const nextMs = () => job.getNextRuns(1)[0]?.getTime() ?? Number.POSITIVE_INFINITY;
    void this.#run(nextMs, nextMs(), this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
  }

  /** @param nextMs the next time that the expression names, seen from now */
  async #run(nextMs: () => number, first: number, signal: AbortSignal): Promise<void> {
    let dueMs = first;
    for (;;) {
      const waitMs = Math.max(1, Math.min(LOOK_MS, dueMs - systemClock.wallMs()));
      await systemClock.sleep(waitMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      const lateMs = systemClock.wallMs() - dueMs;
      if (lateMs >= 0 && lateMs < LATEST_MS) await this.#take();
      dueMs = lateMs < 0 ? Math.min(dueMs, nextMs()) : nextMs();
    }
  }

  async #take(): Promise<void> {
    await this.#task().catch((err: unknown) =>
      this.#log.warn({ err, schedule: this.name }, 'scheduled task failed'),
    );
  }
}
