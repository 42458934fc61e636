import type { Memory } from '../store/store.ts';

const ROOM = 'missions';

/** Cameras that go first on the backbone for a time. */
export interface Mission {
  /** Unique id of the order. */
  readonly id: string;
  readonly cameras: readonly string[];
  readonly priority: number;
  /** Wall time, Unix ms. */
  readonly startMs: number;
  readonly endMs: number;
  readonly by: string;
  /** Key id of the order. */
  readonly signer: string;
  readonly why: string;
}

/** A mission as it outlives a restart of the agent. */
export interface KeptMission {
  readonly mission: Mission;
  /** Its end on the clock of the machine, once it has begun. */
  readonly begun?: { readonly bootId: string; readonly endUptimeMs: number };
}

/** Remembers the missions that are not over. */
export class MissionMemory {
  readonly #memory: Memory;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  keep(kept: KeptMission): void {
    this.#memory.set(ROOM, kept.mission.id, JSON.stringify(kept));
  }

  forget(id: string): void {
    this.#memory.delete(ROOM, id);
  }

  /** What an earlier start of the agent left. Entries that cannot be read are forgotten. */
  left(): KeptMission[] {
    return this.#memory.entries(ROOM).flatMap(([id, text]) => {
      const kept = read(text);
      if (!kept) this.forget(id);
      return kept ? [kept] : [];
    });
  }
}

function read(text: string): KeptMission | undefined {
  try {
    const kept = JSON.parse(text) as KeptMission;
    return isMission(kept.mission) ? kept : undefined;
  } catch {
    return undefined;
  }
}

function isMission({ id, cameras, priority, startMs, endMs, by, signer, why }: Mission): boolean {
  return (
    [id, by, signer, why, ...cameras].every((text) => typeof text === 'string') &&
    [priority, startMs, endMs].every((number) => Number.isFinite(number))
  );
}
