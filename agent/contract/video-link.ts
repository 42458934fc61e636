import { z } from 'zod';
import { ALL_CODES } from '../base/codes.ts';
import { orderId } from './claims.ts';
import { count } from './envelope.ts';
import { leaseTerms } from './lease-terms.ts';
import { cameraId, destinationId, destinationKind, destinationState } from './messages.ts';
import { pictureNumbers, streamNumbers } from './picture.ts';
import { MAX_ADDRESSES, MAX_EVENT_TEXT, MAX_EVENTS, PRIORITIES } from './video-link-limits.ts';
import { CLOSED_BY, openView } from './viewing.ts';

/**
 * What the agent and the video process say to each other over the Unix socket: one JSON object per line.
 * The agent listens; the video process connects and says hello.
 */

const code = z.enum(ALL_CODES);

const login = z.strictObject({ version: count, user: z.string().max(256), password: z.string().max(256) });

const anyDestination = {
  /** Unlike any other of the camera. */
  id: destinationId,
  /** Most bytes that may wait for it. */
  creditBytes: count,
  /** Cron expressions of the minutes in which it gets pictures, Europe/Paris; always when absent. */
  hours: z.array(z.string().max(100)).max(8).optional(),
};
/** Where the pictures of a camera go. */
const videoDestination = z.discriminatedUnion('kind', [
  z.strictObject({ ...anyDestination, kind: z.literal('mqtt') }),
  z.strictObject({
    ...anyDestination,
    kind: z.literal('rtsp'),
    /** Without user part. */
    url: z.string().max(2048),
    credentials: login.optional(),
    /** SHA-256 of the pinned TLS certificate, hexadecimal, when the address is `rtsps:`. */
    certificateSha256: z.string().length(64).optional(),
  }),
]);
export type VideoDestination = z.infer<typeof videoDestination>;

/** Where a camera is pulled from, with its credentials: these lines are never logged. */
const pulled = {
  camera: cameraId,
  /** Stream address without user part. */
  url: z.string().max(2048),
  credentials: login.optional(),
  /** SHA-256 of the pinned TLS certificate of the camera, hexadecimal, when the address is `rtsps:`. */
  certificateSha256: z.string().length(64).optional(),
  /** How RTP comes. */
  transport: z.enum(['tcp', 'udp', 'udp-or-tcp']),
  fragmentMs: z.int().min(20).max(5000),
  stallTimeoutMs: z.int().min(500).max(5000),
};
/** A camera that may be pulled as it is. */
const videoCamera = z.strictObject({
  ...pulled,
  /** Which of its streams this is: each is pulled by itself. */
  profile: z.enum(['main', 'sub']),
  regime: z.literal('continuous'),
  delivery: z.enum(['continuous', 'on-demand']),
  /** Most bytes of a group of pictures that are kept for destinations that begin. */
  cacheBytes: count,
  destinations: z.array(videoDestination).max(4),
  /** Whether its alarm points may be fed by the metadata track of the stream. */
  events: z.boolean(),
});
export type VideoCamera = z.infer<typeof videoCamera>;
/** A partner's camera: pulled on a lease and not else. */
const leasedCamera = z.strictObject({ ...pulled, regime: z.literal('leased') });
export type LeasedCamera = z.infer<typeof leasedCamera>;
/** What a camera of either regime is pulled by. */
export type PulledCamera = Omit<LeasedCamera, 'regime'> & Partial<Pick<VideoCamera, 'profile'>>;

/** The order of a partner with what it is judged by, so that whoever pulls the camera can verify it again. */
const clock = z.enum(['synced', 'holdover', 'untrusted']);
const leaseOpening = z.strictObject({
  /** Id of the lease, for the answer. */
  lease: orderId,
  jws: z.string().max(16 * 1024),
  terms: leaseTerms,
  clock,
  camera: leasedCamera,
  /** Most sealed bytes that may wait for the recipient. */
  creditBytes: count,
});
export type LeaseOpening = z.infer<typeof leaseOpening>;

/** Classes of destinations with a budget of their own. */
const channelClass = destinationKind;
export type ChannelClass = z.infer<typeof channelClass>;
const priority = z.int().min(PRIORITIES.lowest).max(PRIORITIES.highest);
/** Kilobits per second; 0: no limit. */
const budget = z.strictObject({ boxKbps: count, brokerKbps: count, serverKbps: count });
export type Budget = z.infer<typeof budget>;
const backboneOrder = z.strictObject({
  budget,
  /** In the order of the configuration: of equal priority the first goes first. */
  cameras: z.array(z.strictObject({ camera: cameraId, priority })).max(256),
  missions: z
    .array(
      z.strictObject({
        cameras: z.array(cameraId).max(256),
        priority,
        /** Time that is left when this is sent. */
        leftMs: z.number().min(0),
      }),
    )
    .max(64),
});
export type BackboneOrder = z.infer<typeof backboneOrder>;

export const agentToVideo = z.discriminatedUnion('type', [
  /** The whole list; a camera whose entry is unchanged loses no frame. */
  z.strictObject({ type: z.literal('cameras'), cameras: z.array(videoCamera).max(512) }),
  z.strictObject({
    type: z.literal('permit'),
    request: count,
    granted: z.boolean(),
    /** Why not, when it is not granted. */
    code: code.optional(),
    /** Where the name of the camera's host led when it was judged: the connection goes there and nowhere else. */
    addresses: z.array(z.string().max(64)).max(MAX_ADDRESSES).optional(),
  }),
  /** The answer to `login-try`. */
  z.strictObject({ type: z.literal('login-leave'), request: count, granted: z.boolean() }),
  z.strictObject({ type: z.literal('restart'), camera: cameraId }),
  /** The whole list of open views of cameras delivered on demand. */
  z.strictObject({ type: z.literal('views'), views: z.array(openView).max(512) }),
  /** Budget, priorities and missions as a whole. */
  z.strictObject({ type: z.literal('backbone'), order: backboneOrder }),
  z.strictObject({ type: z.literal('lease-open'), opening: leaseOpening }),
  /** The gaps up to this number outlive the agent: they need not be told again. */
  z.strictObject({ type: z.literal('gaps-kept'), upTo: count }),
  /** The leases that stand; every other is closed at once. */
  z.strictObject({ type: z.literal('leases'), standing: z.array(orderId).max(64), clock }),
  /** Look at the next key frame; `picture` answers, unless no key frame comes. */
  z.strictObject({
    type: z.literal('look'),
    camera: cameraId,
    /** It is to confirm what the look before found, and goes before looks that are merely due. */
    confirms: z.boolean(),
  }),
]);
export type AgentToVideo = z.infer<typeof agentToVideo>;

const eventText = z.string().max(MAX_EVENT_TEXT);
const eventItems = z.record(eventText, eventText);
/** One ONVIF event; texts of the camera, unchecked but for their length. */
const cameraEvent = z.strictObject({
  topic: eventText,
  operation: z.enum(['Initialized', 'Changed', 'Deleted']).optional(),
  /** In the clock of the camera. */
  utcTimeMs: z.number().optional(),
  source: eventItems,
  data: eventItems,
});

/** Said with what is of the sub-stream of a camera; absent: of its main stream. */
const ofSubstream = { profile: z.literal('sub').optional() };

const streamPhase = z.enum(['connecting', 'described', 'playing', 'stalled', 'failed', 'stopped']);
export type StreamPhase = z.infer<typeof streamPhase>;

/** What a look at a camera gave: never a picture. */
const pictureReport = z.strictObject({
  type: z.literal('picture'),
  camera: cameraId,
  stream: streamNumbers,
  /** Absent when the key frame has the bytes of the one before, or when it could not be decoded. */
  picture: pictureNumbers.optional(),
  /** Why it could not be decoded. */
  code: code.optional(),
  detail: z.string().max(500).optional(),
});
export type PictureReport = z.infer<typeof pictureReport>;

export const videoToAgent = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('hello'),
    pid: count,
    /** Of this start alone: process ids come again, at the latest when the machine is started anew. */
    run: z.uuid(),
    software: z.string().max(40),
    /** Number of the first gap that it tells on this connection; each one after it has the next. */
    firstGap: count,
  }),
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
    ...ofSubstream,
    phase: streamPhase,
    code: code.optional(),
    detail: z.string().max(500),
    codec: z.enum(['h264', 'h265']).optional(),
    width: count.optional(),
    height: count.optional(),
    /** The description offers sound, which is not asked for. */
    sound: z.boolean().optional(),
  }),
  z.strictObject({
    type: z.literal('measure'),
    camera: cameraId,
    ...ofSubstream,
    periodMs: count,
    frames: count,
    /** With which decoding can begin, parameter sets included. */
    keyFrames: count,
    bytes: count,
    gopFrames: count,
    /** Between the last two key frames; 0 until known. */
    keyIntervalMs: count,
    jitterMs: z.number().min(0),
    rtpReceived: count,
    rtpLost: count,
    /** Of those, packets that had come over UDP and that the video process did not read in time. */
    rtpUnread: count,
    framesDamaged: count,
    timestampRepairs: count,
    /** Groups of pictures above the bound of the cache. */
    gopsUncached: count,
    forwardedBytes: count,
    droppedFrames: count,
    /** Clock of the camera against that of the box, when the camera told it in the period. */
    clockOffsetMs: z.number().optional(),
    clockUncertaintyMs: z.number().min(0).optional(),
    clockDriftPpm: z.number().optional(),
    clockSteps: count.optional(),
  }),
  /** When its state changes, and now and then. Numbers count since the destination was made. */
  z.strictObject({
    type: z.literal('destination'),
    camera: cameraId,
    destination: destinationId,
    kind: destinationKind,
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
  /**
   * Each second, of a destination that gets pictures without a view: from when to when nothing is missing but what was told as a
   * gap; by the clock of the box, and since the start of the machine.
   */
  z.strictObject({
    type: z.literal('reached'),
    camera: cameraId,
    destination: destinationId,
    fromWallMs: count,
    fromUpMs: count,
    untilWallMs: count,
    untilUpMs: count,
    /** Since the start of the machine: the end of the last picture, sent or not. */
    seenUpMs: count,
  }),
  /** Pictures that the camera sent and the destination did not get; times by the clock of the box. */
  z.strictObject({
    type: z.literal('gap'),
    camera: cameraId,
    destination: destinationId,
    fromWallMs: count,
    untilWallMs: count,
    frames: count,
    /** How many gaps the times reach over; one when absent. */
    gaps: count.min(2).optional(),
    code,
  }),
  /** The stream plays, and has a metadata track that is read or not; or the track is no longer to be relied on. */
  z.strictObject({
    type: z.literal('event-track'),
    camera: cameraId,
    state: z.enum(['read', 'absent', 'lost']),
    /** Why it is lost. */
    code: code.optional(),
    detail: z.string().max(500).optional(),
  }),
  z.strictObject({
    type: z.literal('camera-events'),
    camera: cameraId,
    events: z.array(cameraEvent).max(MAX_EVENTS),
  }),
  /** A channel was paused for the budget of the backbone, or goes on. */
  z.strictObject({
    type: z.literal('pause'),
    camera: cameraId,
    destination: destinationId,
    kind: channelClass,
    paused: z.boolean(),
    limit: z.enum(['class', 'box']),
    priority,
    budgetKbps: count,
    neededKbps: count,
  }),
  /** A view or a lease, each second while it is open, and once when it has closed. */
  z.strictObject({
    type: z.literal('channel'),
    channel: orderId,
    camera: cameraId,
    open: z.boolean(),
    /** Handed to the broker connection by this process, but for what never left. */
    bytes: count,
    frames: count,
    /** Of a lease: pictures that the camera sent while it was open, and the recipient did not get. */
    lostFrames: count.optional(),
    closedBy: z.enum(CLOSED_BY).optional(),
    /** When it closed, by the wall clock: an agent that was away cannot know. */
    closedWallMs: count.optional(),
    /** Why a lease was not opened. */
    code: code.optional(),
    detail: z.string().max(500).optional(),
  }),
  pictureReport,
  /** Sent at least every 5 s: feeds the watchdog of the agent's view of the video process. */
  z.strictObject({
    type: z.literal('alive'),
    brokerConnected: z.boolean(),
    brokerCode: code.optional(),
    /** The connection to the broker: port of this end, bytes that the kernel has taken of it, bytes that wait. */
    line: z.strictObject({ localPort: count, takenBytes: count, waitingBytes: count }).optional(),
    rssMb: z.number(),
  }),
]);
export type VideoToAgent = z.infer<typeof videoToAgent>;
