import type { Clock } from '../base/clock.ts';
import { DeviceError, InternalError } from '../base/errors.ts';
import type { Gate, Permit } from './types.ts';

/** Refused logins per credential version, then no more. Source: the design page, section What good looks like. */
const MAX_REFUSED = 3;

/** How long `acquire` waits for a free connection. Source: guess, longer than one long poll for events. */
const WAIT_MS = 12_000;

/** Callers that may wait at once; more is a fault of ours. Source: guess. */
const MAX_WAITING = 64;

/** An accepted login forgives other connections' refusals after this long. Source: guess, beyond a camera's lock-out. */
const FORGIVE_MS = 24 * 3600 * 1000;

/** Versions whose count is kept, so that going back to an earlier one gives no new tries. Source: guess. */
const MAX_VERSIONS = 16;

export interface LatchCount {
  readonly version: number;
  readonly refused: number;
}

/** Where the count of refused logins survives a restart. */
interface LatchMemory {
  load(): LatchCount | undefined;
  save(value: LatchCount): void;
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

/** What is known of the logins of one credential version. */
interface Version {
  readonly number: number;
  refused: number;
  lastRefusedMs: number;
  /** Permits that may try a login and have not yet said how it ended. */
  reserved: number;
}

interface Waiter {
  readonly grant: () => void;
  readonly refuse: (reason: unknown) => void;
}

/**
 * One connection budget and one login latch for one camera.
 *
 * Each permit reserves one try until its login is settled, and refused plus reserved never exceed three: however many
 * connections log in at once, the camera sees at most three refusals of a credential version. An accepted login takes
 * back the refusals of its own permit (the clock or the way of logging in was wrong, not the password) and those older
 * than a day; a latch that is closed opens by a new version alone.
 */
export class CameraGate implements Gate {
  readonly #needs: GateNeeds;
  readonly #options: GateOptions;
  readonly #versions = new Map<number, Version>();
  #current: number;
  #loaded = false;
  #open = 0;
  #waiting: Waiter[] = [];

  constructor(needs: GateNeeds, options: GateOptions) {
    this.#needs = needs;
    this.#options = options;
    this.#current = options.credentialVersion;
  }

  async acquire(signal: AbortSignal): Promise<Permit> {
    signal.throwIfAborted();
    const version = this.#version();
    if (isLatched(version)) throw this.#latchedError();
    if (this.#waiting.length === 0 && this.#isFree(version)) return this.#permit(version);
    return await this.#wait(signal);
  }

  /** The CSU changed the credentials: a version never seen before has its own three tries. */
  setCredentialVersion(version: number): void {
    if (version === this.#current) return;
    this.#version();
    this.#current = version;
    this.#save(this.#version());
    this.#pump();
  }

  #isFree(version: Version): boolean {
    return this.#open < this.#options.maxConnections && (version.number === 0 || triesLeft(version) > 0);
  }

  #permit(version: Version): Permit {
    this.#open += 1;
    return new CameraPermit(version, this.#needs.clock, (event) => {
      if (event === 'released') this.#open -= 1;
      if (event === 'counted') this.#save(version);
      this.#pump();
    });
  }

  async #wait(signal: AbortSignal): Promise<Permit> {
    if (this.#waiting.length >= MAX_WAITING) throw this.#limitError();
    const { promise, resolve, reject } = Promise.withResolvers<Permit>();
    const timer = new AbortController();
    const leave = () => {
      this.#waiting = this.#waiting.filter((other) => other !== waiter);
      signal.removeEventListener('abort', giveUp);
      timer.abort();
    };
    const waiter: Waiter = {
      grant: () => {
        leave();
        resolve(this.#permit(this.#version()));
      },
      refuse: (reason) => {
        leave();
        reject(reason);
      },
    };
    const giveUp = () => waiter.refuse(signal.reason);
    this.#waiting.push(waiter);
    signal.addEventListener('abort', giveUp);
    this.#needs.clock.sleep(this.#options.waitMs ?? WAIT_MS, timer.signal).then(
      () => waiter.refuse(this.#limitError()),
      () => undefined,
    );
    return await promise;
  }

  /** Lets those who wait go on, first come first served. */
  #pump(): void {
    const version = this.#version();
    for (const waiter of [...this.#waiting]) {
      if (isLatched(version)) waiter.refuse(this.#latchedError());
      else if (this.#isFree(version)) waiter.grant();
      else return;
    }
  }

  #version(): Version {
    if (!this.#loaded) this.#load();
    let version = this.#versions.get(this.#current);
    if (!version) {
      version = { number: this.#current, refused: 0, lastRefusedMs: 0, reserved: 0 };
      this.#remember(version);
    }
    return version;
  }

  #load(): void {
    this.#loaded = true;
    const saved = this.#needs.memory.load();
    if (!saved) return;
    this.#remember({
      number: saved.version,
      refused: saved.refused,
      lastRefusedMs: this.#needs.clock.monotonicMs(),
      reserved: 0,
    });
  }

  #remember(version: Version): void {
    this.#versions.set(version.number, version);
    const oldest = this.#versions.keys().next().value;
    if (this.#versions.size > MAX_VERSIONS && oldest !== undefined) this.#versions.delete(oldest);
  }

  #save(version: Version): void {
    if (version.number !== this.#current || version.number === 0) return;
    this.#needs.memory.save({ version: version.number, refused: version.refused });
  }

  #latchedError(): DeviceError {
    return new DeviceError(
      'camera-latched',
      `${this.#options.camera}: ${MAX_REFUSED} logins refused with credential version ${this.#current}; waiting for a new version`,
    );
  }

  #limitError(): InternalError {
    return new InternalError(
      'camera-connection-limit',
      `${this.#options.camera}: all ${this.#options.maxConnections} connections stayed in use`,
    );
  }
}

function isLatched(version: Version): boolean {
  return version.number !== 0 && version.refused >= MAX_REFUSED;
}

function triesLeft(version: Version): number {
  return MAX_REFUSED - version.refused - version.reserved;
}

/** `settled`: a try is free again; `counted`: the count of refusals changed. */
type PermitEvent = 'settled' | 'counted' | 'released';

class CameraPermit implements Permit {
  readonly #version: Version;
  readonly #clock: Clock;
  readonly #tell: (event: PermitEvent) => void;
  #reserved = 0;
  #refusedHere = 0;
  #released = false;

  constructor(version: Version, clock: Clock, tell: (event: PermitEvent) => void) {
    this.#version = version;
    this.#clock = clock;
    this.#tell = tell;
    this.#reserve();
  }

  /** Never more than the one try that this permit reserved; without credentials always 1. */
  get refusalsLeft(): number {
    if (this.#version.number === 0) return 1;
    return this.#reserved > 0 || (!this.#released && triesLeft(this.#version) > 0) ? 1 : 0;
  }

  loginAccepted(): void {
    const version = this.#version;
    this.#settle();
    const old = this.#clock.monotonicMs() - version.lastRefusedMs >= FORGIVE_MS;
    const forgiven = old ? version.refused : this.#refusedHere;
    this.#refusedHere = 0;
    if (forgiven > 0 && !isLatched(version)) {
      version.refused = Math.max(0, version.refused - forgiven);
      this.#tell('counted');
    } else this.#tell('settled');
  }

  loginRefused(): void {
    if (this.#version.number === 0) return;
    this.#settle();
    this.#version.refused += 1;
    this.#version.lastRefusedMs = this.#clock.monotonicMs();
    this.#refusedHere += 1;
    this.#reserve();
    this.#tell('counted');
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#settle();
    this.#tell('released');
  }

  #reserve(): void {
    if (this.#version.number === 0 || this.#released || triesLeft(this.#version) <= 0) return;
    this.#version.reserved += 1;
    this.#reserved = 1;
  }

  #settle(): void {
    this.#version.reserved -= this.#reserved;
    this.#reserved = 0;
  }
}
