import { z } from 'zod';
import { ALL_CODES } from '../base/codes.ts';
import { count } from './envelope.ts';
import { cameraId, destinationId, destinationState } from './messages.ts';

/**
 * What the agent and the video process say to each other over the Unix socket: one JSON object per line.
 * The agent listens; the video process connects and says hello.
 */

/** Longest line, in bytes: 64 cameras with long URLs and credentials fit. Source: guess. */
export const MAX_LINE_BYTES = 512 * 1024;

const code = z.enum(ALL_CODES);

/** Where the pictures of a camera go. */
const videoDestination = z.strictObject({
  /** Unlike any other of the camera. */
  id: destinationId,
  kind: z.literal('mqtt'),
  /** Most bytes that may wait for it. */
  creditBytes: count,
});
export type VideoDestination = z.infer<typeof videoDestination>;

/** One camera to pull, with its credentials: these lines are never logged. */
const videoCamera = z.strictObject({
  camera: cameraId,
  /** Stream address without user part. */
  url: z.string().max(2048),
  credentials: z
    .strictObject({ version: count, user: z.string().max(256), password: z.string().max(256) })
    .optional(),
  /** SHA-256 of the pinned TLS certificate of the camera, hexadecimal, when the address is `rtsps:`. */
  certificateSha256: z.string().length(64).optional(),
  fragmentMs: z.int().min(20).max(5000),
  /** Most bytes of a group of pictures that are kept for destinations that begin. */
  cacheBytes: count,
  destinations: z.array(videoDestination).max(8),
  stallTimeoutMs: z.int().min(500).max(60_000),
});
export type VideoCamera = z.infer<typeof videoCamera>;

export const agentToVideo = z.discriminatedUnion('type', [
  /** The whole list; a camera whose entry is unchanged loses no frame. */
  z.strictObject({ type: z.literal('cameras'), cameras: z.array(videoCamera).max(256) }),
  z.strictObject({
    type: z.literal('permit'),
    request: count,
    granted: z.boolean(),
    /** Why not, when it is not granted. */
    code: code.optional(),
  }),
  /** The answer to `login-try`. */
  z.strictObject({ type: z.literal('login-leave'), request: count, granted: z.boolean() }),
  z.strictObject({ type: z.literal('restart'), camera: cameraId }),
]);
export type AgentToVideo = z.infer<typeof agentToVideo>;

const streamPhase = z.enum(['connecting', 'described', 'playing', 'stalled', 'failed', 'stopped']);
export type StreamPhase = z.infer<typeof streamPhase>;

export const videoToAgent = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('hello'), pid: count, software: z.string().max(40) }),
  z.strictObject({ type: z.literal('permit-request'), request: count, camera: cameraId }),
  /** Asks for leave to send the credentials once, on the connection of this permit. */
  z.strictObject({ type: z.literal('login-try'), request: count }),
  /** How it ended. */
  z.strictObject({
    type: z.literal('login'),
    request: count,
    outcome: z.enum(['accepted', 'refused', 'unanswered', 'undecided']),
  }),
  z.strictObject({ type: z.literal('permit-end'), request: count }),
  z.strictObject({
    type: z.literal('stream'),
    camera: cameraId,
    phase: streamPhase,
    code: code.optional(),
    detail: z.string().max(500),
    codec: z.enum(['h264', 'h265']).optional(),
    width: count.optional(),
    height: count.optional(),
  }),
  z.strictObject({
    type: z.literal('measure'),
    camera: cameraId,
    periodMs: count,
    frames: count,
    keyFrames: count,
    bytes: count,
    gopFrames: count,
    rtpReceived: count,
    rtpLost: count,
    framesDamaged: count,
    timestampRepairs: count,
    forwardedBytes: count,
    droppedFrames: count,
  }),
  /** When its state changes, and now and then. Numbers count since the destination was made. */
  z.strictObject({
    type: z.literal('destination'),
    camera: cameraId,
    destination: destinationId,
    kind: z.literal('mqtt'),
    state: destinationState,
    sinceWallMs: count,
    bytes: count,
    frames: count,
    gaps: count,
    droppedFrames: count,
    waitingBytes: count,
    code: code.optional(),
    detail: z.string().max(500),
  }),
  /** Pictures that the camera sent and the destination did not get. */
  z.strictObject({
    type: z.literal('gap'),
    camera: cameraId,
    destination: destinationId,
    fromWallMs: count,
    untilWallMs: count,
    frames: count,
    code,
  }),
  /** Sent at least every 5 s: feeds the watchdog of the agent's view of the video process. */
  z.strictObject({
    type: z.literal('alive'),
    brokerConnected: z.boolean(),
    brokerCode: code.optional(),
    rssMb: z.number(),
  }),
]);
export type VideoToAgent = z.infer<typeof videoToAgent>;
