import { eventDigest, type ReceiptedEvent } from '../../agent/contract/receipt.ts';

/** A message of an event as it was heard. */
interface Heard {
  readonly topic: string;
  readonly payload: Buffer | string;
}

/** What a receipt says of an event that was heard. */
export function receiptedMessage({ topic, payload }: Heard): ReceiptedEvent {
  const { id } = JSON.parse(payload.toString()) as { id: string };
  return { id, sha256: eventDigest(topic, payload.toString()) };
}

/** What a receipt says of an event of an outbox. */
export function receipted({
  id,
  topic,
  payload,
}: {
  id: string;
  topic: string;
  payload: string;
}): ReceiptedEvent {
  return { id, sha256: eventDigest(topic, payload) };
}
