import { z } from 'zod';
import { CONTRACT_VERSION } from '../../agent/contract/envelope.ts';
import { eventDigest, eventId } from '../../agent/contract/receipt.ts';
import { parseTopic } from '../../agent/contract/topics.ts';
import { parseStrictJson } from '../../agent/trust/strict-json.ts';
import type { Incoming } from './archive.ts';

/** Largest event that is taken, in bytes; a genuine one is below 8 KB. Source: guess. */
export const MAX_EVENT_BYTES = 64 * 1024;

/** What every event must say of itself; the rest is kept as it came, also of a newer or faulty box. */
const head = z.looseObject({
  v: z.literal(CONTRACT_VERSION),
  site: z.string(),
  id: eventId,
});

/** An event to be stored, or why it is none. */
export function incomingOf(name: string, payload: Buffer, retained: boolean): Incoming | string {
  const topic = parseTopic(name);
  if (!topic || !['event', 'hist', 'report'].includes(topic.class)) return 'not a topic of events';
  if (retained) return 'an event that was retained on the broker';
  if (payload.length > MAX_EVENT_BYTES) return `more than ${MAX_EVENT_BYTES} bytes`;
  const text = textOf(payload);
  const parsed = head.safeParse(text === undefined ? undefined : jsonOf(text));
  if (text === undefined || !parsed.success) return 'not an event of the contract';
  if (parsed.data.site !== topic.site) return 'an event of another site than its topic';
  const sha256 = eventDigest(name, text);
  return { site: topic.site, id: parsed.data.id, sha256, topic: name, payload: text };
}

/** Byte for byte what came, so that what is stored is what was signed for. */
function textOf(payload: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload);
  } catch {
    return undefined;
  }
}

/** Whoever reads the lines of the receiver is to make the same of them, and not to be buried in brackets. */
function jsonOf(text: string): unknown {
  try {
    return parseStrictJson(text);
  } catch {
    return undefined;
  }
}
