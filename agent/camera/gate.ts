import type { Clock } from '../base/clock.ts';
import { DeviceError, InternalError } from '../base/errors.ts';
import { LoginCount, type LoginRecord, MAX_REFUSED } from './login-count.ts';
import type { Gate, Permit } from './types.ts';
import { WaitingLine } from './waiting-line.ts';

/** How long a caller waits for a connection or a login. Source: guess, longer than one long poll for events. */
const WAIT_MS = 12_000;

/** Callers that may wait at once; more is a fault of ours. Source: guess. */
const MAX_WAITING = 64;

/** Versions whose count is kept, so that going back to an earlier one gives no new tries. Source: guess. */
const MAX_VERSIONS = 16;

/** Where the counts of logins survive a restart. */
interface LatchMemory {
  load(): readonly LoginRecord[];
  save(records: readonly LoginRecord[]): void;
}

export interface GateNeeds {
  readonly clock: Clock;
  readonly memory: LatchMemory;
}

export interface GateOptions {
  readonly camera: string;
  /** Connections to this camera at once, over all protocols. */
  readonly maxConnections: number;
  /** 0 for a camera without credentials. */
  readonly credentialVersion: number;
  readonly waitMs?: number;
}

/** What is known of one credential version, and who waits to log in with it. */
interface Version {
  readonly count: LoginCount;
  readonly line: WaitingLine<boolean>;
}

/**
 * One connection budget and one login latch for one camera.
 *
 * Leave for a login is counted before credentials are sent, and for credentials that are not proven also written
 * down: however many connections log in at once, and whichever process dies meanwhile, the camera sees at most three
 * refusals of a credential version. An accepted login takes back the refusals of its own permit (the clock or the way
 * of logging in was wrong, not the password), those that are only feared, and those older than a day; a latch that is
 * closed opens by a new version alone.
 */
export class CameraGate implements Gate {
  readonly #needs: GateNeeds;
  readonly #options: GateOptions;
  readonly #versions = new Map<number, Version>();
  readonly #connections: WaitingLine<Permit>;
  #current: number;
  #open = 0;
  #saved = '';
  #loaded = false;

  constructor(needs: GateNeeds, options: GateOptions) {
    this.#needs = needs;
    this.#options = options;
    this.#current = options.credentialVersion;
    this.#connections = this.#line(
      () => this.#limitError(),
      () => this.#connect(),
    );
  }

  async acquire(signal: AbortSignal): Promise<Permit> {
    return await this.#connections.take(signal);
  }

  /** The CSU changed the credentials: a version never seen before has its own three tries. */
  setCredentialVersion(version: number): void {
    this.#current = version;
    this.#connections.pump();
  }

  #connect(): Permit | undefined {
    const version = this.#version();
    if (version.count.latched) throw this.#latchedError();
    if (version.count.pausedMs > 0) throw this.#silentError(version.count.pausedMs);
    if (this.#open >= this.#options.maxConnections) return undefined;
    this.#open += 1;
    return new CameraPermit(version, {
      changed: () => {
        this.#save();
        version.line.pump();
        this.#connections.pump();
      },
      released: () => {
        this.#open -= 1;
      },
    });
  }

  #version(): Version {
    if (!this.#loaded) this.#load();
    const known = this.#versions.get(this.#current);
    return known ?? this.#keep({ version: this.#current, refused: 0, unsure: 0, proven: false });
  }

  #load(): void {
    this.#loaded = true;
    for (const record of this.#needs.memory.load()) this.#keep(record);
    this.#saved = this.#text();
  }

  #keep(record: LoginRecord): Version {
    const count = new LoginCount(record, this.#needs.clock);
    const line = this.#line(
      () => this.#limitError(),
      () => count.begin(),
    );
    const version = { count, line };
    this.#versions.set(record.version, version);
    const oldest = this.#versions.keys().next().value;
    if (this.#versions.size > MAX_VERSIONS && oldest !== undefined) this.#versions.delete(oldest);
    return version;
  }

  /** Writes what has changed; while all goes well that is nothing. */
  #save(): void {
    const text = this.#text();
    if (text === this.#saved) return;
    this.#saved = text;
    this.#needs.memory.save(this.#records());
  }

  #text(): string {
    return JSON.stringify(this.#records());
  }

  #records(): LoginRecord[] {
    const all = [...this.#versions.values()].map(({ count }) => count.record);
    return all.filter(({ refused, unsure, proven }) => refused > 0 || unsure > 0 || proven);
  }

  #line<T>(tooLong: () => Error, serve: () => T | undefined): WaitingLine<T> {
    const waitMs = this.#options.waitMs ?? WAIT_MS;
    return new WaitingLine({ clock: this.#needs.clock, tooLong }, { waitMs, maxWaiting: MAX_WAITING }, serve);
  }

  #latchedError(): DeviceError {
    return new DeviceError(
      'camera-latched',
      `${this.#options.camera}: ${MAX_REFUSED} logins refused with credential version ${this.#current}; waiting for a new version`,
    );
  }

  #silentError(pausedMs: number): DeviceError {
    const retry = `the next is tried in ${Math.ceil(pausedMs / 1000)} s, or with a new version of the credentials`;
    return new DeviceError(
      'camera-silent',
      `${this.#options.camera}: several logins in a row were left unanswered; ${retry}`,
    );
  }

  #limitError(): InternalError {
    return new InternalError(
      'camera-connection-limit',
      `${this.#options.camera}: all ${this.#options.maxConnections} connections stayed in use`,
    );
  }
}

interface PermitEvents {
  /** The counts are others than before. */
  changed(): void;
  released(): void;
}

class CameraPermit implements Permit {
  readonly #version: Version;
  readonly #events: PermitEvents;
  #asking: Promise<boolean> | undefined;
  #underWay = false;
  #refusedHere = 0;
  #released = false;

  constructor(version: Version, events: PermitEvents) {
    this.#version = version;
    this.#events = events;
  }

  tryLogin(): Promise<boolean> {
    if (this.#underWay || !this.#version.count.counts) return Promise.resolve(true);
    this.#asking ??= this.#askLeave().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  loginAccepted(): void {
    this.#end();
    this.#version.count.accept(this.#refusedHere);
    this.#refusedHere = 0;
    this.#events.changed();
  }

  loginRefused(): void {
    this.#end();
    this.#version.count.refuse();
    this.#refusedHere += 1;
    this.#events.changed();
  }

  loginUnanswered(): void {
    if (this.#underWay) this.#version.count.leaveUnanswered();
    this.#end();
    this.#events.changed();
  }

  loginUndecided(): void {
    this.#end();
    this.#version.count.hear();
    this.#events.changed();
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    if (this.#underWay) this.#version.count.lose();
    this.#underWay = false;
    this.#events.released();
    this.#events.changed();
  }

  async #askLeave(): Promise<boolean> {
    if (this.#released || !(await this.#version.line.take().catch(() => false))) return false;
    if (this.#released) return this.#giveBack();
    this.#underWay = true;
    this.#events.changed();
    return true;
  }

  #end(): void {
    if (this.#underWay) this.#version.count.end();
    this.#underWay = false;
  }

  /** The leave came when nobody wanted it any more. */
  #giveBack(): false {
    this.#version.count.end();
    this.#events.changed();
    return false;
  }
}
