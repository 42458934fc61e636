import { isActive, type OnvifEvent } from '../../camera/onvif/notification.ts';
import type { CameraPoint } from '../ports.ts';

/** One condition that an event of a camera speaks of: one input, or one kind of tampering of one video source. */
export interface Condition {
  readonly kind: 'digital-input' | 'tampering';
  /** Tells conditions of one point apart; from the camera, cut. */
  readonly key: string;
  /** Token of the digital input. */
  readonly input: string;
  /** Undefined when the camera says that the property exists no longer. */
  readonly active: boolean | undefined;
}

/** @see ONVIF Device IO Service Specification §5.10.1, topic tns1:Device/Trigger/DigitalInput */
const DIGITAL_INPUT = 'device/trigger/digitalinput';

/**
 * Topics of tampering, without prefixes and in small letters; what follows them is one more condition.
 * @see ONVIF Imaging Service Specification, section Events; the last three are makers' own
 */
const TAMPERING = [
  'videosource/globalscenechange',
  'videosource/imagetooblurry',
  'videosource/imagetoodark',
  'videosource/imagetoobright',
  'device/tampering',
  'videosource/tampering',
  'ruleengine/tamperdetector/tamper',
];

/** Names that makers give to the item that says whether the condition holds, the standard ones first. */
const STATE_ITEMS = ['logicalstate', 'state', 'istamper', 'tamper', 'tampering', 'active', 'value'];
const INPUT_ITEMS = ['inputtoken', 'token', 'input', 'port'];

const KEY_MAX = 160;

/** @returns undefined when the event is none of ours, or does not say whether its condition holds */
export function conditionOf(event: OnvifEvent): Condition | undefined {
  const topic = plainTopic(event.topic);
  const kind = kindOf(topic);
  if (!kind) return undefined;
  const deleted = event.operation === 'Deleted';
  const active = deleted ? undefined : stateOf(event.data);
  if (active === undefined && !deleted) return undefined;
  const input = kind === 'digital-input' ? inputOf(event.source) : '';
  const key = kind === 'digital-input' ? input : `${topic} ${itemsText(event.source)}`;
  return { kind, key: key.slice(0, KEY_MAX), input, active };
}

/** The topic without the prefixes of its levels, which are the sender's choice, in small letters. */
function plainTopic(topic: string): string {
  return topic
    .trim()
    .split('/')
    .map((level) => level.slice(level.indexOf(':') + 1))
    .join('/')
    .toLowerCase();
}

function kindOf(topic: string): Condition['kind'] | undefined {
  if (topic === DIGITAL_INPUT) return 'digital-input';
  return TAMPERING.some((known) => topic === known || topic.startsWith(`${known}/`))
    ? 'tampering'
    : undefined;
}

type Items = OnvifEvent['data'];

function stateOf(data: Items): boolean | undefined {
  const named = STATE_ITEMS.map((name) => itemValue(data, name));
  const states = [...named, ...Object.values(data)].map((value) => isActive(value));
  return states.find((state) => state !== undefined);
}

function inputOf(source: Items): string {
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

/** Whether the point listens to this condition. */
export function concerns(point: CameraPoint, condition: Condition): boolean {
  if (point.kind !== condition.kind) return false;
  return point.kind !== 'digital-input' || point.input === undefined || point.input === condition.input;
}
