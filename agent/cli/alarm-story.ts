import type { ActivityEvent, AlarmEvent } from '../contract/messages.ts';
import type { StoryLine } from '../store/read-stories.ts';
import type { PointFacts } from './alarm-facts.ts';
import { decisionsOn, type Printing, placeOf, stateText } from './alarm-list.ts';
import { ALARM_WORDS } from './alarm-words.ts';
import type { Language } from './language.ts';
import { WORDS } from './status-table.ts';
import { localTime, paint, printable, table } from './text-table.ts';

/** An event as it was told; one of an older program may lack fields. */
type StoryEvent = Partial<AlarmEvent & Pick<ActivityEvent, 'unarmed_by' | 'window'>> & {
  readonly transition?: AlarmEvent['transition'] | ActivityEvent['transition'];
};

export interface StoryEntry {
  readonly event: StoryEvent;
  readonly line: StoryLine;
}

const BELOW = '  └';
/** What a source says; the others are decisions and what follows from them. */
const OF_SOURCE: readonly unknown[] = [
  'raised',
  'cleared',
  'chattering',
  'steady',
  'updated',
  'begun',
  'ended',
];
/** Letters of the id of a key that tell it from the others of a keyring. */
const SHORT_KEY = 8;

/** The lines of a story that can be read. */
export function entriesOf(lines: readonly StoryLine[]): StoryEntry[] {
  return lines.flatMap((line) => {
    const event = parse(line.payload);
    return event ? [{ event, line }] : [];
  });
}

/** The story of a point, or of one alarm of it, as lines of text. */
export function alarmStory(
  point: PointFacts | undefined,
  entries: readonly StoryEntry[],
  options: Printing,
): string {
  const w = ALARM_WORDS[options.language];
  const story = entries.length === 0 ? ['', w.noStory] : alarms(entries, options);
  return [...(point ? pointHead(point, options) : []), ...story].join('\n');
}

/** One event in one line, for who follows them. */
export function followLine(entry: StoryEntry, options: Printing): string {
  const { event, line } = entry;
  const severity = event.severity === undefined ? [] : [WORDS[options.language].severity[event.severity]];
  const who = whoOf(event);
  const what = [transitionText(event, options), ...severity, ...(who === '' ? [] : [who])];
  const values = valuesOf(event, options.language);
  const said = [...what, ...(values === '' ? [] : [values])].join(' · ');
  return `${timeOf(event)}  ${printable(event.name ?? '')} (${line.of})  ${said}`;
}

function pointHead(point: PointFacts, options: Printing): string[] {
  const w = ALARM_WORDS[options.language];
  const { owner, source, armed } = point;
  const what = [w.kinds[point.kind], WORDS[options.language].severity[point.severity], owner];
  const where = [...placeOf(point), ...(source === undefined ? [] : [source])];
  const guarded = armed === undefined ? [] : [w.armed[armed ? 1 : 0]];
  const now = [stateText(point, options), `${w.since} ${localTime(point.since)}`, ...guarded].join(' · ');
  const decided = decisionsOn(point, options).map((text) => `${BELOW} ${text}`);
  return [`${printable(point.name)} (${point.point})`, [...what, ...where].join(' · '), now, ...decided];
}

/** Under a heading for each alarm. */
function alarms(entries: readonly StoryEntry[], options: Printing): string[] {
  const w = ALARM_WORDS[options.language];
  const rows = entries.map((entry) => row(entry, options));
  const [head = '', ...lines] = table([[...w.head], ...rows], []);
  const cut = entries[0]?.event.transition === 'raised' || entries[0]?.event.count === 0 ? [] : [w.earlier];
  return [
    ...['', head, ...cut],
    ...lines.flatMap((line, index) => [
      ...headingAt(entries, index, options),
      line,
      ...below(entries[index], options),
    ]),
  ];
}

function headingAt(entries: readonly StoryEntry[], index: number, { language }: Printing): string[] {
  const alarm = entries[index]?.event.alarm;
  const before = entries.slice(0, index).findLast(({ event }) => event.alarm)?.event.alarm;
  return alarm && alarm !== before ? [`${ALARM_WORDS[language].alarm} ${printable(alarm)}`] : [];
}

function row({ event, line }: StoryEntry, options: Printing): string[] {
  const fate = ALARM_WORDS[options.language].fates[line.fate];
  const centre = line.fateMs === 0 ? fate : `${fate} ${localTime(line.fateMs)}`;
  return [timeOf(event), transitionText(event, options), whoOf(event), centre];
}

function below(entry: StoryEntry | undefined, { language }: Printing): string[] {
  if (!entry) return [];
  const { event } = entry;
  const texts = [whyOf(event, language), valuesOf(event, language)];
  return texts.filter((text) => text !== '').map((text) => `${BELOW} ${text}`);
}

function timeOf({ ts }: StoryEvent): string {
  return ts === undefined ? '' : localTime(ts);
}

function transitionText({ transition, count }: StoryEvent, options: Printing): string {
  if (transition === undefined) return '';
  const word = ALARM_WORDS[options.language].transitions[transition];
  const times = transition === 'raised' && count !== undefined && count > 1 ? ` (${count})` : '';
  return paint(transition, `${word}${times}`, options);
}

/** The person; the source where nobody decided. */
function whoOf({ by, source = '', unarmed_by: unarmed }: StoryEvent): string {
  return printable(by ?? (unarmed === undefined ? source : `${source}, ${unarmed}`));
}

/** Why a person decided, and by which key. */
function whyOf({ why, signer }: StoryEvent, language: Language): string {
  const key = signer && `${ALARM_WORDS[language].key} ${signer.slice(0, SHORT_KEY)}`;
  return printable([why, key].filter((part) => part !== undefined && part !== '').join(' · '));
}

/** Everything that an event carries of values. */
function valuesOf(event: StoryEvent, language: Language): string {
  const w = ALARM_WORDS[language];
  const { until, clock } = event;
  const values = [
    ...(OF_SOURCE.includes(event.transition) ? saidOf(event, language) : []),
    until === undefined ? undefined : `${w.until} ${localTime(until)}`,
    clock === 'untrusted' ? w.untrusted : undefined,
  ];
  return printable(values.filter((value) => value !== undefined && value !== '').join(' · '));
}

/** What the source said with it. */
function saidOf(event: StoryEvent, language: Language): (string | undefined)[] {
  const w = ALARM_WORDS[language];
  const { text, cause, account, area, zone, changes, source_ts: sourceTs } = event;
  return [
    text,
    cause === 'none' ? undefined : cause,
    [account, area, zone].filter((part) => part !== undefined).join('/'),
    [event.code_sia, event.code_contact_id].filter((code) => code !== undefined).join(' '),
    changes === undefined ? undefined : w.changes(changes),
    sourceTs === undefined ? undefined : `${w.sourceTime} ${localTime(sourceTs)}`,
  ];
}

function parse(text: string): StoryEvent | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
