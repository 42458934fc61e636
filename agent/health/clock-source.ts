import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { type Clock, type ClockTrust, clockTrust } from '../base/clock.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Log } from '../base/log.ts';

/** What says whether the clock of the box is synchronised; `host` declares the host's clock trusted. */
export type ClockSourceKind = 'chrony' | 'timesyncd' | 'host';

const POLL_MS = 60_000;
/** While nobody can believe the clock, alarms wait for their right times. Source: guess. */
const UNTRUSTED_POLL_MS = 10_000;
const COMMAND_TIMEOUT_MS = 3_000;
const OUTPUT_MAX_BYTES = 16 * 1024;

/**
 * A synchronisation older than this counts no longer; holdover begins. Source: guess, above six polls of chrony's
 * longest interval (1,024 s) and three of timesyncd's (2,048 s).
 */
const SYNC_AGE_MAX_MS = 2 * 3600 * 1000;

/** Touched at each good synchronisation. @see systemd-timesyncd.service(8) */
const TIMESYNCD_FILE = '/run/systemd/timesync/synchronized';

export interface ClockSourceNeeds {
  readonly clock: Clock;
  readonly log: Log;
  /** Asks the time service once; `isSynchronised` fits. */
  readonly synchronised: typeof isSynchronised;
}

/** Asks the time service of the box each minute and keeps holdover on the monotonic clock. */
export class ClockSource implements Service {
  readonly name = 'clock source';
  readonly #needs: ClockSourceNeeds;
  readonly #kind: ClockSourceKind;
  readonly #abort = new AbortController();
  #syncedNow = false;
  #lastSyncMonotonicMs: number | undefined;
  #told: ClockTrust | undefined;
  #polling: Promise<void> = Promise.resolve();

  constructor(needs: ClockSourceNeeds, kind: ClockSourceKind) {
    this.#needs = needs;
    this.#kind = kind;
  }

  /** Resolves when the source was asked once, so that the first message knows its trust. */
  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#abort.abort(), { once: true, signal: this.#abort.signal });
    await this.#poll();
    this.#polling = this.#pollAgainAndAgain();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#polling;
  }

  /** How far wall time can be believed now. */
  trust(): ClockTrust {
    return clockTrust(this.#syncedNow, this.#lastSyncMonotonicMs, this.#needs.clock.monotonicMs());
  }

  async #pollAgainAndAgain(): Promise<void> {
    if (this.#kind === 'host') return;
    const { clock } = this.#needs;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      const waitMs = this.trust() === 'untrusted' ? UNTRUSTED_POLL_MS : POLL_MS;
      await clock.sleep(waitMs, signal).catch(() => undefined);
      if (!signal.aborted) await this.#poll();
    }
  }

  async #poll(): Promise<void> {
    this.#syncedNow = await this.#needs.synchronised(
      this.#kind,
      this.#needs.clock.wallMs(),
      this.#abort.signal,
    );
    if (this.#syncedNow) this.#lastSyncMonotonicMs = this.#needs.clock.monotonicMs();
    const now = this.trust();
    if (now === this.#told) return;
    this.#told = now;
    this.#needs.log[now === 'synced' ? 'info' : 'warn'](
      { clock: now, source: this.#kind },
      'clock of the box',
    );
  }
}

/** Asks the time service once; a service that is absent or does not answer is not synchronised. Never throws. */
export async function isSynchronised(
  kind: ClockSourceKind,
  wallMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  if (kind === 'host') return true;
  if (kind === 'timesyncd') return isFresh(await modifiedMs(TIMESYNCD_FILE), wallMs);
  return parseTracking(await chronyTracking(signal), wallMs);
}

/**
 * Reads one line of `chronyc -c tracking`: reference id, name, stratum, reference time, system offset, last offset,
 * RMS offset, frequency, residual frequency, skew, root delay, root dispersion, update interval, leap status.
 * `7F7F0101` is chrony's local mode: nobody outside was asked. @see chronyc(1)
 */
export function parseTracking(csv: string, wallMs: number): boolean {
  const fields = csv.trim().split('\n')[0]?.split(',') ?? [];
  const [referenceId = '', , stratum = '', referenceTime = ''] = fields;
  if (fields.length < 14 || fields[13] === 'Not synchronised') return false;
  if (referenceId === '7F7F0101' || referenceId === '00000000' || Number(stratum) < 1) return false;
  return isFresh(Number(referenceTime) * 1000, wallMs);
}

/** Reference times a little in the future come from a clock that is being slewed. */
function isFresh(atMs: number | undefined, wallMs: number): boolean {
  return atMs !== undefined && Number.isFinite(atMs) && Math.abs(wallMs - atMs) <= SYNC_AGE_MAX_MS;
}

async function modifiedMs(file: string): Promise<number | undefined> {
  return await stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}

function chronyTracking(signal: AbortSignal): Promise<string> {
  const options = {
    timeout: COMMAND_TIMEOUT_MS,
    maxBuffer: OUTPUT_MAX_BYTES,
    killSignal: 'SIGKILL',
    signal,
  } as const;
  return new Promise((resolve) => {
    execFile('chronyc', ['-c', '-n', 'tracking'], options, (error, stdout) => resolve(error ? '' : stdout));
  });
}
