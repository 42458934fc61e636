/** Login of a camera. `version` rises when the CSU changes it; the login latch counts per version. */
export interface Credentials {
  readonly version: number;
  readonly user: string;
  readonly password: string;
}

/** The right to hold one connection to a camera, and to ask for leave to log in on it. */
export interface Permit {
  /** Where the name of the camera's host may lead: the connection goes there alone. Absent: wherever it leads. */
  readonly addresses?: readonly string[];
  /**
   * Leave for one request that carries the credentials; good until it is settled. Waits while logins under way on
   * other connections may use up what is left.
   * @returns false: send no credentials
   */
  tryLogin(): Promise<boolean>;
  /** The camera took the credentials. */
  loginAccepted(): void;
  /** The camera refused credentials that were sent (a first 401 without credentials, or a stale nonce, is none). */
  loginRefused(): void;
  /** The camera said nothing to credentials that were sent: silence, or a connection that it cut. */
  loginUnanswered(): void;
  /** The camera answered, but neither took nor refused credentials that were sent: busy, or a fault of its own. */
  loginUndecided(): void;
  /** Gives the connection back; idempotent. The end of a login that was not settled is unknown for ever. */
  release(): void;
}

/** One connection budget and one login latch per camera, across ONVIF, RTSP and HTTP. Owned by the agent. */
export interface Gate {
  /**
   * @throws DeviceError `camera-latched` when the credential version was refused too often, `camera-silent` while the
   *   camera is left alone because it leaves logins unanswered
   * @throws InternalError `camera-connection-limit` when no connection becomes free in time
   */
  acquire(signal: AbortSignal): Promise<Permit>;
}

export type VideoCodec = 'h264' | 'h265';

/** Parameter sets without start codes, as the camera sent them. */
export interface ParameterSets {
  readonly vps?: Buffer;
  readonly sps?: Buffer;
  readonly pps?: Buffer;
}

/** What DESCRIBE says of the video track; parameter sets may be missing until the first key frame. */
export interface VideoTrack {
  readonly codec: VideoCodec;
  /** RTP clock, Hz. */
  readonly clockRate: number;
  readonly parameterSets: ParameterSets;
  /** The camera offers sound beside it; absent: not known. */
  readonly sound?: boolean;
}

/** One coded picture with everything that belongs to it (SEI, parameter sets), in the order of the stream. */
export interface AccessUnit {
  /** NAL units without start codes, byte for byte as the camera sent them. */
  readonly nals: readonly Buffer[];
  /** The same in one piece, each NAL unit behind its length in 32 bits, as in a sample of MP4. */
  readonly bytes: Buffer;
  /**
   * The bytes hold during the call that hands the unit over, and for whoever holds it until the release: after that
   * the memory is used for other pictures.
   */
  hold(): void;
  release(): void;
  /** Presentation time in units of the track's clock, unwrapped from the 32-bit RTP time stamp. */
  readonly rtpTime: number;
  /** IDR (H.264), IRAP (H.265): decoding can start here. */
  readonly key: boolean;
  /** Packets of this access unit, or between it and the one before, were lost. */
  readonly damaged: boolean;
  /** Wall time of the box when the last packet came. */
  readonly receivedWallMs: number;
  readonly receivedMonotonicMs: number;
  /** Wall time of the camera for this picture, from the last RTCP sender report; absent before the first. */
  readonly captureWallMs?: number;
}

/** Counters since the stream began. */
export interface StreamCounters {
  readonly rtpReceived: number;
  readonly rtpLost: number;
  /** Of those, packets that had come over UDP and that we did not read in time. */
  readonly rtpUnread: number;
  /** Payload bytes of the video track. */
  readonly bytes: number;
  readonly framesDamaged: number;
  /** How unevenly pictures come now, ms. */
  readonly jitterMs: number;
}

/** Of a stream that has not begun. */
export const NO_COUNTERS: StreamCounters = {
  rtpReceived: 0,
  rtpLost: 0,
  rtpUnread: 0,
  bytes: 0,
  framesDamaged: 0,
  jitterMs: 0,
};
