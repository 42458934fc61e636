import { z } from 'zod';
import { count, envelope, text, unixMs } from '../envelope.ts';
import { findingFields, inventoryFields } from '../inventory.ts';
import { cameraId, eventId, segmentId } from './ids.ts';
import { cause, fault, healthState, segmentKind, side } from './words.ts';

export const segmentHealthState = z.strictObject({
  ...envelope,
  segment: segmentId,
  name: z.string().max(80),
  kind: z.enum([...segmentKind.options, 'all']).meta({ description: 'all: every camera of the box' }),
  state: healthState.extract(['ok', 'down', 'unknown']),
  cause,
  fault,
  side,
  consequence_of: segmentId.optional().meta({ description: 'wider segment whose fault explains this one' }),
  since: unixMs.meta({ description: 'when this state began' }),
  cameras: count.meta({ description: 'cameras that hang on it' }),
  cameras_unreachable: count,
  cameras_lost: count.meta({ description: 'those, and those that answer but have lost their pictures' }),
  unreachable: text.meta({ description: 'their ids, joined by ", ", cut to 2,000 characters' }),
});

export type SegmentKind = z.infer<typeof segmentHealthState>['kind'];

export const inventoryState = z.strictObject({ ...envelope, ...inventoryFields });

export const inventoryReport = z.strictObject({
  ...envelope,
  id: eventId,
  ...findingFields,
  camera: cameraId
    .optional()
    .meta({ description: 'the camera that it is about; absent for an unknown device' }),
  other: cameraId.optional().meta({
    description: 'of a swapped camera: the camera whose device stands in its place',
  }),
});
