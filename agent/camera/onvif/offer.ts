import { readScopes } from '../discovery/scopes.ts';
import { buildEnvelope } from './envelope.ts';
import { MAX_TOPIC_CHARS } from './event-topics.ts';
import { NAMESPACES, type ServiceName } from './services.ts';
import { at, childrenOf, textAt, type XmlElement } from './xml.ts';

/** What a camera says that it can do. */
export interface CameraOffer {
  readonly services: readonly ServiceName[];
  /** Letters of the ONVIF profiles that it conforms to, as it says. */
  readonly profiles: readonly string[];
  /** Topics of its events without prefixes, such as `VideoSource/MotionAlarm`. */
  readonly topics: readonly string[];
}

/** Topics that are kept, and how deep they may nest. Source: guess; cameras have some dozen, three deep. */
const MAX_TOPICS = 256;
const MAX_DEPTH = 8;

/** @see ONVIF Core §9.6 (GetEventProperties) */
export function eventPropertiesEnvelope(action: string): string {
  const namespaces = { a: 'http://www.w3.org/2005/08/addressing', tev: NAMESPACES.events };
  const header = `<a:Action s:mustUnderstand="1">${action}</a:Action>`;
  return buildEnvelope(namespaces, header, '<tev:GetEventProperties/>');
}

/** @param scopes answer to GetScopes @param events answer to GetEventProperties */
export function readOffer(
  scopes: XmlElement | undefined,
  events: XmlElement | undefined,
): Omit<CameraOffer, 'services'> {
  const items = childrenOf(scopes, 'Scopes').map((scope) => textAt(scope, 'ScopeItem'));
  const topics = at(events, 'TopicSet')?.children.flatMap((child) => topicsOf(child, '', MAX_DEPTH)) ?? [];
  return { profiles: readScopes(items).profiles, topics: [...new Set(topics)].slice(0, MAX_TOPICS) };
}

/** @see WS-Topics 1.3 §6 */
function topicsOf(element: XmlElement, above: string, depth: number): string[] {
  const path = above === '' ? element.name : `${above}/${element.name}`;
  if (path.length > MAX_TOPIC_CHARS) return [];
  const isTopic = ['true', '1'].includes(element.attributes.topic ?? '');
  const below = depth > 0 ? element.children.flatMap((child) => topicsOf(child, path, depth - 1)) : [];
  return isTopic ? [path, ...below] : below;
}
