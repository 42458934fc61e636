import { z } from 'zod';
import { count, envelope, text, unixMs } from '../envelope.ts';
import { lawFields } from '../law.ts';
import { layerFields } from '../layers.ts';
import { qualityFields } from '../quality.ts';
import { cameraId, segmentId } from './ids.ts';
import { cameraOwner, cameraState, cause, fault, healthState, ratio, side } from './words.ts';

const identityText = z.string().max(64).optional().meta({ description: 'as the camera says by ONVIF' });

export const cameraHealthState = z.strictObject({
  ...envelope,
  camera: cameraId,
  name: z.string().max(80),
  owner: cameraOwner.meta({ description: 'who answers for the camera and its local link' }),
  state: cameraState.meta({
    description:
      'maintenance: work on it is announced and has begun, it is looked at all the same; disabled: switched off in the configuration, and not spoken to',
  }),
  found: healthState.optional().meta({
    description: 'in maintenance: what the checks find, with `cause`, `side` and `detail` of that',
  }),
  maintenance_window: z.string().max(64).optional().meta({ description: 'id of the announced window' }),
  maintenance_until: unixMs.optional().meta({ description: 'when it ends by itself' }),
  cause,
  fault,
  side,
  segment: segmentId.optional().meta({ description: 'segment that the camera hangs on' }),
  consequence_of: segmentId
    .optional()
    .meta({ description: 'segment whose fault explains this one: the camera itself may be well' }),
  detail: text.meta({ description: 'the cause in words, with what was expected and what came' }),
  since: unixMs.meta({ description: 'when this state began' }),
  reachable: z.enum(['yes', 'no', 'unknown']),
  login: z.enum(['accepted', 'refused', 'latched', 'not-asked', 'unknown']),
  described: z.enum(['yes', 'no', 'unknown']).meta({ description: 'the stream was described by the camera' }),
  flowing: z.enum(['yes', 'no', 'unknown']).meta({ description: 'pictures arrive on the video track' }),
  clock_offset_ms: z.number().optional().meta({ description: 'clock of the camera minus clock of the box' }),
  clock_uncertainty_ms: ratio.optional().meta({ description: 'half the round trip of the measurement' }),
  picture: z
    .enum(['ok', 'faulty', 'learning', 'unsuitable', 'not-checked', 'off'])
    .meta({ description: 'what the key frames show; unsuitable: too little in the view to compare it by' }),
  picture_view: z
    .enum(['unknown', 'learning', 'learnt', 'confirmed'])
    .meta({ description: 'whether the view of the camera is known, and was confirmed by an operator' }),
  picture_detail: text.meta({ description: 'the numbers of a fault, or why no picture is checked' }),
  codec: z.enum(['h264', 'h265']).optional(),
  width: count.optional(),
  height: count.optional(),
  manufacturer: identityText,
  model: identityText,
  firmware: identityText,
  serial: identityText.meta({ description: 'serial number; another one than expected is `camera-swapped`' }),
});

export const lawState = z.strictObject({
  ...envelope,
  camera: cameraId,
  name: z.string().max(80),
  ...lawFields,
});

export const qualityState = z.strictObject({
  ...envelope,
  camera: cameraId,
  name: z.string().max(80),
  ...qualityFields,
});

export const layersState = z.strictObject({
  ...envelope,
  camera: cameraId,
  name: z.string().max(80),
  ...layerFields,
});

export const pictureMeasure = z.strictObject({
  ...envelope,
  camera: cameraId,
  state: z.enum(['learning', 'ok', 'faulty', 'unsuitable']),
  light: z.enum(['day', 'night', 'infrared']),
  cause: cause.meta({ description: 'what stands confirmed, or none' }),
  suspected: cause.meta({ description: 'what this picture alone says, or none' }),
  level_mean: ratio.meta({ description: 'luma, 0 to 255' }),
  level_low: ratio.meta({ description: '5 % of the picture is darker' }),
  level_high: ratio.meta({ description: '5 % of the picture is lighter' }),
  white_percent: ratio,
  noise: ratio.meta({ description: 'deviation in the flattest part, levels' }),
  edge_rise: ratio.optional().meta({
    description: 'pixels, of 320 to the width, over which the sharpest edges rise; large out of focus',
  }),
  change: ratio.optional().meta({ description: 'difference from the picture before, levels' }),
  likeness_percent: ratio.optional().meta({ description: 'how far it is the view that was learnt' }),
  lost_percent: ratio.optional().meta({ description: 'share of the view that is not there' }),
  moved_right_percent: z
    .number()
    .optional()
    .meta({ description: 'the view stands beside its place, % of its width' }),
  moved_down_percent: z.number().optional().meta({ description: 'the same, % of its height' }),
  frame_bytes: count.meta({ description: 'median size of the frames between key frames' }),
});

export const streamMeasure = z.strictObject({
  ...envelope,
  camera: cameraId,
  period_ms: count,
  fps: ratio,
  kbps: ratio.meta({ description: 'payload of the video track, kbit/s' }),
  gop_frames: ratio.meta({ description: 'frames between the last two key frames; 0 until known' }),
  key_interval_ms: count.meta({ description: 'time between the last two key frames; 0 until known' }),
  jitter_ms: ratio.meta({
    description: 'how unevenly pictures came against their time stamps (RFC 3550), the largest of the period',
  }),
  rtp_received: count,
  rtp_lost: count,
  rtp_unread: count.meta({
    description: 'of the lost ones, packets that came over UDP and that the box did not read in time',
  }),
  frames_damaged: count,
  timestamp_repairs: count.meta({ description: 'time stamps that jumped and were repaired' }),
  gops_uncached: count.meta({
    description:
      'groups of pictures above `video.cacheKb`: a destination that began in one had to wait for the next key picture',
  }),
  forwarded_bytes: count.meta({ description: 'media bytes handed to the broker connection in the period' }),
  dropped_frames: count.meta({ description: 'frames that the broker connection could not take' }),
  clock_offset_ms: z.number().optional().meta({
    description:
      'clock of the camera minus clock of the box, by the RTCP sender reports of the stream; absent when it sends none with a wall clock',
  }),
  clock_uncertainty_ms: ratio.optional().meta({ description: 'half the shortest round trip to the camera' }),
  clock_drift_ppm: z.number().optional().meta({
    description: 'how much the clock of the camera runs fast, parts per million; after three minutes',
  }),
  clock_steps: count.optional().meta({
    description:
      'how often the clock of the camera was seen to be set since the video process began, by a tenth of a second or more',
  }),
});

export type CameraHealthState = z.infer<typeof cameraHealthState>;
