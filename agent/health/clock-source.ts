import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { type Clock, type ClockTrust, clockTrust } from '../base/clock.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Log } from '../base/log.ts';

/** What says whether the clock of the box is synchronised; `host` declares the host's clock trusted. */
export type ClockSourceKind = 'chrony' | 'timesyncd' | 'host';

const POLL_MS = 60_000;
/** How soon a clock that was set is noticed; while nobody can believe it, it is asked for as often. Source: guess. */
const LOOK_MS = 5_000;
/** A wall clock that moves by more than this against the monotonic one was set. Source: guess; drift is far below. */
const STEP_MS = 10_000;
/** Further off than this by its own word, a clock is still on its way to the right time. Source: guess. */
const MAX_OFFSET_S = 10;
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
  /** Asks the time service once; `synchronisedAtMs` fits. */
  readonly synchronisedAtMs: typeof synchronisedAtMs;
}

/**
 * Asks the time service of the box each minute and keeps holdover on the monotonic clock. A wall clock that is set, by
 * whomever, is believed no longer until the service has compared it anew.
 */
export class ClockSource implements Service {
  readonly name = 'clock source';
  readonly #needs: ClockSourceNeeds;
  readonly #kind: ClockSourceKind;
  readonly #abort = new AbortController();
  #syncedNow = false;
  #lastSyncMonotonicMs: number | undefined;
  /** What the service had compared the clock with then, Unix ms. */
  #comparedAtMs: number | undefined;
  /** Wall time minus monotonic time then. */
  #offsetMs = 0;
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
    if (this.#wasSet) return 'untrusted';
    return clockTrust(this.#syncedNow, this.#lastSyncMonotonicMs, this.#needs.clock.monotonicMs());
  }

  async #pollAgainAndAgain(): Promise<void> {
    if (this.#kind === 'host') return;
    const { clock } = this.#needs;
    const { signal } = this.#abort;
    let askedMs = clock.monotonicMs();
    while (!signal.aborted) {
      await clock.sleep(LOOK_MS, signal).catch(() => undefined);
      const due = this.trust() === 'untrusted' || clock.monotonicMs() - askedMs >= POLL_MS;
      if (signal.aborted || !due) continue;
      askedMs = clock.monotonicMs();
      await this.#poll();
    }
  }

  get #wasSet(): boolean {
    if (this.#kind === 'host' || this.#lastSyncMonotonicMs === undefined) return false;
    return Math.abs(this.#nowOffsetMs - this.#offsetMs) > STEP_MS;
  }

  get #nowOffsetMs(): number {
    const { clock } = this.#needs;
    return clock.wallMs() - clock.monotonicMs();
  }

  async #poll(): Promise<void> {
    const { clock, synchronisedAtMs: ask } = this.#needs;
    const atMs = await ask(this.#kind, clock.wallMs(), this.#abort.signal);
    // What the service compared before the clock was set says nothing of the clock now.
    this.#syncedNow = atMs !== undefined && !(this.#wasSet && atMs === this.#comparedAtMs);
    if (this.#syncedNow) {
      this.#comparedAtMs = atMs;
      this.#lastSyncMonotonicMs = clock.monotonicMs();
      this.#offsetMs = this.#nowOffsetMs;
    }
    const now = this.trust();
    if (now === this.#told) return;
    this.#told = now;
    this.#needs.log[now === 'synced' ? 'info' : 'warn'](
      { clock: now, source: this.#kind },
      'clock of the box',
    );
  }
}

/**
 * Asks the time service once; a service that is absent or does not answer is not synchronised. Never throws.
 * @returns when it compared the clock last, Unix ms; undefined when the clock is not synchronised
 */
export async function synchronisedAtMs(
  kind: ClockSourceKind,
  wallMs: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (kind === 'host') return wallMs;
  if (kind === 'timesyncd') return fresh(await modifiedMs(TIMESYNCD_FILE), wallMs);
  return parseTracking(await chronyTracking(signal), wallMs);
}

/**
 * Reads one line of `chronyc -c tracking`: reference id, name, stratum, reference time, system offset, last offset,
 * RMS offset, frequency, residual frequency, skew, root delay, root dispersion, update interval, leap status.
 * `7F7F0101` is chrony's local mode: nobody outside was asked. @see chronyc(1)
 */
export function parseTracking(csv: string, wallMs: number): number | undefined {
  const fields = csv.trim().split('\n')[0]?.split(',') ?? [];
  const [referenceId = '', , stratum = '', referenceTime = '', offset = ''] = fields;
  if (fields.length < 14 || fields[13] === 'Not synchronised') return undefined;
  if (referenceId === '7F7F0101' || referenceId === '00000000' || Number(stratum) < 1) return undefined;
  if (!(Math.abs(Number(offset)) <= MAX_OFFSET_S)) return undefined;
  return fresh(Number(referenceTime) * 1000, wallMs);
}

/** Reference times a little in the future come from a clock that is being slewed. */
function fresh(atMs: number | undefined, wallMs: number): number | undefined {
  return atMs !== undefined && Math.abs(wallMs - atMs) <= SYNC_AGE_MAX_MS ? atMs : undefined;
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
