import type { PathName } from './transmission.ts';

/**
 * The only module that builds and parses topics.
 * `csu/v1/<site>/<entity>/<class>/<name>`: six levels, always.
 */

/** INSEE code of the commune (five characters, `2a`/`2b` for Corsica) and a label of the box. */
export const SITE_PATTERN = /^[0-9][0-9ab][0-9]{3}-[a-z0-9][a-z0-9-]{0,38}$/;
export const CAMERA_PATTERN = /^cam-[a-z0-9][a-z0-9-]{0,58}$/;
export const POINT_PATTERN = /^pt-[a-z0-9][a-z0-9-]{0,58}$/;
/** Of the points that stand for the failure of a source; no point of the configuration begins so. */
export const FAILURE_POINT_PREFIX = 'pt-source-';
export const MODULE_PATTERN = /^io-[a-z0-9][a-z0-9-]{0,58}$/;
export const UPS_PATTERN = /^ups-[a-z0-9][a-z0-9-]{0,58}$/;
/** A part of the local network that cameras share. */
export const SEGMENT_PATTERN = /^seg-[a-z0-9][a-z0-9-]{0,58}$/;
export const OBJECT_PATTERN = /^obj-[a-z0-9][a-z0-9-]{0,58}$/;
const ENTITY_PATTERN = /^(collector|(cam|pt|ups|obj|seg)-[a-z0-9][a-z0-9-]{0,58})$/;
const NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,38}$/;

const UP_CLASSES = ['state', 'meas', 'event', 'hist', 'report', 'media'] as const;
const DOWN_CLASSES = ['cfg', 'cmd', 'ack'] as const;

export type TopicClass = (typeof UP_CLASSES)[number] | (typeof DOWN_CLASSES)[number];

export interface Topic {
  readonly site: string;
  /** `collector`, a camera `cam-…`, an alarm point `pt-…`, a UPS `ups-…`, a connected object `obj-…` or a segment of the local network `seg-…`. */
  readonly entity: string;
  readonly class: TopicClass;
  readonly name: string;
}

const ROOT = 'csu';
const VERSION = 'v1';
const CLASSES: readonly string[] = [...UP_CLASSES, ...DOWN_CLASSES];

/** @throws RangeError when a part is not of its alphabet: a caller's mistake, since ids are checked where they enter */
export function buildTopic(topic: Topic): string {
  const text = `${ROOT}/${VERSION}/${topic.site}/${topic.entity}/${topic.class}/${topic.name}`;
  if (!parseTopic(text)) throw new RangeError(`not a topic of the contract: ${JSON.stringify(text)}`);
  return text;
}

/** @returns undefined when the text is not a topic of the contract */
export function parseTopic(text: string): Topic | undefined {
  if (text.length > 256) return undefined;
  const levels = text.split('/');
  if (levels.length !== 6 || levels[0] !== ROOT || levels[1] !== VERSION) return undefined;
  const [, , site = '', entity = '', topicClass = '', name = ''] = levels;
  const good =
    SITE_PATTERN.test(site) &&
    ENTITY_PATTERN.test(entity) &&
    CLASSES.includes(topicClass) &&
    NAME_PATTERN.test(name);
  return good ? { site, entity, class: topicClass as TopicClass, name } : undefined;
}

/** Where the CSU puts the signed configuration of a box (retained). */
export function desiredConfigTopic(site: string): string {
  return buildTopic({ site, entity: 'collector', class: 'cfg', name: 'desired' });
}

/** Where the CSU puts signed commands for a box (never retained). */
export function commandTopic(site: string): string {
  return buildTopic({ site, entity: 'collector', class: 'cmd', name: 'request' });
}

/** Where the CSU puts its signed receipts for events of a box (never retained). */
export function receiptTopic(site: string): string {
  return buildTopic({ site, entity: 'collector', class: 'ack', name: 'receipt' });
}

/** Where an event goes that is no longer live: the class `hist` in place of `event`. */
export function backlogTopic(text: string): string {
  const topic = parseTopic(text);
  return topic?.class === 'event' ? buildTopic({ ...topic, class: 'hist' }) : text;
}

/** The topic that an event has or would have had as live: the class `event` in place of `hist`. */
export function liveTopic(text: string): string {
  const topic = text.includes('/hist/') ? parseTopic(text) : undefined;
  return topic?.class === 'hist' ? buildTopic({ ...topic, class: 'event' }) : text;
}

/** Where presence and the last will of a box stand (retained), of each path by itself. */
export function linkTopic(site: string, path: PathName = 'main'): string {
  const name = path === 'main' ? 'link' : 'link-backup';
  return buildTopic({ site, entity: 'collector', class: 'state', name });
}

/** Where the main stream of a camera goes, as MP4 boxes. */
export function mediaTopic(site: string, camera: string): string {
  return buildTopic({ site, entity: camera, class: 'media', name: 'main' });
}

/** Where the pictures of a partner's camera go while a lease stands: encrypted for this recipient. */
export function leasedMediaTopic(site: string, camera: string, recipient: string): string {
  return buildTopic({ site, entity: camera, class: 'media', name: recipient });
}
