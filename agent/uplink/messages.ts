import { InternalError } from '../base/errors.ts';
import type { Envelope } from '../contract/envelope.ts';
import { MESSAGES, type MessageKey } from '../contract/messages.ts';
import { buildTopic } from '../contract/topics.ts';

/** The topic of a message of one entity. @param reader the last level, where the message is for one reader */
export function topicOf(site: string, key: MessageKey, entity: string, reader?: string): string {
  const { class: topicClass, name } = MESSAGES[key];
  return buildTopic({ site, entity, class: topicClass, name: reader ?? name });
}

/** The message as text, and what is wrong with it: a mistake of our own, since rooms hand over typed fields. */
export function encode(
  key: MessageKey,
  envelope: Envelope,
  fields: object,
): { payload: string; fault?: InternalError } {
  const message = { ...envelope, ...fields };
  const payload = JSON.stringify(message);
  const checked = MESSAGES[key].schema.safeParse(message);
  if (checked.success) return { payload };
  const issues = checked.error.issues
    .slice(0, 5)
    .map(({ path, message: why }) => `${path.join('.')}: ${why}`);
  return {
    payload,
    fault: new InternalError('internal', `message ${key} breaks its schema: ${issues.join('; ')}`),
  };
}
