import { z } from 'zod';
import { count, envelope, text, unixMs } from '../envelope.ts';
import { cameraId, destinationId, eventId } from './ids.ts';
import { cause, side } from './words.ts';

export const destinationKind = z.enum(['mqtt', 'rtsp']);

/**
 * `waiting`: ready, no picture yet; `blocked`: pictures are dropped up to the next key picture; `paused`: nothing is sent,
 * by the budget of the backbone; `failed`: tried again.
 */
export const destinationState = z.enum(['waiting', 'connecting', 'flowing', 'blocked', 'paused', 'failed']);

export const destinationMeasure = z.strictObject({
  ...envelope,
  camera: cameraId,
  destination: destinationId,
  kind: destinationKind.meta({ description: 'how pictures get there' }),
  state: destinationState.meta({
    description:
      'waiting: ready, no picture has come yet; blocked: pictures are dropped up to the next key picture, because it does not take them fast enough; paused: the budget of the backbone is short, see `pause`; failed: it is tried again',
  }),
  since: unixMs.meta({ description: 'when this state began' }),
  bytes: count.meta({ description: 'media bytes handed to it since the destination exists' }),
  frames: count.meta({ description: 'pictures handed to it since the destination exists' }),
  gaps: count.meta({ description: 'gaps since the destination exists; each is an event' }),
  dropped_frames: count.meta({ description: 'pictures in those gaps' }),
  waiting_bytes: count.meta({
    description: 'bytes that wait in the box because it does not take them faster',
  }),
  cause: cause.meta({ description: 'code of its last error, also when that is over; none without one' }),
  side: side.meta({ description: 'whose side that error is on' }),
  detail: text,
});

export const gapEvent = z.strictObject({
  ...envelope,
  id: z.string().max(40),
  camera: cameraId,
  destination: destinationId,
  from: unixMs.meta({
    description:
      'when the first missing picture came to the box, by the clock of the box whatever that of the camera says; `clock_offset_ms` of `meas/stream` leads to the time in the media messages; with video-process-down when the destination is last known to have had everything',
  }),
  until: unixMs.meta({
    description:
      'when the first picture after the gap came, by the same clock as it stood at the begin of that gap: lengths are measured, whoever sets the clock meanwhile; after the last gap of several',
  }),
  at_most: z.boolean().meta({
    description:
      'true: pictures within the times may have arrived, and none outside of them is missing by this cause. So are gaps that were joined ("x" in `spans`), and those of video-process-down: by up to a second, and by up to 11 s where the agent, or the whole box, was away too',
  }),
  gaps: count.min(1).meta({
    description:
      'how many gaps of this cause the message tells: the first is told at once, those that follow within 10 s (60 s while they go on) as one',
  }),
  spans: text.meta({
    description:
      'each gap as begin in Unix ms, "+" and its length in ms, divided by blanks; a span that reaches from the first of several gaps to the end of the last says "x" and how many: of more than 80 the last, and of gaps that ended while the agent was away the 64th of a destination',
  }),
  frames: count.meta({
    description:
      'pictures that the camera sent and the destination did not get; 0 with video-process-down, where nobody counted',
  }),
  cause,
  side,
});

export const pauseEvent = z.strictObject({
  ...envelope,
  id: eventId,
  camera: cameraId,
  destination: destinationId,
  kind: destinationKind.meta({ description: 'class of the destination' }),
  transition: z.enum(['paused', 'resumed']),
  limit: z
    .enum(['class', 'box'])
    .meta({ description: 'what is short: the budget of the class of the destination, or that of the box' }),
  priority: count.meta({ description: 'of the camera at that moment, 1 to 9, missions included' }),
  budget_kbps: count.meta({ description: 'the budget that is short, kbit/s; 0 when it was taken away' }),
  needed_kbps: count.meta({ description: 'what all its channels need, those that are paused included' }),
  cause: cause.meta({ description: 'backbone-budget; none when it goes on' }),
  side,
});
