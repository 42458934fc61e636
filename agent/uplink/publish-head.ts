import type { Protocol } from './link.ts';

/** PUBLISH, QoS 0, not retained. @see MQTT 3.1.1 §3.3.1, MQTT 5 §3.3.1 */
const PUBLISH_QOS_0 = 0x30;
const MAX_LENGTH_BYTES = 4;

/** What stands before the payload of a PUBLISH with QoS 0. @see MQTT 3.1.1 §2.2.3, §3.3; MQTT 5 §2.1.4, §3.3 */
export function publishHead(topic: string, payloadBytes: number, protocol: Protocol): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  const propertyBytes = protocol === 'mqtt5' ? 1 : 0; // their length: none
  const head = Buffer.alloc(1 + MAX_LENGTH_BYTES + 2 + topicBytes + propertyBytes);
  head[0] = PUBLISH_QOS_0;
  let at = writeLength(head, 1, 2 + topicBytes + propertyBytes + payloadBytes);
  at = head.writeUInt16BE(topicBytes, at);
  at += head.write(topic, at, 'utf8');
  return head.subarray(0, at + propertyBytes);
}

/** Seven bits per byte, the lowest first. */
function writeLength(to: Buffer, from: number, length: number): number {
  let at = from;
  for (let rest = length; ; ) {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    to[at] = rest > 0 ? low + 128 : low;
    at += 1;
    if (rest === 0) return at;
  }
}
