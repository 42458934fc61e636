import { at, type XmlElement } from './xml.ts';

/** Topics that are read of one camera; more than any declares. Source: guess. */
const MAX_TOPICS = 1_000;
/** What is longer is no topic that a camera tells, nor is what stands below it. Source: as that of an event. */
export const MAX_TOPIC_CHARS = 512;

/**
 * The topics whose events the camera says it tells, as `Device/Trigger/DigitalInput`, without prefixes.
 * @param properties answer to GetEventProperties
 * @see ONVIF Core Specification, section "GetEventProperties"; WS-Topics 1.3 §4 (`topic="true"`)
 */
export function readEventTopics(properties: XmlElement): readonly string[] {
  return topicsUnder(at(properties, 'TopicSet'), '').slice(0, MAX_TOPICS);
}

function topicsUnder(parent: XmlElement | undefined, path: string): string[] {
  return (parent?.children ?? []).flatMap((one) => {
    const own = path === '' ? one.name : `${path}/${one.name}`;
    if (own.length > MAX_TOPIC_CHARS) return [];
    const isTopic = ['true', '1'].includes(one.attributes.topic?.trim().toLowerCase() ?? '');
    return isTopic ? [own, ...topicsUnder(one, own)] : topicsUnder(one, own);
  });
}
