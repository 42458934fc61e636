import { z } from 'zod';
import { LIFE_STATES } from './alarm-life.ts';
import { confirmation } from './delivery.ts';
import { count } from './envelope.ts';
import { recipientId } from './lease-terms.ts';
import { cameraId, cameraState, cause, configPhase, pointId, segmentId, severity, side } from './messages.ts';
import { pathInUse, pathState } from './transmission.ts';

/** What the running agent tells `beffroi status` and the demo through its local Unix socket: one JSON object. */
export const statusSnapshot = z.strictObject({
  site: z.string(),
  software: z.string(),
  wallMs: count,
  upSinceMs: count,
  clock: z.enum(['synced', 'holdover', 'untrusted']),
  link: z.strictObject({
    connected: z.boolean(),
    since: count,
    cause,
    detail: z.string(),
    outboxPending: count,
    confirmation,
    path: pathInUse,
    backup: pathState,
    session: count,
  }),
  config: z.strictObject({ appliedVersion: count, phase: configPhase, detail: z.string() }),
  video: z.strictObject({ running: z.boolean(), brokerConnected: z.boolean() }),
  storageDurable: z.boolean(),
  ordersRefused: count,
  cameras: z.array(
    z.strictObject({
      camera: cameraId,
      name: z.string(),
      state: cameraState,
      cause,
      side,
      consequenceOf: segmentId.optional(),
      detail: z.string(),
      since: count,
      fps: z.number(),
      kbps: z.number(),
      forwardedBytes: count,
      codec: z.string(),
      width: count,
      height: count,
    }),
  ),
  alarms: z.array(
    z.strictObject({
      point: pointId,
      name: z.string(),
      state: z.enum(['raised', 'cleared', 'unknown']),
      alarmState: z.enum(LIFE_STATES),
      alarm: z.string(),
      shelved: z.boolean(),
      armed: z.boolean(),
      severity,
      since: count,
      occurrences: count,
    }),
  ),
  channels: z.array(
    z.strictObject({
      channel: z.string(),
      kind: z.enum(['view', 'lease']),
      camera: cameraId,
      operator: z.string(),
      recipient: recipientId,
      reason: z.string(),
      since: count,
      until: count,
      bytes: count,
      frames: count,
    }),
  ),
});
export type StatusSnapshot = z.infer<typeof statusSnapshot>;
