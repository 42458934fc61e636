import { hash } from 'node:crypto';
import { z } from 'zod';
import { liveTopic } from './topics.ts';

/** Id of an event, as receipts name it. */
export const eventId = z.string().regex(/^[\w-]{1,40}$/);

/** An event that the CSU has stored, by its id and its bytes. */
export const receiptedEvent = z.strictObject({
  id: eventId,
  sha256: z
    .base64url()
    .length(43)
    .meta({ description: 'SHA-256 of the topic on `event`, a line feed, and the payload as published' }),
});
export type ReceiptedEvent = z.infer<typeof receiptedEvent>;

/**
 * What tells an event from an altered copy of it: SHA-256 over the topic that it has as live (`event`, also where it came
 * on `hist`), a line feed, and the bytes of the payload; base64url. Live or backlog, it is the same.
 */
export function eventDigest(topic: string, payload: string): string {
  return hash('sha256', `${liveTopic(topic)}\n${payload}`, 'base64url');
}
