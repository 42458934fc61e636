import { z } from 'zod';
import { alarmId, personName, reasonText } from './alarm-life.ts';
import { day } from './availability.ts';
import { keyId, numericDate, orderClaims } from './claims.ts';
import { count } from './envelope.ts';
import { cameraId, pointId } from './messages.ts';
import { receiptedEvent } from './receipt.ts';
import { VIEWING_ORDERS } from './viewing-orders.ts';

/** Roles of keys. A key may only do what its role allows. */
export const ROLES = [
  'authority',
  'config',
  'operate',
  'maintain',
  'receive',
  'release',
  'commune',
  'partner',
] as const;
export type Role = (typeof ROLES)[number];

/** JWS in the General JSON form (RFC 7515 §7.2.1). */
export const jwsGeneral = z.strictObject({
  payload: z.base64url().max(700_000),
  signatures: z
    .array(z.strictObject({ protected: z.base64url().max(1024), signature: z.base64url().max(128) }))
    .min(1)
    .max(8),
});
export type JwsGeneral = z.infer<typeof jwsGeneral>;

/** Payload of `cfg/desired`. `config` is checked by the schema of the config room. */
export const configOrder = z.strictObject({
  typ: z.literal('configuration'),
  ...orderClaims,
  version: count.min(1).meta({ description: 'strictly rising' }),
  config: z.record(z.string(), z.unknown()).meta({ description: 'the configuration' }),
});
export type ConfigOrder = z.infer<typeof configOrder>;

const pingOrder = z.strictObject({
  typ: z.literal('command'),
  ...orderClaims,
  command: z.literal('agent.ping'),
});
const checkOrder = z.strictObject({
  typ: z.literal('command'),
  ...orderClaims,
  command: z.literal('camera.check'),
  camera: cameraId,
});
const restartOrder = z.strictObject({
  typ: z.literal('command'),
  ...orderClaims,
  command: z.literal('stream.restart'),
  camera: cameraId,
});

const confirmPictureOrder = z.strictObject({
  typ: z.literal('command'),
  ...orderClaims,
  command: z.literal('picture.confirm'),
  camera: cameraId,
});
const resetPictureOrder = z.strictObject({
  typ: z.literal('command'),
  ...orderClaims,
  command: z.literal('picture.reset'),
  camera: cameraId,
});

const command = { typ: z.literal('command'), ...orderClaims };
const confirmOrder = z.strictObject({
  ...command,
  command: z.literal('health.confirm'),
  camera: cameraId,
  by: personName,
  why: reasonText.optional(),
});
const acknowledgeOrder = z.strictObject({
  ...command,
  command: z.literal('alarm.acknowledge'),
  alarm: alarmId,
  by: personName,
  why: reasonText.optional(),
});
const shelveOrder = z.strictObject({
  ...command,
  command: z.literal('alarm.shelve'),
  point: pointId,
  until: numericDate.meta({ description: 'end of the shelving, seconds since 1970' }),
  by: personName,
  why: reasonText,
});
const unshelveOrder = z.strictObject({
  ...command,
  command: z.literal('alarm.unshelve'),
  point: pointId,
  by: personName,
  why: reasonText.optional(),
});
const closeOrder = z.strictObject({
  ...command,
  command: z.literal('alarm.close'),
  alarm: alarmId,
  by: personName,
  why: reasonText,
});

const announceOrder = z
  .strictObject({
    ...command,
    command: z.literal('maintenance.announce'),
    points: z
      .array(pointId)
      .min(1)
      .max(100)
      .optional()
      .meta({ description: 'points that raise no alarm meanwhile; points, cameras or box' }),
    cameras: z
      .array(cameraId)
      .min(1)
      .max(256)
      .optional()
      .meta({ description: 'cameras that are worked on: in maintenance, and planned in the reports' }),
    box: z
      .literal(true)
      .optional()
      .meta({ description: 'the box is worked on, and with it everything that it watches' }),
    start: numericDate.meta({ description: 'begin, seconds since 1970' }),
    end: numericDate.meta({ description: 'end, seconds since 1970' }),
    by: personName,
    why: reasonText,
  })
  .refine(({ points, cameras, box }) => points || cameras || box, {
    message: 'expected points, cameras or box',
    path: ['points'],
  });
const cancelOrder = z.strictObject({
  ...command,
  command: z.literal('maintenance.cancel'),
  window: orderClaims.jti.meta({ description: 'unique id of the order that announced it' }),
  by: personName,
  why: reasonText,
});

const missionOrder = z.strictObject({
  ...command,
  command: z.literal('mission.announce'),
  cameras: z
    .array(cameraId)
    .min(1)
    .max(64)
    .meta({ description: 'cameras that go first on the backbone meanwhile' }),
  priority: z
    .int()
    .min(1)
    .max(9)
    .meta({ description: 'their priority meanwhile, where it is higher than their own' }),
  start: numericDate.meta({ description: 'begin, seconds since 1970' }),
  end: numericDate.meta({ description: 'end, seconds since 1970' }),
  by: personName,
  why: reasonText,
});
const missionCancelOrder = z.strictObject({
  ...command,
  command: z.literal('mission.cancel'),
  mission: orderClaims.jti.meta({ description: 'unique id of the order that announced it' }),
  by: personName,
  why: reasonText,
});

const reportOrder = z.strictObject({
  ...command,
  command: z.literal('report.publish'),
  from: day.meta({ description: 'first day of the period, Europe/Paris' }),
  to: day.meta({ description: 'last day, which belongs to it' }),
});

const inventoryOrder = z.strictObject({ ...command, command: z.literal('inventory.run') });

/** Payload of `cmd/request`: a closed list. */
export const commandOrder = z.discriminatedUnion('command', [
  pingOrder,
  checkOrder,
  restartOrder,
  confirmOrder,
  confirmPictureOrder,
  resetPictureOrder,
  acknowledgeOrder,
  shelveOrder,
  unshelveOrder,
  closeOrder,
  announceOrder,
  cancelOrder,
  missionOrder,
  missionCancelOrder,
  reportOrder,
  inventoryOrder,
  ...VIEWING_ORDERS,
]);
export type CommandOrder = z.infer<typeof commandOrder>;
export type CommandName = CommandOrder['command'];
/** An order about alarms and windows. */
export type AlarmOrder = Extract<CommandOrder, { command: `alarm.${string}` | `maintenance.${string}` }>;

/** Events that one receipt may cover. */
export const MAX_RECEIPT_EVENTS = 500;
/** Largest receipt, in bytes, as it travels: 500 events with ids of 40 characters take 70 KB. */
export const MAX_RECEIPT_BYTES = 96 * 1024;

/**
 * Payload of `ack/receipt`: the CSU has stored these events as they stand in its archive. It carries no end of validity
 * and no id of its own: an id of an event is made once and is known to nobody before the event was sent, so whoever signs
 * it has the event, and the same receipt again changes nothing. The digest says which bytes were stored under the id.
 */
export const receiptOrder = z.strictObject({
  typ: z.literal('receipt'),
  aud: orderClaims.aud,
  iat: orderClaims.iat,
  events: z
    .array(receiptedEvent)
    .min(1)
    .max(MAX_RECEIPT_EVENTS)
    .meta({ description: 'events that are stored' }),
});
export type ReceiptOrder = z.infer<typeof receiptOrder>;

/** The role that each command asks for. */
export const COMMAND_ROLE: Record<CommandName, readonly Role[]> = {
  'agent.ping': ['operate', 'maintain'],
  'camera.check': ['operate', 'maintain'],
  'stream.restart': ['operate', 'maintain'],
  'health.confirm': ['operate', 'maintain'],
  'picture.confirm': ['operate', 'maintain'],
  'picture.reset': ['operate', 'maintain'],
  'alarm.acknowledge': ['operate'],
  'alarm.shelve': ['operate'],
  'alarm.unshelve': ['operate'],
  'alarm.close': ['operate'],
  'maintenance.announce': ['operate', 'maintain'],
  'maintenance.cancel': ['operate', 'maintain'],
  'mission.announce': ['operate'],
  'mission.cancel': ['operate'],
  'report.publish': ['operate', 'maintain'],
  'inventory.run': ['operate', 'maintain'],
  'view.open': ['operate'],
  'view.extend': ['operate'],
  'view.close': ['operate'],
  'lease.open': ['partner'],
  'lease.close': ['partner', 'operate'],
  'lease.followup': ['operate'],
};

/** The public half of a signing key (RFC 8037). */
export const ed25519PublicKey = z.strictObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.base64url().length(43),
});

/** Payload of the keyring, signed by the authority key. */
export const keyringDocument = z.strictObject({
  typ: z.literal('keyring'),
  version: count.min(1),
  iat: numericDate,
  keys: z
    .array(
      z.strictObject({
        kid: keyId,
        role: z.enum(ROLES),
        label: z.string().max(80),
        key: ed25519PublicKey,
        notBefore: numericDate.optional(),
        notAfter: numericDate.optional(),
      }),
    )
    .max(200),
});
export type KeyringDocument = z.infer<typeof keyringDocument>;
