import type { Clock } from '../base/clock.ts';
import type { LinkState } from '../contract/messages.ts';
import type { PathInUse, PathName, PathState } from '../contract/transmission.ts';
import type { Path } from './path.ts';
import type { PathBook, PathsSeen } from './path-book.ts';

export interface PathsNeeds {
  readonly clock: Clock;
  /** What the CSU is told of changes, where there are two paths. */
  readonly book: PathBook;
  /** Alarms take this path from now on, or none. */
  readonly onChosen: (path: Path | undefined) => void;
  /** The main path is up, or is no longer. */
  readonly onMain: (up: boolean) => void;
}

/** How soon the loss of a path is known, and what the site states. */
export interface PathRules {
  readonly supervisionMs: number;
  readonly backupSupervisionMs: number;
  readonly category: LinkState['category'];
}

/** Longest time between two looks at whether the path in use is to be probed. Source: guess. */
const LOOK_MS = 5_000;
/** A PUBACK that is later ends the connection, whatever the supervision. Source: guess. */
const MAX_ACK_MS = 10_000;
const RULES: PathRules = { supervisionMs: 30_000, backupSupervisionMs: 180_000, category: 'none' };

/**
 * The paths to the CSU, in their order, each supervised all the time. Alarms take the main one while it is up. A lost
 * path is known after three quarters of its supervision time, by its keep-alive; the back-up, while it is in use, is
 * probed with the state of the link at the pace of the main one.
 */
export class Paths {
  readonly #needs: PathsNeeds;
  readonly #main: Path;
  readonly #backup: Path | undefined;
  #rules = RULES;
  #inUse: PathInUse = 'none';
  /** The connection that alarms take. */
  #carrier: AbortSignal | undefined;
  #sinceMs: number;
  #probedMs = 0;

  constructor(needs: PathsNeeds, main: Path, backup: Path | undefined) {
    this.#needs = needs;
    this.#main = main;
    this.#backup = backup;
    this.#sinceMs = needs.clock.wallMs();
  }

  get inUse(): PathInUse {
    return this.#inUse;
  }

  /** Unix ms of the last change of `inUse`. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  get main(): Path {
    return this.#main;
  }

  stateOf(name: PathName): PathState {
    const path = name === 'main' ? this.#main : this.#backup;
    return path ? (path.isUp ? 'up' : 'lost') : 'none';
  }

  /** What the state of the link says of a path. */
  factsOf(name: PathName): Pick<LinkState, 'path' | 'in_use' | 'other_path' | 'supervision_s' | 'category'> {
    return {
      path: name,
      in_use: this.#inUse,
      other_path: this.stateOf(name === 'main' ? 'backup' : 'main'),
      supervision_s: this.#supervisionMsOf(name) / 1000,
      category: this.#rules.category,
    };
  }

  /** Takes new rules; a path whose supervision has changed begins anew. */
  rule(rules: PathRules): void {
    this.#rules = rules;
    this.#main.client.supervise(supervision(rules.supervisionMs));
    this.#superviseBackup();
  }

  /** While it is in use, the PUBACK of its probe has to come at the pace of the main path. */
  #superviseBackup(): void {
    const { supervisionMs, backupSupervisionMs } = this.#rules;
    const own = supervision(backupSupervisionMs);
    const pace = supervision(this.#inUse === 'backup' ? supervisionMs : backupSupervisionMs);
    const ackTimeoutMs = Math.min(own.ackTimeoutMs, pace.ackTimeoutMs);
    this.#backup?.client.supervise({ ...own, ackTimeoutMs });
  }

  /** Says the state of the link anew on every path. */
  tellLinks(): void {
    this.#main.tell();
    this.#backup?.tell();
    this.#probedMs = this.#needs.clock.monotonicMs();
  }

  /** Begins to connect and returns; probes until the signal aborts. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#main.start(signal, () => this.#mainChanged());
    await this.#backup?.start(signal, () => this.#changed());
    if (this.#backup) void this.#probe(signal);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#main.stop(), this.#backup?.stop()]);
  }

  #mainChanged(): void {
    this.#changed();
    this.#needs.onMain(this.#main.carries);
  }

  #changed(): void {
    const before = this.#inUse;
    this.#inUse = this.#choose();
    if (before !== this.#inUse) this.#sinceMs = this.#needs.clock.wallMs();
    this.#chosen?.rely();
    this.#superviseBackup();
    this.tellLinks();
    this.#report();
    this.#carry();
  }

  #choose(): PathInUse {
    if (!this.#backup?.isUp) return this.#main.isUp ? 'main' : 'none';
    if (!this.#main.isUp) return 'backup';
    return this.#inUse !== 'backup' || this.#main.holds ? 'main' : 'backup';
  }

  get #chosen(): Path | undefined {
    if (this.#inUse === 'none') return undefined;
    return this.#inUse === 'main' ? this.#main : this.#backup;
  }

  #carry(): void {
    const path = this.#chosen?.carries ? this.#chosen : undefined;
    if (path?.connection === this.#carrier) return;
    this.#carrier = path?.connection;
    this.#needs.onChosen(path);
  }

  /** A path that is back is told of when it holds, or one that comes and goes would fill the other with its news. */
  #report(): void {
    if (!this.#backup?.isKnown || !this.#main.isKnown) return;
    const seen = (path: Path): PathsSeen['main'] => (path.holds ? 'up' : 'lost');
    const now = { main: seen(this.#main), backup: seen(this.#backup), in_use: this.#inUse };
    this.#needs.book.tell(now, { main: this.#main.error, backup: this.#backup.error });
  }

  /** The PUBACK of the probe, or its absence, shows within the supervision time of the main path how the back-up is. */
  async #probe(signal: AbortSignal): Promise<void> {
    const { clock } = this.#needs;
    while (!signal.aborted) {
      const everyMs = this.#rules.supervisionMs / 2;
      if (this.#inUse === 'backup' && this.#probeDueMs <= 0) this.tellLinks();
      const leftMs = this.#inUse === 'backup' ? this.#probeDueMs : everyMs;
      await clock.sleep(Math.min(leftMs, everyMs, LOOK_MS), signal).catch(() => undefined);
    }
  }

  /** From now until the next probe. */
  get #probeDueMs(): number {
    return this.#probedMs + this.#rules.supervisionMs / 2 - this.#needs.clock.monotonicMs();
  }

  #supervisionMsOf(name: PathName): number {
    const { supervisionMs, backupSupervisionMs } = this.#rules;
    return name === 'main' || this.#inUse === 'backup' ? supervisionMs : backupSupervisionMs;
  }
}

/** Keep-alive and PUBACK so that a dead path is known after three quarters of the time, by both ends [MQTT-3.1.2-22]. */
function supervision(ms: number): { keepAliveS: number; ackTimeoutMs: number } {
  return { keepAliveS: Math.floor(ms / 2000), ackTimeoutMs: Math.min(MAX_ACK_MS, ms / 4) };
}
