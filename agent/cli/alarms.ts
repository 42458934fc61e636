import { setTimeout as delay } from 'node:timers/promises';
import { ConfigurationError } from '../base/errors.ts';
import { plainJson, quoted } from '../base/text.ts';
import { type BoxFile, readBoxFile } from '../config/box-file.ts';
import type { StoryReader } from '../store/read-stories.ts';
import { isCurrent, readFacts, readStory } from './alarm-facts.ts';
import { alarmList, type Printing } from './alarm-list.ts';
import { alarmStory, entriesOf, followLine, type StoryEntry } from './alarm-story.ts';
import type { Language } from './language.ts';

export interface AlarmsOptions {
  readonly config: string;
  readonly language: Language;
  readonly json: boolean;
  /** Goes on with each event as it happens, until it is interrupted. */
  readonly follow: boolean;
  /** Also points that are at rest. */
  readonly all: boolean;
  /** `show` and a point or an alarm, or nothing. */
  readonly words: readonly string[];
}

const FOLLOW_MS = 500;
/** Shortest beginning of the id of an alarm. */
const BEGINNING_MIN = 4;

/**
 * `beffroi alarms`: by what is on the disk of the box, so that it also answers when no agent runs; nothing is changed.
 * @returns the exit code: 0 when no alarm is open, 1 otherwise; 0 for a story
 * @throws ConfigurationError `command-line-invalid`; InternalError `store-damaged`
 */
export async function showAlarms(options: AlarmsOptions): Promise<number> {
  const [verb, target, ...more] = options.words;
  const box = await readBoxFile(options.config);
  const colour = process.stdout.isTTY && process.env.NO_COLOR === undefined;
  const printing = { language: options.language, colour };
  if (verb === undefined) return await list(box, options, printing);
  if (verb !== 'show' || target === undefined || more.length > 0)
    throw invalid('show and one point or alarm', options.words.join(' '));
  return await show(box, target, options, printing);
}

async function list(box: BoxFile, options: AlarmsOptions, printing: Printing): Promise<number> {
  const facts = await readFacts(box);
  const { last, ...told } = facts;
  const points = facts.points.filter((point) => options.all || isCurrent(point));
  if (!options.json) console.log(alarmList(facts, options.all, printing));
  else if (!options.follow) console.log(plainJson(JSON.stringify({ ...told, points })));
  if (options.follow) await follow(box, facts.last, options, printing);
  return facts.points.some(isCurrent) ? 1 : 0;
}

async function follow(box: BoxFile, last: number, { json }: AlarmsOptions, printing: Printing) {
  for (let seen = last; ; ) {
    await delay(FOLLOW_MS);
    // A database that took the place of another one may count from below.
    seen = readStory(box, (stories) => Math.min(seen, stories.last)) ?? seen;
    const lines = readStory(box, (stories) => stories.after(seen)) ?? [];
    for (const entry of entriesOf(lines))
      console.log(json ? plainJson(JSON.stringify(asJson(entry))) : followLine(entry, printing));
    seen = lines.at(-1)?.number ?? seen;
  }
}

async function show(box: BoxFile, target: string, { json }: AlarmsOptions, printing: Printing) {
  if (!isPoint(target) && target.length < BEGINNING_MIN)
    throw invalid(`a point, or ${BEGINNING_MIN} letters of an alarm id`, target);
  const { points } = await readFacts(box);
  const entries = entriesOf(readStory(box, (stories) => storyOf(stories, target)) ?? []);
  const point = points.find(({ point: id }) => id === (entries[0]?.line.of ?? target));
  if (!point && entries.length === 0)
    throw invalid('a point, or the beginning of an alarm id (beffroi alarms --all)', target);
  const alarms = new Set(entries.map(({ event }) => event.alarm).filter(Boolean));
  if (!isPoint(target) && alarms.size > 1)
    throw invalid('the id of one alarm', `${target}, with which ${alarms.size} begin`);
  console.log(
    json
      ? plainJson(JSON.stringify({ point: point ?? {}, events: entries.map(asJson) }))
      : alarmStory(point, entries, printing),
  );
  return 0;
}

function storyOf(stories: StoryReader, target: string) {
  return isPoint(target) ? stories.of(target) : stories.ofAlarm(target);
}

function isPoint(target: string): boolean {
  return target.startsWith('pt-');
}

function asJson({ event, line: { fate, fateMs } }: StoryEntry): object {
  return { ...event, fate, ...(fateMs === 0 ? {} : { fate_ts: fateMs }) };
}

function invalid(expected: string, came: string): ConfigurationError {
  return new ConfigurationError('command-line-invalid', `expected ${expected}, came ${quoted(came)}`);
}
