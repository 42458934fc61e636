import { isActive, type OnvifEvent } from '../../camera/onvif/notification.ts';
import type { CameraPoint } from '../ports.ts';
import { EVENT_KINDS, isTopicOf, plainTopic } from './topics.ts';

/** What an event of a camera says of a point. */
export interface Condition {
  /** Tells conditions of one point apart, such as two inputs or two video sources; from the camera, cut. */
  readonly key: string;
  /** Undefined when the camera says that the property exists no longer. */
  readonly active: boolean | undefined;
  /** What else stands in an event that says no more than that something happened. */
  readonly text?: string;
}

/** Names that makers give to the item that says whether the condition holds, the standard ones first. */
const STATE_ITEMS = [
  ...['logicalstate', 'state', 'istamper', 'failed', 'critical'],
  ...['tamper', 'tampering', 'active', 'value'],
];
const INPUT_ITEMS = ['inputtoken', 'token', 'input', 'port'];

const KEY_MAX = 160;
const TEXT_MAX = 120;

/** @returns undefined when the event is none of the point's, or does not say whether its condition holds */
export function conditionOf(point: CameraPoint, event: OnvifEvent): Condition | undefined {
  const topic = plainTopic(event.topic);
  if (!isTopicOf(point, topic)) return undefined;
  if (EVENT_KINDS[point.kind].happening) return happeningOf(topic, event);
  if (point.kind === 'digital-input') return inputConditionOf(point, event);
  return stateConditionOf(`${topic} ${itemsText(event.source)}`, event, false);
}

/** What the camera repeats at the begin of a subscription has not happened now. */
function happeningOf(topic: string, { operation, source, data }: OnvifEvent): Condition | undefined {
  if (operation === 'Initialized' || operation === 'Deleted') return undefined;
  const text = plainText(itemsText({ ...source, ...data }));
  return { key: topic.slice(0, KEY_MAX), active: true, ...(text === '' ? {} : { text }) };
}

function inputConditionOf(
  { input, inverted = false }: CameraPoint,
  event: OnvifEvent,
): Condition | undefined {
  const token = inputOf(event.source);
  if (input !== undefined && token !== input) return undefined;
  return stateConditionOf(token, event, inverted);
}

function stateConditionOf(
  key: string,
  { operation, data }: OnvifEvent,
  inverted: boolean,
): Condition | undefined {
  const cut = key.slice(0, KEY_MAX);
  if (operation === 'Deleted') return { key: cut, active: undefined };
  const state = stateOf(data);
  return state === undefined ? undefined : { key: cut, active: state !== inverted };
}

type Items = OnvifEvent['data'];

function stateOf(data: Items): boolean | undefined {
  const named = STATE_ITEMS.map((name) => itemValue(data, name));
  const states = [...named, ...Object.values(data)].map((value) => isActive(value));
  return states.find((state) => state !== undefined);
}

/** Token of the digital input that an event is about; empty when it names none. */
export function inputOf(source: Items): string {
  const named = INPUT_ITEMS.map((name) => itemValue(source, name)).find((value) => value !== undefined);
  return (named ?? Object.values(source)[0] ?? '').trim();
}

function itemValue(items: Items, name: string): string | undefined {
  return Object.entries(items).find(([key]) => key.toLowerCase() === name)?.[1];
}

function itemsText(items: Items): string {
  return Object.entries(items)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(' ');
}

/** Words of the camera, for people. */
function plainText(text: string): string {
  return text
    .replace(/\p{C}+/gu, ' ')
    .trim()
    .slice(0, TEXT_MAX);
}
