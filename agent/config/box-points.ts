import { z } from 'zod';
import { cameraId, segmentId, severity } from '../contract/messages.ts';
import { anyPoint, debounce } from './words.ts';

/** Kinds of points that are there without an entry. */
export const OWN_KINDS = [
  'camera-health',
  'camera-network',
  'box-clock',
  'box-disk',
  'box-temperature',
  'box-certificate',
  'box-outbox',
  'box-store',
  'box-link',
  'box-video',
  'box-backbone',
  'box-disk-wear',
  'box-unknown-device',
  'camera-moved',
] as const;

/** The kinds of points that the health of the cameras and of the box feed. */
export const boxPoints = [
  z.strictObject({
    ...anyPoint,
    ...debounce,
    kind: z.literal('camera-health').meta({ description: 'a camera does not do its job' }),
    camera: cameraId.optional().meta({ description: 'camera that is watched; all of them when absent' }),
    from: z
      .enum(['degraded', 'down'])
      .default('down')
      .meta({ description: 'state of the camera from which on it is an alarm' }),
    severity: severity.default('major'),
  }),
  z.strictObject({
    ...anyPoint,
    kind: z.literal('camera-network').meta({
      description:
        'the cameras of a segment stopped answering together; the camera-health of each is not raised besides',
    }),
    segment: segmentId.optional().meta({ description: 'segment that is watched; all cameras when absent' }),
    severity: severity.default('major'),
  }),
  z.strictObject({
    ...anyPoint,
    kind: z.literal('box-disk').meta({ description: 'little space is left on the disk of the state folder' }),
    belowMb: z.int().min(10).max(10_000_000).default(1024).meta({ description: 'free space, MB' }),
    severity: severity.default('warning'),
  }),
  z.strictObject({
    ...anyPoint,
    kind: z.literal('box-temperature').meta({ description: 'the processor is too hot' }),
    aboveC: z.number().min(20).max(150).default(85).meta({ description: '°C' }),
    severity: severity.default('warning'),
  }),
  z.strictObject({
    ...anyPoint,
    ...debounce,
    kind: z.literal('box-clock').meta({ description: 'the clock of the box is not synchronised' }),
    severity: severity.default('warning'),
  }),
  z.strictObject({
    ...anyPoint,
    kind: z.literal('box-certificate').meta({ description: 'the certificate of the box ends soon' }),
    days: z.int().min(1).max(365).default(30).meta({ description: 'days before the end' }),
    severity: severity.default('warning'),
  }),
  z.strictObject({
    ...anyPoint,
    kind: z
      .literal('box-outbox')
      .meta({ description: 'the outbox fills; the alarm ends at half of the limit' }),
    abovePercent: z
      .number()
      .min(1)
      .max(99)
      .default(50)
      .meta({ description: 'of the fullest of its bounds, percent' }),
    severity: severity.default('warning'),
  }),
  z.strictObject({
    ...anyPoint,
    kind: z.literal('box-store').meta({
      description: 'the disk refuses, or a damaged database was set aside and still lies in the state folder',
    }),
    severity: severity.default('major'),
  }),
  z.strictObject({
    ...anyPoint,
    kind: z.literal('box-link').meta({ description: 'no link to the centre; told when it is back' }),
    afterS: z.int().min(1).max(86_400).default(60).meta({ description: 'seconds without link' }),
    severity: severity.default('warning'),
  }),
  z.strictObject({
    ...anyPoint,
    ...debounce,
    kind: z.literal('box-video').meta({ description: 'the video process is not running' }),
    severity: severity.default('major'),
  }),
  z.strictObject({
    ...anyPoint,
    kind: z.literal('box-backbone').meta({
      description: 'a path to the broker is slow, lossy or full, by the limits of health.backbone',
    }),
    severity: severity.default('warning'),
  }),
  z.strictObject({
    ...anyPoint,
    kind: z.literal('box-unknown-device').meta({
      description: 'the last inventory saw a device on the network that is not in the configuration',
    }),
    severity: severity.default('warning'),
  }),
  z.strictObject({
    ...anyPoint,
    kind: z
      .literal('box-disk-wear')
      .meta({ description: 'the disk of the state folder is worn out; unknown where it does not say so' }),
    abovePercent: z
      .int()
      .min(10)
      .max(90)
      .default(80)
      .meta({ description: 'of its life, percent; disks tell it in steps of ten' }),
    severity: severity.default('warning'),
  }),
  z.strictObject({
    ...anyPoint,
    kind: z.literal('camera-moved').meta({
      description: 'the last inventory saw the device of a camera at another address',
    }),
    severity: severity.default('warning'),
  }),
] as const;

type Point = z.infer<(typeof boxPoints)[number]>;

/** What a point of the box cannot know by itself: that its cameras are there. */
export function checkBoxPoint(
  point: Point,
  {
    cameras,
    segments,
  }: {
    readonly cameras: readonly { readonly id: string; readonly segment?: string | undefined }[];
    readonly segments: readonly { readonly id: string }[];
  },
  refuse: (key: string, message: string) => void,
): void {
  if (
    point.kind === 'camera-health' &&
    point.camera !== undefined &&
    !cameras.some(({ id }) => id === point.camera)
  )
    refuse('camera', 'no camera of this configuration has this id');
  if (point.kind !== 'camera-network') return;
  const { segment } = point;
  if (segment !== undefined && !segments.some(({ id }) => id === segment))
    refuse('segment', 'no segment of this configuration has this id');
  else if (cameras.filter((camera) => segment === undefined || camera.segment === segment).length < 2)
    refuse('kind', 'expected at least two cameras: one that is silent says nothing of the others');
}
