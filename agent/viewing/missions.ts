import type { Clock, ClockTrust } from '../base/clock.ts';
import { OrderRefusedError } from '../base/errors.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Log } from '../base/log.ts';
import type { Fields } from '../contract/messages.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { BackboneOrder } from '../contract/video-link.ts';
import type { Store } from '../store/store.ts';
import { type KeptMission, type Mission, MissionMemory } from './mission-memory.ts';
import type { MachineClock } from './ports.ts';
import { leftOf } from './view-memory.ts';

/** So much later one begins and ends at most. Source: guess. */
const TICK_MS = 1_000;
/** Missions that are not over, how long one may last and how far ahead it may be announced. Source: guess. */
export const MAX_MISSIONS = 32;
const DAY_MS = 24 * 3_600_000;
const LONGEST_MS = 31 * DAY_MS;
const FURTHEST_MS = 366 * DAY_MS;
const CAMERAS_TEXT_MAX = 2000;

export interface MissionNeeds {
  readonly clock: Clock;
  readonly clockTrust: () => ClockTrust;
  readonly machine: MachineClock;
  readonly log: Log;
  readonly reporter: Pick<Reporter, 'event'>;
  readonly store: Pick<Store, 'memory' | 'transaction'>;
  /** One has begun or is over. */
  readonly changed: () => void;
}

interface Entry {
  readonly mission: Mission;
  /** Monotonic; undefined before it has begun. */
  readonly deadlineMs?: number;
}

type Transition = Fields<'mission'>['transition'];

/**
 * Event missions: signed temporary priorities of cameras. One begins by wall time that can be believed and ends by the
 * monotonic clock, whatever happens to the box in between.
 */
export class Missions implements Service {
  readonly name = 'missions';
  readonly #needs: MissionNeeds;
  readonly #memory: MissionMemory;
  readonly #entries = new Map<string, Entry>();
  readonly #stopping = new AbortController();
  #ticking: Promise<void> = Promise.resolve();

  constructor(needs: MissionNeeds) {
    this.#needs = needs;
    this.#memory = new MissionMemory(needs.store.memory);
  }

  async start(signal: AbortSignal): Promise<void> {
    for (const kept of this.#memory.left()) this.#restore(kept);
    this.#needs.changed();
    this.#ticking = this.#tick(AbortSignal.any([signal, this.#stopping.signal]));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ticking;
  }

  /** Whether there is a mission of this id that is not over. */
  knows(id: string): boolean {
    return this.#entries.has(id);
  }

  /** @returns what came of it, for the operator @throws OrderRefusedError `order-out-of-bounds` */
  announce(mission: Mission): string {
    this.#check(mission);
    this.#keep({ mission }, 'announced');
    this.#entries.set(mission.id, { mission });
    this.#look();
    return `mission ${mission.id} is announced from ${iso(mission.startMs)} to ${iso(mission.endMs)}`;
  }

  /** @returns what came of it, for the operator */
  cancel(
    id: string,
    decision: { readonly by: string; readonly signer: string; readonly why: string },
  ): string {
    const entry = this.#entries.get(id);
    if (entry) this.#over({ ...entry.mission, ...decision }, 'cancelled');
    this.#needs.changed();
    return `mission ${id} is cancelled`;
  }

  /** Those that have begun, as the video process must know them. */
  begun(): BackboneOrder['missions'] {
    const nowMs = this.#needs.clock.monotonicMs();
    return [...this.#entries.values()].flatMap(({ mission, deadlineMs }) =>
      deadlineMs === undefined
        ? []
        : [
            {
              cameras: [...mission.cameras],
              priority: mission.priority,
              leftMs: Math.max(0, deadlineMs - nowMs),
            },
          ],
    );
  }

  #restore({ mission, begun }: KeptMission): void {
    const { clock, clockTrust, machine } = this.#needs;
    const wallMs = clockTrust() === 'untrusted' ? undefined : clock.wallMs();
    const leftMs = begun && leftOf({ ...begun, endMs: mission.endMs }, machine, wallMs);
    const deadline = leftMs === undefined ? {} : { deadlineMs: clock.monotonicMs() + leftMs };
    this.#entries.set(mission.id, { mission, ...deadline });
  }

  async #tick(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#look();
      } catch (err) {
        this.#needs.log.error({ err }, 'missions could not be looked after');
      }
      await this.#needs.clock.sleep(TICK_MS, signal).catch(() => undefined);
    }
  }

  /** Begins and ends what is due. */
  #look(): void {
    const due = [...this.#entries.values()].filter((entry) => this.#isDue(entry));
    for (const { mission, deadlineMs } of due) {
      const isPast = deadlineMs !== undefined || this.#needs.clock.wallMs() >= mission.endMs;
      if (isPast) this.#over(mission, 'ended');
      else this.#begin(mission);
    }
    if (due.length > 0) this.#needs.changed();
  }

  #isDue({ mission, deadlineMs }: Entry): boolean {
    const { clock, clockTrust } = this.#needs;
    if (deadlineMs !== undefined) return clock.monotonicMs() >= deadlineMs;
    return clockTrust() !== 'untrusted' && clock.wallMs() >= mission.startMs;
  }

  #begin(mission: Mission): void {
    const { clock, machine } = this.#needs;
    const leftMs = mission.endMs - clock.wallMs();
    const { bootId } = machine;
    this.#keep({ mission, begun: { bootId, endUptimeMs: machine.uptimeMs() + leftMs } }, 'begun');
    this.#entries.set(mission.id, { mission, deadlineMs: clock.monotonicMs() + leftMs });
  }

  #over(mission: Mission, transition: Transition): void {
    this.#needs.store.transaction(() => {
      this.#memory.forget(mission.id);
      this.#tell(mission, transition);
    });
    this.#entries.delete(mission.id);
  }

  #keep(kept: KeptMission, transition: Transition): void {
    this.#needs.store.transaction(() => {
      this.#memory.keep(kept);
      this.#tell(kept.mission, transition);
    });
  }

  #tell({ id, cameras, priority, startMs, endMs, by, signer, why }: Mission, transition: Transition): void {
    this.#needs.reporter.event('mission', 'collector', {
      ...{ mission: id, transition, priority, start: startMs, end: endMs, by, signer, why },
      cameras: cameras.join(' ').slice(0, CAMERAS_TEXT_MAX),
      camera_count: cameras.length,
    });
  }

  #check({ startMs, endMs }: Mission): void {
    const nowMs = this.#needs.clock.wallMs();
    if (endMs <= startMs || endMs <= nowMs)
      throw outOfBounds('an end after now and after the start', iso(endMs));
    if (endMs - startMs > LONGEST_MS) throw outOfBounds('at most 31 days', iso(endMs));
    if (startMs - nowMs > FURTHEST_MS) throw outOfBounds('a start within 366 days', iso(startMs));
    if (this.#entries.size >= MAX_MISSIONS)
      throw outOfBounds(`fewer than ${MAX_MISSIONS} missions`, `${this.#entries.size}`);
  }
}

function outOfBounds(expected: string, came: string): OrderRefusedError {
  return new OrderRefusedError('order-out-of-bounds', `expected ${expected}, came ${came}`);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
