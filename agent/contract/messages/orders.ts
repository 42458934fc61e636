import { z } from 'zod';
import { alarmId } from '../alarm-life.ts';
import { keyId } from '../claims.ts';
import { count, envelope, text, unixMs } from '../envelope.ts';
import { COMMAND_NAMES } from '../viewing.ts';
import { cameraId, pointId } from './ids.ts';
import { cause, configPhase } from './words.ts';

export const configState = z.strictObject({
  ...envelope,
  phase: configPhase,
  version: count.meta({ description: 'version that the phase is about; 0 with phase none' }),
  hash: z
    .string()
    .max(64)
    .meta({ description: 'SHA-256 of the signed payload, hexadecimal; empty with phase none' }),
  applied_version: count.meta({ description: 'version in force; 0 when there is none' }),
  cause,
  error_count: count,
  errors: text.meta({ description: 'every error with its path, joined by "; ", cut to 2,000 characters' }),
});

export const commandEvent = z.strictObject({
  ...envelope,
  id: z.string().max(40),
  command: z.enum(COMMAND_NAMES),
  command_id: z.string().max(64).meta({ description: 'unique id of the order' }),
  status: z.enum(['accepted', 'executing', 'successful', 'failed', 'rejected']),
  signer: z.string().max(80).meta({ description: 'key that signed the order' }),
  camera: cameraId.optional(),
  point: pointId.optional(),
  alarm: alarmId.optional(),
  cause,
  detail: text,
});

export const refusalEvent = z.strictObject({
  ...envelope,
  id: z.string().max(40),
  order: z.enum(['command', 'configuration', 'receipt']),
  order_id: z.string().max(64).meta({
    description: 'unique id or version that the order claims; empty when unreadable, and for several',
  }),
  signer: z
    .union([keyId, z.literal('unknown')])
    .meta({ description: 'key of a good signature; unknown when there was none' }),
  refused: count.min(1).meta({
    description:
      'how many orders the message tells of: 10 in a minute are told one by one, as many that no known key has signed; the others of each signer as one',
  }),
  first: unixMs.meta({ description: 'when the first of them was refused' }),
  last: unixMs.meta({ description: 'when the last of them was refused' }),
  cause: cause.meta({
    description: 'code of the error; of several orders that of most of them, `detail` has all',
  }),
  detail: text,
  refused_total: count.meta({ description: 'orders refused since the start of the agent' }),
});

export type ConfigState = z.infer<typeof configState>;
export type CommandEvent = z.infer<typeof commandEvent>;
export type RefusalEvent = z.infer<typeof refusalEvent>;
