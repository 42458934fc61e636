import { z } from 'zod';
import { personName, reasonText } from '../alarm-life.ts';
import { keyId, orderId } from '../claims.ts';
import { count, envelope, text, unixMs } from '../envelope.ts';
import { partnerId, recipientId } from '../lease-terms.ts';
import { CHANNEL_ACTIONS, CLOSED_BY } from '../viewing.ts';
import { cameraId, eventId } from './ids.ts';
import { cause } from './words.ts';

/** A view or a lease: what stands in the register of it, and the line itself, so that its reader can verify it. */
const channelFields = {
  ...envelope,
  id: z.string().max(40),
  action: z.enum(CHANNEL_ACTIONS),
  channel: orderId.meta({ description: 'id of the view or lease: that of the order that asked for it' }),
  camera: cameraId,
  who: z
    .union([keyId, z.literal('box')])
    .meta({ description: 'key that ordered it, or box when it closed by itself' }),
  operator: z.string().max(80).meta({ description: 'the named person who views, or who gave the order' }),
  on_behalf_of: z.string().max(80).meta({ description: 'for whom; the partner’s own operator with a lease' }),
  recipient: recipientId,
  reason: z.string().max(200),
  start: unixMs.meta({ description: 'when it was opened or asked for' }),
  end: unixMs.meta({ description: 'when it closes at the latest; when it was closed, once it is' }),
  bytes: count.optional().meta({ description: 'media bytes handed to the broker connection so far' }),
  frames: count.optional().meta({ description: 'pictures handed to the broker connection so far' }),
  lost_frames: count.optional().meta({
    description:
      'of a lease, once it is closed: pictures that the camera sent while it was open and the recipient did not get',
  }),
  cause,
  closed_by: z.enum(CLOSED_BY).optional().meta({ description: 'what closed it' }),
  refused: count.min(2).optional().meta({
    description:
      'refused orders of one key about the camera that this line tells of, where they are several: `detail` has their causes and whom they named; the other keys are those of the last',
  }),
  refused_first: unixMs.optional().meta({ description: 'when the first of several was refused' }),
  refused_last: unixMs.optional().meta({ description: 'when the last of several was refused' }),
  detail: z.string().max(500),
  line: count.min(1).meta({ description: 'number of the line of the register' }),
  line_ts: unixMs.meta({ description: 'time of the line' }),
  line_clock: z.string().max(20).meta({ description: 'how far the time of the line can be believed' }),
  line_subject: z.string().max(200),
  line_result: z.string().max(200),
  line_detail: z.string().max(2000).meta({ description: 'detail of the line: JSON' }),
  line_previous: z.string().length(64).meta({ description: 'hash of the line before' }),
  line_hash: z.string().length(64).meta({ description: 'hash of the line, see register.md' }),
  line_signature: z.string().max(128).meta({ description: 'Ed25519 signature of the box over the hash' }),
};

export const channelEvent = z.strictObject(channelFields);

export const consignationReport = z.strictObject({
  ...channelFields,
  partner: partnerId.meta({ description: 'the partner whose camera it is' }),
});

export const missionEvent = z.strictObject({
  ...envelope,
  id: eventId,
  mission: orderId.meta({ description: 'id of the order that announced it' }),
  transition: z.enum(['announced', 'begun', 'ended', 'cancelled']),
  cameras: text.meta({ description: 'ids of the cameras, divided by blanks, cut to 2,000 characters' }),
  camera_count: count,
  priority: count.meta({ description: 'of these cameras meanwhile, 1 to 9' }),
  start: unixMs.meta({ description: 'announced begin, Unix ms UTC' }),
  end: unixMs.meta({ description: 'announced end, Unix ms UTC' }),
  by: personName,
  signer: z.string().max(80).meta({ description: 'key that signed the order' }),
  why: reasonText,
});

export type ChannelEvent = z.infer<typeof channelEvent>;
export type ConsignationReport = z.infer<typeof consignationReport>;
