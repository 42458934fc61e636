import type { DigestOffer } from './digest.ts';

/** What the camera offers; fixed for its life. */
export interface RtspOptions {
  /** Path of the stream. */
  readonly path: string;
  readonly login: DigestOffer | 'basic' | 'none';
  readonly nonceLifetimeMs: number;
  /** Sent in `Session: …;timeout=`; a client silent for longer than this and a half is put out. */
  readonly sessionTimeoutS: number;
  /** Whether the SDP carries the parameter sets. */
  readonly sprop: boolean;
  readonly audioTrack: boolean;
  /** Described and set up, and silent. */
  readonly metadataTrack: boolean;
  /** `a=control` relative to Content-Base, or as a full address. */
  readonly control: 'relative' | 'absolute';
  /** From which picture a client that PLAYs gets the stream: from a key picture, or in the middle of a GOP. */
  readonly join: 'key' | 'any';
  readonly senderReportIntervalMs: number;
  /** After a longer pause of the whole process, pictures are left out instead of sent in a burst. */
  readonly maxCatchUpMs: number;
}

export const RTSP_DEFAULTS: RtspOptions = {
  path: '/live/main',
  login: 'md5',
  nonceLifetimeMs: 300_000,
  sessionTimeoutS: 60,
  sprop: true,
  audioTrack: true,
  metadataTrack: false,
  control: 'relative',
  join: 'key',
  senderReportIntervalMs: 2000,
  maxCatchUpMs: 1000,
};

/** What goes wrong; every one can be set and unset while the camera runs. */
export interface RtspFaults {
  /** Every login is refused. */
  refuseLogins: boolean;
  /** A wrong login is answered by cutting the connection. */
  cutWrongLogins: boolean;
  /** Connections are taken and nothing is ever answered or sent: the cable is out. */
  silent: boolean;
  /** DESCRIBE is never answered. */
  silentDescribe: boolean;
  /** No pictures, while sender reports go on. */
  stalled: boolean;
  /** Each answer comes so much later. */
  answerDelayMs: number;
  /** The connection is cut so long after PLAY; 0: never. */
  closeAfterMs: number;
  /** SETUP above this number of sessions is refused with 453. */
  maxSessions: number;
  dropPercent: number;
  duplicatePercent: number;
  /** Share of packets that change places with the next one. */
  reorderPercent: number;
  /** Share of access units before which random bytes stand between the interleaved frames. */
  garbagePercent: number;
}

export function noRtspFaults(): RtspFaults {
  return {
    refuseLogins: false,
    cutWrongLogins: false,
    silent: false,
    silentDescribe: false,
    stalled: false,
    answerDelayMs: 0,
    closeAfterMs: 0,
    maxSessions: 100,
    dropPercent: 0,
    duplicatePercent: 0,
    reorderPercent: 0,
    garbagePercent: 0,
  };
}

/** What happened since the camera was made. */
export interface RtspCounters {
  connections: number;
  /** Requests whose credentials were wrong; one without any, or with a stale nonce, is none. */
  loginsRefused: number;
  loginsAccepted: number;
  describes: number;
  setups: number;
  /** Requests by method, also those that were refused. */
  readonly methods: Record<string, number>;
  audioSetups: number;
  plays: number;
  teardowns: number;
  keepAlives: number;
  sessionsTimedOut: number;
  receiverReports: number;
  framesSent: number;
  /** Access units withheld because the client did not read fast enough. */
  framesSkipped: number;
  packetsSent: number;
  packetsDropped: number;
}

export function noRtspCounts(): RtspCounters {
  return {
    connections: 0,
    loginsRefused: 0,
    loginsAccepted: 0,
    describes: 0,
    setups: 0,
    methods: {},
    audioSetups: 0,
    plays: 0,
    teardowns: 0,
    keepAlives: 0,
    sessionsTimedOut: 0,
    receiverReports: 0,
    framesSent: 0,
    framesSkipped: 0,
    packetsSent: 0,
    packetsDropped: 0,
  };
}
