import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Log } from '../base/log.ts';
import type { Working } from '../base/pulse.ts';

const run = promisify(execFile);
const NOTIFY_TIMEOUT_MS = 5000;

/**
 * Tells systemd something, through `systemd-notify`. Does nothing outside systemd (no `NOTIFY_SOCKET`).
 * @param messages `READY=1`, `STATUS=…` and the like; @see sd_notify(3)
 * @returns false when it was not told
 */
export async function tellSystemd(
  messages: readonly string[],
  environment: NodeJS.ProcessEnv,
  log: Log,
): Promise<boolean> {
  if (!environment.NOTIFY_SOCKET) return true;
  const how = { timeout: NOTIFY_TIMEOUT_MS, killSignal: 'SIGKILL', env: environment } as const;
  return await run('systemd-notify', [...messages], how).then(
    () => true,
    (err: unknown) => {
      log.warn({ err }, 'systemd could not be notified');
      return false;
    },
  );
}

export interface NotifierNeeds {
  readonly clock: Clock;
  readonly log: Log;
  /** What must be at work for the watchdog to be fed. */
  readonly parts: readonly Working[];
}

/**
 * Tells systemd that the service is ready, that it stops, and that every part of it makes progress. One part that is
 * stuck ends the feeding of the watchdog, and systemd restarts the service.
 * @see systemd.service(5) WatchdogSec
 */
export class SystemdNotifier implements Service {
  readonly name = 'systemd notifier';
  readonly #needs: NotifierNeeds;
  readonly #environment: NodeJS.ProcessEnv;
  #stop = new AbortController();
  /** Of a service that never said so systemd believes that it does not come up, and ends it. */
  #isReadyTold = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(needs: NotifierNeeds, environment: NodeJS.ProcessEnv) {
    this.#needs = needs;
    this.#environment = environment;
  }

  async start(): Promise<void> {
    if (!this.#environment.NOTIFY_SOCKET) return;
    await this.#tellReady();
    const watchdogMs = Number(this.#environment.WATCHDOG_USEC ?? 0) / 1000;
    this.#stop = new AbortController();
    if (watchdogMs > 0) this.#loop = this.#feed(watchdogMs / 3, this.#stop.signal);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    await this.#notify('STOPPING=1', 'STATUS=stopping');
  }

  async #feed(everyMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look();
      await this.#needs.clock.sleep(everyMs, signal).catch(() => undefined);
    }
  }

  async #tellReady(): Promise<void> {
    this.#isReadyTold = await this.#notify('READY=1', 'STATUS=running');
  }

  async #look(): Promise<void> {
    if (!this.#isReadyTold) await this.#tellReady();
    const stuck = this.#needs.parts.filter((part) => part.stuck).map(({ name }) => name);
    if (stuck.length > 0) this.#needs.log.error({ stuck }, 'no progress: the watchdog is not fed');
    await this.#notify(stuck.length === 0 ? 'WATCHDOG=1' : `STATUS=no progress: ${stuck.join(', ')}`);
  }

  async #notify(...messages: string[]): Promise<boolean> {
    return await tellSystemd(messages, this.#environment, this.#needs.log);
  }
}
