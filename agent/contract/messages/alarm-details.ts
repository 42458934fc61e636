import { z } from 'zod';
import { ALARM_CATEGORIES } from '../alarm-codes.ts';
import { cameraId } from './ids.ts';
import { cause } from './words.ts';

/** What an alarm point is fed by. */
export const alarmKind = z.enum([
  'digital-input',
  'tampering',
  'signal-loss',
  'hardware-failure',
  'login-failure',
  'configuration-changed',
  'panel-zone',
  'panel-silence',
  'module-input',
  'ups-mains',
  'ups-battery',
  'ups-battery-replace',
  'ups-communication',
  'source-failure',
  'object-above',
  'object-below',
  'object-equal',
  'object-silence',
  'camera-health',
  'camera-network',
  'box-disk',
  'box-temperature',
  'box-clock',
  'box-certificate',
  'box-outbox',
  'box-store',
  'box-link',
  'box-video',
  'box-backbone',
  'box-disk-wear',
  'box-unknown-device',
  'camera-moved',
]);

export const alarmCategory = z
  .enum(ALARM_CATEGORIES)
  .meta({ description: 'what the alarm is about, by the code of its source; see alarms.md' });

/** What an alarm panel says of itself. */
export const panelDetails = {
  area: z.string().max(16).optional().meta({ description: 'area or group of the panel' }),
  zone: z.string().max(16).optional().meta({ description: 'zone of the panel, or user' }),
  code_sia: z.string().max(8).optional().meta({ description: 'SIA code (DC-03)' }),
  code_contact_id: z
    .string()
    .max(8)
    .optional()
    .meta({ description: 'qualifier and event of Contact ID (DC-05), such as 1130' }),
  text: z
    .string()
    .max(300)
    .optional()
    .meta({ description: 'what the source says in words, such as the value' }),
};

export const account = z.string().max(16).meta({ description: 'account of the panel' });

/** Where an alarm comes from: what its source has, and nothing else. */
export const alarmDetails = {
  source: z.string().max(64).optional().meta({
    description:
      'id of the entry of the configuration that the alarm comes from, such as a camera; `collector`: the box itself',
  }),
  camera: cameraId.optional(),
  account: account.optional(),
  category: alarmCategory.optional(),
  ...panelDetails,
  cause: cause.optional(),
  polarity: z.enum(['configured', 'learnt', 'assumed']).optional().meta({
    description:
      'of a digital input of a camera, who says which of its states is the alarm: `inverted` of the entry, the camera itself, or nobody (then `true`)',
  }),
};

export const windowId = z
  .string()
  .max(64)
  .meta({ description: 'id of the window: that of the configuration, or the unique id of the order' });

export const unarmedBy = {
  unarmed_by: z
    .enum(['schedule', 'maintenance'])
    .optional()
    .meta({ description: 'why the point is not armed; absent when it is' }),
  window: windowId.optional().meta({
    description:
      'maintenance window that names the point; an alarm that carries it may be work or a test, and is to be treated as an alarm until that is known',
  }),
};
