import { createRequire } from 'node:module';
import type nodeCron from 'node-cron';
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

/** Runs `task` by a cron expression (six fields, seconds first, allowed), never twice at the same time. */
export class Schedule implements Service {
  readonly name: string;
  readonly #expression: string;
  readonly #task: () => Promise<void>;
  readonly #log: Log;
  #job: ReturnType<Cron['schedule']> | undefined;

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
    const log = this.#log;
    this.#job = cron().schedule(
      this.#expression,
      async () => {
        await this.#task().catch((err: unknown) =>
          log.warn({ err, schedule: this.name }, 'scheduled task failed'),
        );
      },
      {
        timezone: TIME_ZONE,
        noOverlap: true,
        name: this.name,
        logger: {
          info: (message: string) => log.debug({ schedule: this.name }, message),
          warn: (message: string) => log.debug({ schedule: this.name }, message),
          error: (message: string | Error) => log.warn({ schedule: this.name }, String(message)),
          debug: (message: string | Error) => log.debug({ schedule: this.name }, String(message)),
        },
      },
    );
  }

  async stop(): Promise<void> {
    await this.#job?.destroy();
    this.#job = undefined;
  }
}
