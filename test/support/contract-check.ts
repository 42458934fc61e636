import { MESSAGES } from '../../agent/contract/messages.ts';
import { parseTopic } from '../../agent/contract/topics.ts';
import type { Received } from './subscriber.ts';

/** The key of `MESSAGES` that a topic carries. */
export function messageOf(text: string): string | undefined {
  const topic = parseTopic(text);
  // The backlog is what would have been an event.
  const topicClass = topic?.class === 'hist' ? 'event' : topic?.class;
  const found = Object.entries(MESSAGES).find(
    ([, message]) =>
      message.class === topicClass &&
      message.name === topic?.name &&
      message.entity === entityOf(topic.entity),
  );
  return found?.[0];
}

function entityOf(id: string): string {
  const [prefix = ''] = id.split('-');
  return (
    { collector: 'collector', cam: 'camera', pt: 'point', obj: 'object', seg: 'segment' }[prefix] ?? prefix
  );
}

/** What the contract has against a message of the box. */
export function mistakes({ topic, payload, retained }: Received): string[] {
  if (/\/(cfg\/desired|cmd\/request|ack\/receipt)$/.test(topic)) return [];
  const key = messageOf(topic) as keyof typeof MESSAGES | undefined;
  if (!key) return [`${topic}: no message of the contract`];
  if (retained && MESSAGES[key].class !== 'state') return [`${topic}: retained`];
  if (payload.length === 0) return MESSAGES[key].class === 'state' ? [] : [`${topic}: empty`];
  const parsed = MESSAGES[key].schema.safeParse(JSON.parse(payload.toString('utf8')));
  return parsed.success ? [] : [`${topic}: ${parsed.error.message} in ${payload}`];
}
