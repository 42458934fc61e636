import { type OnvifEvent, readEvents } from './notification.ts';
import { childrenOf, parseXml } from './xml.ts';

/**
 * The events of one document of the metadata track, in order; most documents have none, and are not parsed.
 * @throws PeerProtocolError `camera-protocol` for a document with events that is no XML
 * @see ONVIF Streaming Specification, section "RTP for Metadata stream"
 */
export async function readMetadata(text: string, camera: string): Promise<OnvifEvent[]> {
  if (!text.includes('NotificationMessage')) return [];
  const root = await parseXml(trimmed(text), camera);
  return childrenOf(root, 'Event').flatMap(readEvents);
}

/** Cameras fill packets up with blanks and zeros. Each character is looked at once: a pattern would look again and again. */
function trimmed(text: string): string {
  let [from, until] = [0, text.length];
  while (from < until && isFiller(text[from])) from += 1;
  while (until > from && isFiller(text[until - 1])) until -= 1;
  return text.slice(from, until);
}

/** A byte order mark counts as a blank. */
function isFiller(character = ''): boolean {
  return character === '\0' || character.trim() === '';
}
