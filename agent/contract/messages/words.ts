import { z } from 'zod';
import { ALL_CODES } from '../../base/codes.ts';
import { SEVERITIES } from '../alarm-codes.ts';

/** What a part of the local network is. */
export const segmentKind = z.enum(['switch', 'poe-injector', 'radio-link', 'fibre', 'cable', 'other']);

/** A cause: an error code of `docs/reference/errors.md`, or `none`. */
export const cause = z.enum(['none', ...ALL_CODES]).meta({ description: 'error code, or none' });

export const fault = z
  .enum(['none', 'configuration', 'device', 'peer', 'uplink', 'order', 'ourselves'])
  .meta({ description: 'whose fault the cause is' });

/** Where the party that answers for a fault stands, seen from the box. */
export const side = z
  .enum(['none', 'camera', 'local-network', 'box', 'backbone', 'centre', 'partner', 'unknown'])
  .meta({
    description:
      'whose side the fault is on: the camera and its own cable, the network that cameras share, the box, the backbone, the centre, or a partner',
  });

/** Of whatever is watched. */
export const healthState = z.enum(['ok', 'degraded', 'down', 'unknown']);

/** Of a camera: `maintenance` while work on it is announced, `disabled` where the configuration switches it off. */
export const cameraState = z.enum([...healthState.options, 'maintenance', 'disabled']);

/** Who answers for a camera and its local link. */
export const cameraOwner = z.enum(['commune', 'metropole', 'partner']);

/** How far a central configuration has come. */
export const configPhase = z.enum(['none', 'received', 'applying', 'applied', 'failed']);
/** How urgent an alarm is. */
export const severity = z.enum(SEVERITIES);
/** A number that is not below zero; its unit is in the name of the field. */
export const ratio = z.number().min(0);

export type Severity = z.infer<typeof severity>;
export type Side = z.infer<typeof side>;
export type HealthState = z.infer<typeof healthState>;
export type CameraState = z.infer<typeof cameraState>;
