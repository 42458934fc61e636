import { parseDateTime } from './date-time.ts';
import { child, childrenOf, textAt, type XmlElement } from './xml.ts';

/** One event of a camera, as it came through the pull point or on the metadata track. */
export interface OnvifEvent {
  /** Such as `tns1:Device/Trigger/DigitalInput`: the prefix of ONVIF's own topics is `tns1` whatever the camera calls it. */
  readonly topic: string;
  readonly operation?: 'Initialized' | 'Changed' | 'Deleted' | undefined;
  /** In the camera's clock; absent when it is missing or impossible. */
  readonly utcTimeMs?: number | undefined;
  readonly source: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<string, string>>;
}

const ONVIF_TOPICS = 'http://www.onvif.org/ver10/topics';

/** Longest topic and value, and most items of an event, that are taken. Source: guess. */
const MAX_TEXT_CHARS = 512;
const MAX_ITEMS = 64;

const OPERATIONS = ['Initialized', 'Changed', 'Deleted'] as const;

/** The events of a PullMessagesResponse, or of one `Event` of the metadata track, in order. @see ONVIF Core §9.4, §9.5.2 */
export function readEvents(content: XmlElement): OnvifEvent[] {
  return childrenOf(content, 'NotificationMessage').map(readEvent);
}

function readEvent(notification: XmlElement): OnvifEvent {
  const outer = child(notification, 'Message');
  const message = child(outer, 'Message') ?? outer;
  const utcTimeMs = parseDateTime(message?.attributes.UtcTime ?? '');
  const operation = message?.attributes.PropertyOperation?.trim().toLowerCase();
  return {
    topic: readTopic(child(notification, 'Topic')),
    operation: OPERATIONS.find((known) => known.toLowerCase() === operation),
    ...(utcTimeMs === undefined ? {} : { utcTimeMs }),
    source: readItems(child(message, 'Source')),
    data: readItems(child(message, 'Data')),
  };
}

function readTopic(topic: XmlElement | undefined): string {
  const parts = (topic?.text ?? '').slice(0, MAX_TEXT_CHARS).split('/');
  const named = parts.map((part) => part.trim()).filter((part) => part !== '');
  return named.map((part, index) => readTopicPart(part, index, topic)).join('/');
}

/** Only the root names the namespace; below it a prefix counts where it is not ONVIF's. */
function readTopicPart(part: string, index: number, topic: XmlElement | undefined): string {
  const colon = part.indexOf(':');
  const prefix = colon < 0 ? '' : part.slice(0, colon);
  const local = part.slice(colon + 1);
  const known = topic?.scope.get(prefix);
  const ours =
    known === undefined ? prefix === '' || prefix === 'tns1' : known === ONVIF_TOPICS || prefix === '';
  if (!ours) return part;
  return index === 0 ? `tns1:${local}` : local;
}

function readItems(holder: XmlElement | undefined): Record<string, string> {
  const items = childrenOf(holder, 'SimpleItem').slice(0, MAX_ITEMS);
  return Object.fromEntries(
    items.map(({ attributes }) => [cut(attributes.Name), cut(attributes.Value).trim()] as const),
  );
}

function cut(text = ''): string {
  return text.slice(0, MAX_TEXT_CHARS);
}

const ACTIVE = new Set(['true', '1', 'active', 'on', 'yes', 'high', 'closed', 'triggered', 'alarm']);
const INACTIVE = new Set(['false', '0', 'inactive', 'off', 'no', 'low', 'open', 'idle', 'normal']);

/** Whether a state item says active, in the spellings that makers use; undefined when it says neither. */
export function isActive(value: string | undefined): boolean | undefined {
  const word = value?.trim().toLowerCase() ?? '';
  if (ACTIVE.has(word)) return true;
  return INACTIVE.has(word) ? false : undefined;
}

/**
 * What a camera granted for a subscription, milliseconds: from its own words, or from its clock as it was measured,
 * whichever is less and still to come. Undefined when neither makes sense.
 * @param cameraMs the time in the clock of the camera, Unix ms
 */
export function grantedMs(content: XmlElement, cameraMs: number): number | undefined {
  const end = parseDateTime(textAt(content, 'TerminationTime'));
  const stated = parseDateTime(textAt(content, 'CurrentTime'));
  if (end === undefined) return undefined;
  const grants = [stated, cameraMs].flatMap((now) => (now !== undefined && end > now ? [end - now] : []));
  return grants.length === 0 ? undefined : Math.min(...grants);
}
