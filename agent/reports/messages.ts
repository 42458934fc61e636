import { createHash } from 'node:crypto';
import type { Fields } from '../contract/messages.ts';
import type { Report, ReportLine } from './report.ts';

type LineFields = Omit<Fields<'cameraAvailability'>, 'id'>;

/** What the message on one camera or segment says. */
export function lineFields(report: Report, line: ReportLine): LineFields {
  const { period, stretch, complete } = report;
  const { incidents } = line;
  return {
    ...{ subject: line.subject, name: line.facts.name.slice(0, 80), ...period },
    ...{ from_ts: stretch.fromMs, until_ts: stretch.untilMs, complete },
    ...optional('proven_percent', line.provenPercent, hundredths),
    ...optional('known_percent', line.knownPercent, hundredths),
    counted_s: seconds(line.countedMs),
    available_s: seconds(line.availableMs),
    degraded_s: seconds(line.degradedMs),
    down_s: seconds(line.downMs),
    unknown_s: seconds(line.unknownMs),
    planned_s: seconds(line.plannedMs),
    disabled_s: seconds(line.disabledMs),
    ...sideFields(line),
    incidents: incidents.length,
    consequences: incidents.filter(({ via }) => via !== '').length,
    open_incidents: incidents.filter(({ open }) => open).length,
    ...optional('detect_s', line.detectMs, seconds),
    ...optional('repair_s', line.repairMs, seconds),
    ...optional('clock_off_ms', line.clockOffMs, Math.round),
    breaches: line.breaches,
    breach_s: seconds(line.breachMs),
  };
}

/** What the message on the box says; undefined where nothing is known of the box. */
export function siteFieldsOf(report: Report): Omit<Fields<'siteAvailability'>, 'id'> | undefined {
  const box = report.lines.find(({ kind }) => kind === 'box');
  if (!box) return undefined;
  const { days, targets, places } = report;
  const connected = days.map((day) => day.connected);
  return {
    ...lineFields(report, box),
    connected_min: days.length > 0 ? Math.min(...connected) : 0,
    connected_max: Math.max(0, ...connected),
    configured_max: Math.max(0, ...days.map(({ configured }) => configured)),
    connected_days: connected.join(' ').slice(0, 2000),
    connected_hash: createHash('sha256')
      .update(days.map(({ day, hash }) => `${day} ${hash}\n`).join(''))
      .digest('hex'),
    places: places.length,
    ...optional('target_camera_percent', targets.cameraAvailabilityPercent, same),
    ...optional('target_box_percent', targets.boxAvailabilityPercent, same),
    ...optional('target_detect_s', targets.detectS, same),
    ...optional('target_repair_h', targets.repairH, same),
    ...optional('target_clock_off_ms', targets.clockOffsetMs, same),
  };
}

function sideFields({ downMsBySide: by }: ReportLine) {
  const of = (side: string) => seconds(by.get(side) ?? 0);
  return {
    down_camera_s: of('camera'),
    down_local_network_s: of('local-network'),
    down_box_s: of('box'),
    down_backbone_s: of('backbone'),
    down_centre_s: of('centre'),
    down_partner_s: of('partner'),
    down_unknown_s: of('unknown'),
  };
}

function optional<K extends string>(
  key: K,
  value: number | undefined,
  to: (value: number) => number,
): Partial<Record<K, number>> {
  return value === undefined ? {} : ({ [key]: to(value) } as Record<K, number>);
}

/** Never rounded up to what it is not. */
function hundredths(percent: number): number {
  return Math.floor(percent * 100) / 100;
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}

function same(value: number): number {
  return value;
}
