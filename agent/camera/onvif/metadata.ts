import { type OnvifEvent, readEvents } from './notification.ts';
import { childrenOf, parseXml } from './xml.ts';

/**
 * The events of one document of the metadata track, in order; most documents have none, and are not parsed.
 * @throws PeerProtocolError `camera-protocol` for a document with events that is no XML
 * @see ONVIF Streaming Specification, section "RTP for Metadata stream"
 */
export async function readMetadata(text: string, camera: string): Promise<OnvifEvent[]> {
  if (!text.includes('NotificationMessage')) return [];
  const root = await parseXml(text.replace(/^[\s\0\ufeff]+|[\s\0]+$/g, ''), camera);
  return childrenOf(root, 'Event').flatMap(readEvents);
}
