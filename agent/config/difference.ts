import { isDeepStrictEqual } from 'node:util';
import {
  type Configuration,
  LISTS,
  type ModuleConfig,
  type ObjectConfig,
  type PartnerConfig,
  type PointConfig,
  type SegmentConfig,
} from './configuration.ts';
import type {
  OpenedCamera,
  OpenedConfiguration,
  OpenedLocalBroker,
  OpenedMediaServer,
  OpenedPanel,
  OpenedUps,
} from './opened.ts';

/** An entry that stands in both configurations and is not the same. */
interface Changed<T> {
  readonly before: T;
  readonly after: T;
  /** The keys of the entry whose values differ, such as `credentials` or `name`. */
  readonly aspects: readonly (keyof T)[];
}

/** What changes in one list of entries. An entry that is the same in both stands in none of the three. */
export interface ListDifference<T> {
  readonly added: readonly T[];
  readonly removed: readonly T[];
  readonly changed: readonly Changed<T>[];
}

/** What a new configuration changes against the one in force. */
export interface Difference {
  readonly cameras: ListDifference<OpenedCamera>;
  readonly segments: ListDifference<SegmentConfig>;
  readonly mediaServers: ListDifference<OpenedMediaServer>;
  readonly partners: ListDifference<PartnerConfig>;
  readonly panels: ListDifference<OpenedPanel>;
  readonly modules: ListDifference<ModuleConfig>;
  readonly ups: ListDifference<OpenedUps>;
  readonly localBrokers: ListDifference<OpenedLocalBroker>;
  readonly objects: ListDifference<ObjectConfig>;
  readonly points: ListDifference<PointConfig>;
  /** The settings of the section that differ. */
  readonly alarms: readonly (keyof Configuration['alarms'])[];
  readonly health: readonly (keyof Configuration['health'])[];
  readonly video: readonly (keyof Configuration['video'])[];
  readonly delivery: readonly (keyof Configuration['delivery'])[];
  readonly reports: readonly (keyof Configuration['reports'])[];
}

/**
 * The difference by value. Credentials are compared opened: a login that was only sealed anew is the same login.
 * @param before undefined when nothing was in force: then every entry is added and every setting is new
 */
export function differenceOf(
  before: OpenedConfiguration | undefined,
  after: OpenedConfiguration,
): Difference {
  return {
    cameras: listDifference(before?.cameras ?? [], after.cameras),
    segments: listDifference(before?.segments ?? [], after.segments),
    mediaServers: listDifference(before?.mediaServers ?? [], after.mediaServers),
    partners: listDifference(before?.partners ?? [], after.partners),
    panels: listDifference(before?.panels ?? [], after.panels),
    modules: listDifference(before?.modules ?? [], after.modules),
    ups: listDifference(before?.ups ?? [], after.ups),
    localBrokers: listDifference(before?.localBrokers ?? [], after.localBrokers),
    objects: listDifference(before?.objects ?? [], after.objects),
    points: listDifference(before?.points ?? [], after.points),
    alarms: changedKeys(before?.alarms, after.alarms),
    health: changedKeys(before?.health, after.health),
    video: changedKeys(before?.video, after.video),
    delivery: changedKeys(before?.delivery, after.delivery),
    reports: changedKeys(before?.reports, after.reports),
  };
}

/** The difference in one line of counts, for the log and the register. */
export function describeDifference(difference: Difference): string {
  const list = (
    name: string,
    { added, removed, changed }: Record<keyof ListDifference<never>, readonly unknown[]>,
  ) => `${name} +${added.length} -${removed.length} ~${changed.length}`;
  const { alarms, health, video, delivery, reports } = difference;
  const settings = [alarms, health, video, delivery, reports].flat().length;
  const lists = LISTS.map((name) => list(name, difference[name]));
  return `${lists.join(', ')}, settings ~${settings}`;
}

function listDifference<T extends { readonly id: string }>(
  before: readonly T[],
  after: readonly T[],
): ListDifference<T> {
  const old = new Map(before.map((entry) => [entry.id, entry]));
  const kept = new Set(after.map((entry) => entry.id));
  return {
    added: after.filter((entry) => !old.has(entry.id)),
    removed: before.filter((entry) => !kept.has(entry.id)),
    changed: after.flatMap((entry) => changedEntry(old.get(entry.id), entry)),
  };
}

function changedEntry<T extends object>(before: T | undefined, after: T): Changed<T>[] {
  if (!before) return [];
  const aspects = changedKeys(before, after);
  return aspects.length > 0 ? [{ before, after, aspects }] : [];
}

function changedKeys<T extends object>(before: T | undefined, after: T): (keyof T)[] {
  const keys = new Set([...Object.keys(before ?? {}), ...Object.keys(after)]) as Set<keyof T>;
  return [...keys].filter((key) => !isDeepStrictEqual(before?.[key], after[key]));
}
