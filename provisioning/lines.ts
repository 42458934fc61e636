import { quoted } from '../agent/base/text.ts';
import {
  type AlarmEvent,
  type AlarmState,
  type BoxHealthState,
  type CameraHealthState,
  type CommandEvent,
  type ConfigState,
  type FaultEvent,
  type LinkState,
  type LossEvent,
  MESSAGES,
  type MessageKey,
  type RefusalEvent,
  type RegisterState,
} from '../agent/contract/messages.ts';
import type { Topic } from '../agent/contract/topics.ts';
import type { Texts } from './texts.ts';

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
  link: ({ online, session, software }: LinkState, { link, words }) =>
    `${link}: ${online ? words.online : words.offline} (session ${session}, ${software})`,
  boxHealth: ({ state, cause, detail }: BoxHealthState, { box, words }) =>
    `${box}: ${words[state]}${because(cause, detail)}`,
  config: ({ phase, version, applied_version, cause, errors }: ConfigState, { configuration, words }) =>
    `${configuration} ${version}: ${words[phase]} (${words.applied}: ${applied_version})${because(cause, errors)}`,
  register: ({ length }: RegisterState, { register }) => `${register}: ${length}`,
  cameraHealth: ({ camera, name, state, cause, detail }: CameraHealthState, { words }) =>
    `${camera} ${quoted(name)}: ${words[state]}${because(cause, detail)}`,
  alarmCurrent: ({ point, name, state, severity }: AlarmState, { words }) =>
    `${point} ${quoted(name)}: ${words[state]} (${words[severity]})`,
  alarm: ({ point, name, transition, severity, occurrences }: AlarmEvent, { alarm, words }) =>
    `${alarm} ${point} ${quoted(name)}: ${words[transition]} (${words[severity]}, ${occurrences})`,
  command: (event: CommandEvent, texts) => describeStatus(event, texts),
  refusal: ({ order, order_id, cause, detail }: RefusalEvent, { refused }) =>
    `${refused} (${order}${order_id === '' ? '' : ` ${order_id}`})${because(cause, detail)}`,
  loss: ({ lost_class, reason, first_seq, last_seq, lost }: LossEvent, { loss }) =>
    `${loss}: ${lost} (${lost_class}, ${first_seq}–${last_seq}): ${reason}`,
  fault: ({ cause, detail }: FaultEvent, { fault }) => `${fault}${because(cause, detail)}`,
};

/** One status of a command. */
export function describeStatus(event: CommandEvent, { command, words }: Texts): string {
  const { command: name, camera, status, cause, detail } = event;
  return `${command} ${name}${camera === undefined ? '' : ` ${camera}`}: ${words[status]}${because(cause, detail)}`;
}

/** The cause and its words, when there are any. */
export function because(cause: string, detail: string): string {
  const said = detail === '' ? '' : quoted(detail, 500).slice(1, -1);
  return [cause === 'none' ? '' : cause, said]
    .filter((part) => part !== '')
    .reduce((all, part) => `${all}: ${part}`, '');
}

function timeOf(wallMs: number): string {
  return new Date(Math.min(wallMs, 8.64e15)).toISOString().slice(0, 19);
}

function parseJson(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString());
  } catch {
    return undefined;
  }
}
