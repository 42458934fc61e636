import { isoText } from '../agent/base/clock.ts';
import type { Code } from '../agent/base/codes.ts';
import { quoted } from '../agent/base/text.ts';
import {
  type ActivityEvent,
  type AlarmEvent,
  type AlarmState,
  type BoxHealthState,
  type CameraHealthState,
  type ChannelEvent,
  type CommandEvent,
  type ConfigState,
  type FaultEvent,
  type LinkState,
  type LossEvent,
  MESSAGES,
  type MessageKey,
  type PathEvent,
  type RefusalEvent,
  type RegisterState,
  type TimeCorrectionEvent,
  type WindowEvent,
} from '../agent/contract/messages.ts';
import type { Topic } from '../agent/contract/topics.ts';
import type { Texts } from './texts.ts';
import { describeChannel } from './viewing/lines.ts';

/**
 * A message of a box as one readable line.
 * @returns undefined for a message without a line of its own; a message that breaks its schema is said to
 */
export function describeMessage(topic: Topic, payload: Buffer, texts: Texts): string | undefined {
  const key = messageKey(topic);
  const describe = key && DESCRIBERS[key];
  if (!describe) return undefined;
  const parsed = MESSAGES[key].schema.safeParse(parseJson(payload));
  if (!parsed.success)
    return `${topic.entity}/${topic.class}/${topic.name}: ?? ${quoted(payload.toString(), 200)}`;
  const ts = typeof parsed.data.ts === 'number' ? parsed.data.ts : 0;
  const old = topic.class === 'hist' ? ` (${texts.backlog})` : '';
  return `${timeOf(ts)} ${topic.site}${old} ${describe(parsed.data as never, texts)}`;
}

function messageKey(topic: Topic): MessageKey | undefined {
  const entity =
    topic.entity === 'collector' ? 'collector' : topic.entity.startsWith('cam-') ? 'camera' : 'point';
  const keys = Object.keys(MESSAGES) as MessageKey[];
  return keys.find((key) => {
    const { class: of, name, entity: at } = MESSAGES[key];
    const topicClass = topic.class === 'hist' ? 'event' : topic.class;
    return of === topicClass && name === topic.name && at === entity;
  });
}

type Describe = (message: never, texts: Texts) => string;

const DESCRIBERS: Partial<Record<MessageKey, Describe>> = {
  link: (state: LinkState, texts) => describeLink(state, texts),
  linkBackup: (state: LinkState, texts) => describeLink(state, texts),
  path: ({ main, backup, in_use, cause, detail }: PathEvent, { pathChange, paths, pathStates, means }) =>
    `${pathChange}: ${paths[in_use]} (${paths.main}: ${pathStates[main]}, ${paths.backup}: ${pathStates[backup]})${because(cause, detail, means)}`,
  boxHealth: ({ state, cause, detail }: BoxHealthState, { box, words, means }) =>
    `${box}: ${words[state]}${because(cause, detail, means)}`,
  config: (
    { phase, version, applied_version, cause, errors }: ConfigState,
    { configuration, words, means },
  ) =>
    `${configuration} ${version}: ${words[phase]} (${words.applied}: ${applied_version})${because(cause, errors, means)}`,
  register: ({ length }: RegisterState, { register }) => `${register}: ${length}`,
  cameraHealth: ({ camera, name, state, cause, detail }: CameraHealthState, { words, means }) =>
    `${camera} ${quoted(name)}: ${words[state]}${because(cause, detail, means)}`,
  alarmCurrent: ({ point, name, state, severity }: AlarmState, { words }) =>
    `${point} ${quoted(name)}: ${words[state]} (${words[severity]})`,
  alarm: (event: AlarmEvent, texts) => describeAlarm(event, texts),
  activity: ({ point, name, transition }: ActivityEvent, { activity, words }) =>
    `${activity} ${point} ${quoted(name)}: ${words[transition]}`,
  window: ({ window, effect, transition, points, start, end, by, why }: WindowEvent, texts) =>
    `${texts.effects[effect]} ${quoted(window)}: ${texts.words[transition]}${texts.by(quoted(by).slice(1, -1))}: ${plain(points)}, ${timeOf(start)} – ${timeOf(end)}: ${quoted(why, 200).slice(1, -1)}`,
  command: (event: CommandEvent, texts) => describeStatus(event, texts),
  channel: (event: ChannelEvent, texts) => describeChannel(event, texts),
  refusal: ({ order, order_id, cause, detail }: RefusalEvent, { refused, orders, means }) =>
    `${refused} (${orders[order]}${order_id === '' ? '' : ` ${plain(order_id)}`})${because(cause, detail, means)}`,
  timeCorrection: ({ first_seq, last_seq, correction_ms, exact }: TimeCorrectionEvent, { correction }) =>
    `${correction}: ${first_seq}–${last_seq}: ${exact ? '' : '≤ '}${correction_ms < 0 ? '' : '+'}${correction_ms} ms`,
  loss: ({ lost_class, reason, first_seq, last_seq, lost }: LossEvent, { loss, lossReasons, classes }) =>
    `${loss}: ${lost} (${classes[lost_class]}, ${first_seq}–${last_seq}): ${lossReasons[reason]}`,
  fault: ({ cause, detail }: FaultEvent, { fault, means }) => `${fault}${because(cause, detail, means)}`,
};

function describeAlarm(event: AlarmEvent, { alarm, by: byWhom, words }: Texts): string {
  const { point, name, transition, severity, count, by, why } = event;
  const who = by === undefined ? '' : byWhom(quoted(by).slice(1, -1));
  const because = why === undefined ? '' : `: ${quoted(why, 200).slice(1, -1)}`;
  return `${alarm} ${point} ${quoted(name)}: ${words[transition]}${who} (${words[severity]}, ${count}) ${event.alarm}${because}`;
}

function describeLink(
  { online, session, software, path, in_use, other_path }: LinkState,
  { link, words, paths, pathStates, inUse }: Texts,
): string {
  const other = other_path === 'none' ? '' : `, ${inUse}: ${paths[in_use]}, ${pathStates[other_path]}`;
  const name = path === 'main' ? link : `${link} (${paths.backup})`;
  return `${name}: ${online ? words.online : words.offline} (session ${session}, ${plain(software)}${other})`;
}

/** One status of a command. */
export function describeStatus(event: CommandEvent, { command, words, means }: Texts): string {
  const { command: name, camera, point, alarm, status, cause, detail } = event;
  const target = camera ?? point ?? alarm;
  return `${command} ${name}${target === undefined ? '' : ` ${target}`}: ${words[status]}${because(cause, detail, means)}`;
}

/** The cause, what it means, and what the box says of it, when there are any. */
export function because(cause: Code | 'none', detail: string, means: Texts['means']): string {
  const said = detail === '' ? '' : quoted(detail, 500).slice(1, -1).replaceAll('\\"', '"');
  if (cause === 'none') return said === '' ? '' : `: ${said}`;
  return `: ${cause}: ${means(cause)}${said === '' ? '' : ` [${said}]`}`;
}

/** What a box says as text, which may hold what acts on a terminal. */
function plain(text: string): string {
  return quoted(text, 500).slice(1, -1);
}

function timeOf(wallMs: number): string {
  return isoText(wallMs).slice(0, 19);
}

function parseJson(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString());
  } catch {
    return undefined;
  }
}
