import { z } from 'zod';
import { orderId } from './claims.ts';

/** Every command, by its name; `orders.ts` holds what each carries. */
export const COMMAND_NAMES = [
  'agent.ping',
  'camera.check',
  'stream.restart',
  'health.confirm',
  'picture.confirm',
  'picture.reset',
  'alarm.acknowledge',
  'alarm.shelve',
  'alarm.unshelve',
  'alarm.close',
  'maintenance.announce',
  'maintenance.cancel',
  'mission.announce',
  'mission.cancel',
  'report.publish',
  'inventory.run',
  'view.open',
  'view.extend',
  'view.close',
  'lease.open',
  'lease.close',
  'lease.followup',
] as const;

/** What happens to a view or a lease; each is a line of the register. */
export const CHANNEL_ACTIONS = [
  'view.opened',
  'view.extended',
  'view.closed',
  'view.refused',
  'lease.opened',
  'lease.closed',
  'lease.refused',
  'lease.followup',
] as const;
export type ChannelAction = (typeof CHANNEL_ACTIONS)[number];

/**
 * What closed a channel: an order of either side; its end; the end of the intervention; the link to the centre lost for
 * too long; a clock that is not to be believed; a convention, approval or key that has ended; the allowed hours that
 * have ended; a configuration that changed it; an agent or a video process that ended or did not answer.
 */
export const CLOSED_BY = [
  'order',
  'end',
  'followup',
  'control-link',
  'clock',
  'convention',
  'hours',
  'configuration',
  'agent',
  'video',
] as const;
export type ClosedBy = (typeof CLOSED_BY)[number];

/** A view that is open, as the video process must know it. */
export const openView = z.strictObject({
  view: orderId,
  camera: z.string(),
  /** Time that is left when this is sent. */
  leftMs: z.number().min(0),
});
export type OpenView = z.infer<typeof openView>;
