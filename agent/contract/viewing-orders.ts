import { z } from 'zod';
import { keyId, numericDate, orderClaims, orderId } from './claims.ts';
import { leaseReason, PRINTABLE, person, recipientId } from './lease-terms.ts';
import { cameraId } from './messages.ts';

/** Orders that open and close the view of a camera: of operators (`view.…`), and the lease of a partner. */

const command = { typ: z.literal('command'), ...orderClaims, camera: cameraId };
const freeReason = z.string().min(1).max(200).regex(PRINTABLE).meta({ description: 'why, in words' });
const operator = person.meta({ description: 'the named person who views' });

export const viewOpenOrder = z.strictObject({
  ...command,
  command: z.literal('view.open'),
  operator,
  onBehalfOf: person.meta({ description: 'for whom' }),
  reason: freeReason,
  end: numericDate.meta({ description: 'when the view closes, Unix s' }),
});

const viewExtendOrder = z.strictObject({
  ...command,
  command: z.literal('view.extend'),
  view: orderId.meta({ description: 'id of the order that opened the view' }),
  operator,
  reason: freeReason,
  end: numericDate.meta({ description: 'when the view closes now, Unix s' }),
});

const viewCloseOrder = z.strictObject({
  ...command,
  command: z.literal('view.close'),
  view: orderId.meta({ description: 'id of the order that opened the view' }),
  operator,
});

/** The lease: signed by the partner, who alone opens. @see S2-02 to S2-08 */
export const leaseOpenOrder = z.strictObject({
  ...command,
  command: z.literal('lease.open'),
  recipient: recipientId.meta({ description: 'the one recipient of this channel' }),
  recipientKey: keyId.meta({
    description: 'thumbprint of the X25519 key of the recipient: the pictures are sealed to it',
  }),
  operator,
  grantedBy: person.meta({ description: 'the operator of the partner who grants it' }),
  calledAt: numericDate.optional().meta({ description: 'when the partner called, Unix s' }),
  reason: leaseReason,
  start: numericDate.meta({
    description:
      'from when it holds, Unix s: no picture before; at most 10 s ahead when it is taken, and then it opens at its start',
  }),
  end: numericDate.meta({ description: 'hard end, Unix s' }),
});
export type LeaseOpenOrder = z.infer<typeof leaseOpenOrder>;

const leaseCloseOrder = z.strictObject({
  ...command,
  command: z.literal('lease.close'),
  lease: orderId.meta({ description: 'id of the lease' }),
  operator: person.meta({ description: 'who closes it, on either side' }),
});

/** The CSU tells the partner what was done; the intervention has ended, so the channel closes. @see S2-08, S2-16 */
const leaseFollowupOrder = z.strictObject({
  ...command,
  command: z.literal('lease.followup'),
  lease: orderId.meta({ description: 'id of the lease' }),
  operator: person.meta({ description: 'the operator who tells it' }),
  done: z
    .string()
    .min(1)
    .max(500)
    .regex(PRINTABLE)
    .meta({ description: 'what was done, without anything on filmed persons' }),
});

export const VIEWING_ORDERS = [
  viewOpenOrder,
  viewExtendOrder,
  viewCloseOrder,
  leaseOpenOrder,
  leaseCloseOrder,
  leaseFollowupOrder,
] as const;
export type ViewingOrder = z.infer<(typeof VIEWING_ORDERS)[number]>;
