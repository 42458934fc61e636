import { PeerProtocolError } from '../base/errors.ts';
import type { Protocol } from './link.ts';

/** A message with QoS 0 as it stands on the wire. */
export interface PublishPacket {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
}

/**
 * Reads a PUBLISH packet with QoS 0.
 * @param first the first byte of its fixed header
 * @param body what follows the fixed header
 * @throws PeerProtocolError `equipment-protocol`
 * @see MQTT 3.1.1 §3.3; MQTT 5 §3.3
 */
export function readPublish(first: number, body: Buffer, protocol: Protocol): PublishPacket {
  const topicEnd = body.length < 2 ? 2 : 2 + body.readUInt16BE(0);
  if (topicEnd > body.length) throw broken('the topic of a PUBLISH goes beyond its end');
  const payloadAt = protocol === 'mqtt5' ? afterProperties(body, topicEnd) : topicEnd;
  return {
    topic: body.toString('utf8', 2, topicEnd),
    payload: body.subarray(payloadAt),
    retain: (first & 1) === 1,
  };
}

/** Topic aliases are never announced, so no property matters. */
function afterProperties(body: Buffer, at: number): number {
  let length = 0;
  for (let i = 0; i < 4; i += 1) {
    const byte = body[at + i];
    if (byte === undefined) break;
    length += (byte & 0x7f) * 128 ** i;
    if ((byte & 0x80) !== 0) continue;
    const end = at + i + 1 + length;
    if (end <= body.length) return end;
    break;
  }
  throw broken('the properties of a PUBLISH go beyond its end');
}

function broken(what: string): PeerProtocolError {
  return new PeerProtocolError('equipment-protocol', `broker of the building: ${what}`);
}
