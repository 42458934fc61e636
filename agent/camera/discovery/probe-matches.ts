import { PeerProtocolError } from '../../base/errors.ts';
import { decodeXml } from '../http/charset.ts';
import { at, childrenOf, parseXml, textAt, type XmlElement } from '../onvif/xml.ts';
import { type DeviceScopes, readScopes } from './scopes.ts';

/** One device of an answer, before anything is believed of it. */
export interface ProbeMatch extends DeviceScopes {
  /** Its address for ever, usually `urn:uuid:…`, whatever network address it has. */
  readonly endpoint: string;
  /** Without prefixes. */
  readonly types: readonly string[];
  /** Addresses of its device service, as it writes them. */
  readonly addresses: readonly string[];
}

export interface ProbeMatches {
  /** The message that it answers, without `urn:uuid:`, small letters. */
  readonly relatesTo: string;
  readonly matches: readonly ProbeMatch[];
}

/** A recorder may answer for the cameras behind it. Source: guess. */
const MAX_MATCHES = 16;
const MAX_ADDRESSES = 8;
const MAX_CHARS = 256;

/**
 * Reads a datagram of answers.
 * @param from who sent it, for messages
 * @throws PeerProtocolError `camera-protocol`
 * @see WS-Discovery (April 2005) §5.3
 */
export async function readProbeMatches(datagram: Buffer, from: string): Promise<ProbeMatches> {
  const root = await parseXml(decodeXml(datagram, ''), from);
  const body = at(root, 'Body', 'ProbeMatches');
  if (root.name !== 'Envelope' || !body)
    throw new PeerProtocolError('camera-protocol', `${from}: expected ProbeMatches, came another message`);
  return {
    relatesTo: uuidOf(textAt(root, 'Header', 'RelatesTo')),
    matches: childrenOf(body, 'ProbeMatch').slice(0, MAX_MATCHES).flatMap(readMatch),
  };
}

/** Without an endpoint it cannot be told from others. */
function readMatch(match: XmlElement): ProbeMatch[] {
  const endpoint = uuidOf(textAt(match, 'EndpointReference', 'Address').slice(0, MAX_CHARS));
  if (endpoint === '') return [];
  const types = words(textAt(match, 'Types')).map((type) => type.replace(/^.*:/, ''));
  const addresses = words(textAt(match, 'XAddrs')).slice(0, MAX_ADDRESSES);
  return [{ endpoint, types, addresses, ...readScopes(words(textAt(match, 'Scopes'))) }];
}

/** Makers write the same UUID with `urn:uuid:`, `uuid:` or nothing before it. */
function uuidOf(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replaceAll(/[^\u0021-\u007e]/g, '?')
    .replace(/^(urn:)?uuid:/, '');
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '' && word.length <= MAX_CHARS);
}
