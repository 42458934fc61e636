import { type AlarmFacts, isCurrent, type PointFacts } from './alarm-facts.ts';
import { ALARM_WORDS } from './alarm-words.ts';
import type { Language } from './language.ts';
import { WORDS } from './status-table.ts';
import { localTime, paint, printable, table } from './text-table.ts';

export interface Printing {
  readonly language: Language;
  readonly colour: boolean;
}

const BELOW = '  └';
/** Letters of an alarm id that tell it from the others of a box. */
const SHORT_ID = 8;

/** The alarms of a box as lines of text. @param all also points that are at rest */
export function alarmList(facts: AlarmFacts, all: boolean, options: Printing): string {
  const w = ALARM_WORDS[options.language];
  const points = facts.points.filter((point) => all || isCurrent(point));
  const rows = points.length === 0 ? [w.none] : pointLines(points, options);
  return [...heading(facts, options), '', ...rows].join('\n');
}

function heading({ site, running, durable, points, flood }: AlarmFacts, options: Printing): string[] {
  const w = ALARM_WORDS[options.language];
  const counts = w.current(points.filter(isCurrent).length, points.length);
  const first = [`${WORDS[options.language].box} ${site}`, running ? w.running : w.away, counts].join(' · ');
  return [
    first,
    ...(durable ? [] : [paint('down', w.memoryOnly, options)]),
    ...(flood ? [paint('down', w.flood(localTime(flood.first_ts), flood.count, flood.kinds), options)] : []),
  ];
}

function pointLines(points: readonly PointFacts[], options: Printing): string[] {
  const w = WORDS[options.language];
  const head = [w.alarm, w.severityOf, w.state, w.since, w.times];
  const rows = points.map((point) => pointRow(point, options));
  const [first = '', ...lines] = table([head, ...rows], [4]);
  return [first, ...lines.flatMap((line, index) => [line, ...belowOf(points[index], options)])];
}

function pointRow(point: PointFacts, options: Printing): string[] {
  const w = WORDS[options.language];
  return [
    printable(point.name),
    w.severity[point.severity],
    stateText(point, options),
    point.since === 0 ? '' : localTime(point.since),
    String(point.occurrences),
  ];
}

/** What its source sees, and what an operator has done or has to do about it. */
export function stateText(point: PointFacts, options: Printing): string {
  const w = WORDS[options.language];
  const { lastKnown, chattering } = ALARM_WORDS[options.language];
  const remarks = [
    ...(point.as_of_ts === undefined || point.state === 'unknown'
      ? []
      : [`${lastKnown} ${localTime(point.as_of_ts)}`]),
    ...(point.alarm_state === 'acknowledged' ? [w.known] : []),
    ...(['raised', 'cleared'].includes(point.alarm_state) ? [w.toAcknowledge] : []),
    ...(point.shelved ? [w.shelved] : []),
    ...(point.chattering ? [chattering] : []),
  ];
  return paint(point.state, [w[point.state], ...remarks].join(', '), options);
}

function belowOf(point: PointFacts | undefined, options: Printing): string[] {
  if (!point) return [];
  const { alarm } = point;
  const w = ALARM_WORDS[options.language];
  const id = isCurrent(point) && alarm !== '' ? [`${w.number} ${alarm.slice(0, SHORT_ID)}`] : [];
  const what = [point.point, w.kinds[point.kind], ...placeOf(point), ...id].join(' · ');
  return [what, ...saidOf(point), ...decisionsOn(point, options)].map((text) => `${BELOW} ${text}`);
}

export function placeOf({ building, place }: PointFacts): string[] {
  const where = [building, place].filter((part) => part !== undefined);
  return where.length === 0 ? [] : [printable(where.join(', '))];
}

/** What the source said in words, while that is the matter. */
function saidOf({ text, alarm_state: state }: PointFacts): string[] {
  return text === undefined || !['raised', 'acknowledged'].includes(state) ? [] : [printable(text)];
}

/** Who decided what stands now. */
export function decisionsOn(point: PointFacts, { language }: Printing): string[] {
  const [w, s] = [ALARM_WORDS[language], WORDS[language]];
  const { acknowledged_by: by, acknowledged_ts: ts, shelved_by: shelver, shelved_until: until } = point;
  const known = by !== undefined && ts !== undefined && point.alarm_state === 'acknowledged';
  const why = point.shelved_why === undefined ? '' : `${language === 'fr' ? ' :' : ':'} ${point.shelved_why}`;
  return [
    ...(known ? [printable(`${s.known} ${w.by} ${by}, ${localTime(ts)}`)] : []),
    ...(shelver !== undefined && until !== undefined
      ? [printable(`${s.shelved} ${w.by} ${shelver} ${w.until} ${localTime(until)}${why}`)]
      : []),
  ];
}
