import { z } from 'zod';
import { cameraId, severity } from '../contract/messages.ts';
import { anyPoint, clearsAfterS, debounce, meaning } from './words.ts';

const ofCamera = {
  ...anyPoint,
  ...debounce,
  camera: cameraId.meta({ description: 'camera that speaks for the point; it takes ONVIF events' }),
  topics: z
    .array(
      z
        .string()
        .regex(/^[A-Za-z0-9_.:-]+(\/[A-Za-z0-9_.:-]+)*$/, 'expected a topic such as Device/Tampering')
        .max(160),
    )
    .max(16)
    .default([])
    .meta({
      description:
        'topics of the maker that mean the same, beside those of alarms.md; a prefix of a level, and capitals, do not matter',
    }),
};

/** Of kinds that have a state, which some cameras never end. */
const expiry = {
  clearsAfterS: clearsAfterS.optional().meta({
    description: 'seconds after which an alarm that the camera never clears is cleared by itself',
  }),
};

/** Of kinds that have no state: each is only ever said to have happened. */
const happening = {
  clearsAfterS: clearsAfterS.default(300).meta({
    description:
      'seconds without another one after which the alarm is cleared: no camera ever says that it is over',
  }),
};

/** The kinds of points that a camera feeds by its ONVIF events. */
export const cameraPoints = [
  z.strictObject({
    ...ofCamera,
    ...expiry,
    kind: z.literal('digital-input').meta({ description: 'an input of a camera' }),
    input: z
      .string()
      .max(64)
      .optional()
      .meta({ description: 'token of the digital input; any input of the camera when absent' }),
    inverted: z.boolean().optional().meta({
      description:
        'true where `false` is the alarm; when absent, what the camera says of its input, and `true` is the alarm where it says nothing. Try it on the spot, both ways',
    }),
    ...meaning,
  }),
  z.strictObject({
    ...ofCamera,
    ...expiry,
    kind: z.literal('tampering').meta({ description: 'somebody works on a camera' }),
    severity: severity.default('major'),
  }),
  z.strictObject({
    ...ofCamera,
    ...expiry,
    kind: z.literal('signal-loss').meta({ description: 'a video input of an encoder has no picture' }),
    severity: severity.default('major'),
  }),
  z.strictObject({
    ...ofCamera,
    ...expiry,
    kind: z
      .literal('hardware-failure')
      .meta({ description: 'fan, power supply, storage or temperature of a camera' }),
    severity: severity.default('warning'),
  }),
  z.strictObject({
    ...ofCamera,
    ...happening,
    kind: z.literal('login-failure').meta({ description: 'somebody failed to log in to a camera' }),
    severity: severity.default('warning'),
  }),
  z.strictObject({
    ...ofCamera,
    ...happening,
    kind: z
      .literal('configuration-changed')
      .meta({ description: 'somebody changed the settings of a camera' }),
    severity: severity.default('warning'),
  }),
] as const;
