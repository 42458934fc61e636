import { z } from 'zod';
import {
  CAMERA_PATTERN,
  MODULE_PATTERN,
  OBJECT_PATTERN,
  POINT_PATTERN,
  SEGMENT_PATTERN,
  UPS_PATTERN,
} from '../topics.ts';

export const cameraId = z.string().regex(CAMERA_PATTERN).meta({ description: 'camera id' });
export const pointId = z.string().regex(POINT_PATTERN).meta({ description: 'alarm point id' });
export const moduleId = z.string().regex(MODULE_PATTERN).meta({ description: 'id of an input module' });
export const upsId = z.string().regex(UPS_PATTERN).meta({ description: 'id of a UPS' });
export const objectId = z.string().regex(OBJECT_PATTERN).meta({ description: 'id of a connected object' });

export const segmentId = z
  .string()
  .regex(SEGMENT_PATTERN)
  .meta({ description: 'id of a segment of the local network' });

/** Names a destination of a camera: `mqtt`, or an entry of the configuration. */
export const destinationId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,38}$/)
  .meta({ description: 'name of the destination' });

/** Of one event, the same whenever it is sent again. */
export const eventId = z
  .string()
  .max(40)
  .meta({ description: 'id of this event; consumers de-duplicate by it' });
