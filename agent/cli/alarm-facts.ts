import { type FloodOnDisk, floodOnDisk } from '../alarms/flood/record.ts';
import { type PointOnDisk, pointsOnDisk } from '../alarms/read-points.ts';
import type { BoxFile } from '../config/box-file.ts';
import { SEVERITIES } from '../contract/alarm-codes.ts';
import type { StatusSnapshot } from '../contract/status.ts';
import { readStories, type StoryReader } from '../store/read-stories.ts';
import { readStatus, statusSocketPath } from './status-socket.ts';

/** A point as it is on disk, and whether it is armed, where the agent runs and says it. */
export type PointFacts = PointOnDisk & { readonly armed?: boolean };

export interface AlarmFacts {
  readonly site: string;
  /** Whether the agent runs; without it states are the last that were known. */
  readonly running: boolean;
  /** False while the disk refuses: what is read from it is old. */
  readonly durable: boolean;
  /** An avalanche of alarms that lasts. */
  readonly flood?: FloodOnDisk;
  /** All points, the gravest first. */
  readonly points: readonly PointFacts[];
  /** The number of the last event that these facts hold. */
  readonly last: number;
}

/** How it stands with the alarms of a box: from its disk, and from its agent where that runs. */
export async function readFacts({ site, stateFolder, runtimeFolder }: BoxFile): Promise<AlarmFacts> {
  const status = await readStatus(statusSocketPath(runtimeFolder)).catch(() => undefined);
  const disk = readStories(stateFolder, (stories) => ({
    points: pointsOnDisk((room) => stories.memory(room)),
    last: stories.last,
    flood: floodOnDisk((room) => stories.memory(room)),
  }));
  const points = (disk?.points ?? []).map((point) => asSeenNow(point, status)).sort(byWeight);
  const durable = status?.storageDurable ?? true;
  const flood = disk?.flood ? { flood: disk.flood } : {};
  return { site, running: status !== undefined, durable, points, last: disk?.last ?? 0, ...flood };
}

/** What is read of the stories; an empty box has none. */
export function readStory<T>({ stateFolder }: BoxFile, read: (stories: StoryReader) => T): T | undefined {
  return readStories(stateFolder, read);
}

/** Whether somebody may have to know of it now. */
export function isCurrent({ alarm_state: state, shelved, chattering }: PointFacts): boolean {
  return shelved || chattering || (state !== 'none' && state !== 'closed');
}

/** Only the running agent knows that a source is not heard. */
function asSeenNow(point: PointOnDisk, status: StatusSnapshot | undefined): PointFacts {
  const live = status?.alarms.find((alarm) => alarm.point === point.point);
  return live ? { ...point, state: live.state, since: live.since, armed: live.armed } : point;
}

function byWeight(a: PointFacts, b: PointFacts): number {
  const grave = SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity);
  return Number(isCurrent(b)) - Number(isCurrent(a)) || grave || a.since - b.since;
}
