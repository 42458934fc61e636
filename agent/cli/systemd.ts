import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Log } from '../base/log.ts';

const run = promisify(execFile);
const NOTIFY_TIMEOUT_MS = 5000;

/**
 * Tells systemd, through `systemd-notify`, that the service is ready, that it stops, and that it makes progress.
 * Does nothing outside systemd (no `NOTIFY_SOCKET`).
 * @see sd_notify(3), systemd.service(5) WatchdogSec
 */
export class SystemdNotifier implements Service {
  readonly name = 'systemd notifier';
  readonly #needs: { readonly clock: Clock; readonly log: Log; readonly progressing: () => boolean };
  readonly #environment: NodeJS.ProcessEnv;
  #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  /** @param needs `progressing` says whether the service did real work since it was asked last */
  constructor(
    needs: { readonly clock: Clock; readonly log: Log; readonly progressing: () => boolean },
    environment: NodeJS.ProcessEnv,
  ) {
    this.#needs = needs;
    this.#environment = environment;
  }

  async start(): Promise<void> {
    if (!this.#environment.NOTIFY_SOCKET) return;
    await this.#notify('--ready');
    const watchdogMs = Number(this.#environment.WATCHDOG_USEC ?? 0) / 1000;
    this.#stop = new AbortController();
    if (watchdogMs > 0) this.#loop = this.#feed(watchdogMs / 3, this.#stop.signal);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    if (this.#environment.NOTIFY_SOCKET) await this.#notify('STOPPING=1');
  }

  async #feed(everyMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#needs.progressing()) await this.#notify('WATCHDOG=1');
      else this.#needs.log.error('no progress since the last watchdog interval: the watchdog is not fed');
      await this.#needs.clock.sleep(everyMs, signal).catch(() => undefined);
    }
  }

  async #notify(message: string): Promise<void> {
    await run('systemd-notify', [message], { timeout: NOTIFY_TIMEOUT_MS }).catch((err: unknown) =>
      this.#needs.log.warn({ err }, 'systemd could not be notified'),
    );
  }
}
