import { z } from 'zod';
import { cameraId, pointId, severity } from '../contract/messages.ts';

const port = z.int().min(1).max(65_535);
const host = z
  .string()
  .regex(
    /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$/,
    'expected a host name or an IP address without brackets',
  );
const name = z.string().min(1).max(80);

const camera = z
  .strictObject({
    id: cameraId,
    name: name.meta({ description: 'what operators call the camera' }),
    host: host.meta({ description: 'address of the camera on the network of the commune' }),
    regime: z
      .literal('continuous')
      .meta({ description: 'the camera is forwarded day and night; property of the camera' }),
    owner: z
      .enum(['commune', 'metropole'])
      .meta({ description: 'who answers for the camera and its local link' }),
    credentials: z
      .strictObject({
        version: z
          .int()
          .min(1)
          .meta({ description: 'raise it with each change: opens the login latch again' }),
        sealed: z
          .string()
          .max(4096)
          .meta({
            description: 'compact JWE (ECDH-ES, X25519, A256GCM) to the key of the box: {"user","password"}',
          }),
      })
      .optional()
      .meta({ description: 'absent for a camera without login; change restarts the camera' }),
    onvif: z
      .strictObject({
        port: port.default(80),
        path: z.string().startsWith('/').max(256).default('/onvif/device_service'),
        tls: z.boolean().default(false),
        certificateSha256: z
          .string()
          .regex(/^[0-9a-f]{64}$/)
          .optional(),
        profile: z
          .string()
          .max(128)
          .optional()
          .meta({ description: 'profile token; the first with video when absent' }),
        events: z.boolean().default(true).meta({ description: 'take events through a pull point' }),
      })
      .optional()
      .meta({ description: 'absent when the camera speaks no ONVIF' }),
    rtsp: z
      .strictObject({
        port: port.default(554),
        path: z
          .string()
          .startsWith('/')
          .max(1024)
          .optional()
          .meta({ description: 'path and query of the stream; asked by ONVIF when absent' }),
        tls: z.boolean().default(false),
        certificateSha256: z
          .string()
          .regex(/^[0-9a-f]{64}$/)
          .optional(),
      })
      .optional(),
    maxConnections: z
      .int()
      .min(2)
      .max(16)
      .default(4)
      .meta({ description: 'connections of the box to the camera at the same time' }),
    minFps: z
      .number()
      .min(0)
      .max(120)
      .default(0)
      .meta({ description: 'fewer measured pictures per second are a fault; 0: none asked' }),
  })
  .refine((c) => c.onvif !== undefined || c.rtsp?.path !== undefined, {
    message: 'expected onvif, or rtsp with a path',
    path: ['rtsp', 'path'],
  });

const point = z.strictObject({
  id: pointId,
  name,
  camera: cameraId,
  kind: z.enum(['digital-input', 'tampering']),
  input: z
    .string()
    .max(64)
    .optional()
    .meta({ description: 'token of the digital input; any input of the camera when absent' }),
  inverted: z.boolean().default(false).meta({ description: 'true where the open circuit is the alarm' }),
  severity: severity.default('major'),
});

/** The central configuration: one strict schema. Unknown keys are refused. */
export const configurationSchema = z
  .strictObject({
    cameras: z.array(camera).max(256).default([]),
    points: z.array(point).max(1024).default([]),
    health: z
      .strictObject({
        probeIntervalS: z
          .int()
          .min(5)
          .max(3600)
          .default(30)
          .meta({ description: 'seconds between network and ONVIF checks of a camera' }),
        stallTimeoutMs: z
          .int()
          .min(500)
          .max(60_000)
          .default(3000)
          .meta({ description: 'silence on the video track that is a stall, ms' }),
        clockOffsetLimitMs: z
          .int()
          .min(100)
          .max(3_600_000)
          .default(2000)
          .meta({ description: 'offset of a camera clock that is a fault, ms' }),
        lossLimitPercent: z
          .number()
          .min(0)
          .max(100)
          .default(2)
          .meta({ description: 'lost RTP packets that are a fault, percent over a minute' }),
        vitalsSchedule: z
          .string()
          .max(100)
          .default('*/30 * * * * *')
          .meta({ description: 'cron expression of the box vitals, Europe/Paris' }),
      })
      .prefault({}),
    video: z
      .strictObject({
        fragmentMs: z
          .int()
          .min(20)
          .max(5000)
          .default(200)
          .meta({ description: 'duration of a media fragment, ms' }),
      })
      .prefault({}),
  })
  .superRefine((config, context) => {
    const cameras = new Set<string>();
    for (const [index, { id }] of config.cameras.entries()) {
      if (cameras.has(id))
        context.addIssue({ code: 'custom', path: ['cameras', index, 'id'], message: `${id} stands twice` });
      cameras.add(id);
    }
    const points = new Set<string>();
    for (const [index, { id, camera: of }] of config.points.entries()) {
      if (points.has(id))
        context.addIssue({ code: 'custom', path: ['points', index, 'id'], message: `${id} stands twice` });
      if (!cameras.has(of))
        context.addIssue({
          code: 'custom',
          path: ['points', index, 'camera'],
          message: `${of} is no camera of this configuration`,
        });
      points.add(id);
    }
  });

export type Configuration = z.infer<typeof configurationSchema>;
export type CameraConfig = Configuration['cameras'][number];
export type PointConfig = Configuration['points'][number];
