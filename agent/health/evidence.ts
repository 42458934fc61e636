import type { Code } from '../base/codes.ts';
import type { ClockOffset } from '../camera/onvif/system-time.ts';
import type { TimeSource } from '../camera/onvif/time-source.ts';
import type { PingAnswer } from '../camera/ping.ts';
import type { Probe } from '../camera/probe.ts';
import type { StreamPhase } from '../contract/video-link.ts';
import type { Identity, Swap } from './identity.ts';

/** What a TCP port said: `closed` is an answer, `unreachable` is none. */
export type PortAnswer = Probe['result'];

/** A fact with its monotonic time, so that it can grow old. */
export interface Observed<T> {
  readonly value: T;
  readonly atMs: number;
}

/** A failure by its code, with words that may reach an operator. */
export interface Failure {
  readonly code: Code;
  readonly detail: string;
}

export type LoginState = 'accepted' | 'refused' | 'latched' | 'not-asked' | 'unknown';

/** Everything that is known of one camera, layer by layer. Times are monotonic. */
export interface Evidence {
  readonly host: string;
  readonly rtspPortNumber: number;
  readonly onvifPortNumber: number | undefined;
  readonly videoRunning: boolean;
  /** Our own process was too late to be trusted just now. */
  readonly ourselvesLate: boolean;
  /** A check runs whose answer may change the verdict. */
  readonly probing: boolean;
  readonly rtspPort: Observed<PortAnswer> | undefined;
  /** When the port began to answer again after it had not; the stream will soon be tried. */
  readonly rtspBackAtMs: number | undefined;
  readonly onvifPort: Observed<PortAnswer> | undefined;
  /** What came of the last ICMP echo. */
  readonly ping: Observed<PingAnswer> | undefined;
  /** The device service last answered as it should. */
  readonly onvifWorked: Observed<true> | undefined;
  /** The last ONVIF call failed more than once in a row. */
  readonly onvifFailure: Observed<Failure> | undefined;
  /** ONVIF works, and fails now and then. */
  readonly onvifUnsteady: boolean;
  readonly login: LoginState;
  readonly hasLogin: boolean;
  readonly streamLogin: LoginState;
  readonly onvifLogin: LoginState;
  readonly identity: Identity | undefined;
  /** Token of the profile that is configured. */
  readonly profile: string | undefined;
  /** The profiles with video. */
  readonly profiles: Observed<readonly { readonly token: string }[] | 'not-said'> | undefined;
  readonly timeSource: Observed<TimeSource | 'not-said'> | undefined;
  readonly phase: StreamPhase | undefined;
  /** Why there is no picture, since there last was one. */
  readonly failure: Observed<Failure> | undefined;
  readonly described: boolean;
  /** The camera of a partner: no pictures are to come outside of a lease. */
  readonly leased: boolean;
  /** What came of our own DESCRIBE, where no stream is pulled. */
  readonly ownDescribe: Observed<'described' | Failure> | undefined;
  /** When pictures last came; undefined when none came since the stream or the video process last began. */
  readonly lastFlowAtMs: number | undefined;
  /** Since when pictures have been coming without a break. */
  readonly flowingSinceMs: number | undefined;
  /** When the video process last measured this stream, pictures or not. */
  readonly lastMeasureAtMs: number | undefined;
  /** How long a measure covers; pictures are only known to have come within it. */
  readonly measurePeriodMs: number;
  readonly clock: Observed<ClockOffset> | undefined;
  /** Another device answers than the one that is expected. */
  readonly swap: Swap | undefined;
  readonly clockOff: boolean;
  /** Why the sub-stream does not come, since it last did; undefined also where there is none. */
  readonly substreamFailure: Observed<Failure> | undefined;
  /** What is wrong with the pictures, once confirmed. */
  readonly picture: { readonly cause: Code; readonly detail: string } | undefined;
  /** Pictures that are too large for a destination, whatever the line does. */
  readonly undeliverable: Failure | undefined;
  /** What of its legal profile it does not keep to. */
  readonly lawBreaches: readonly string[];
  readonly lossy: boolean;
  /** Because the box did not read in time. */
  readonly lossIsOurs: boolean;
  readonly lowRate: boolean;
  /** Pictures come, and for long none with which decoding can begin. */
  readonly keyless: boolean;
}

/** What the configuration asks for. */
export interface HealthLimits {
  readonly probeIntervalS: number;
  readonly stallTimeoutMs: number;
  readonly clockOffsetLimitMs: number;
  readonly lossLimitPercent: number;
  /** Pace of the looks at pictures; 0: none. */
  readonly pictureIntervalS: number;
  /** Whether the box may send ICMP echoes to cameras. */
  readonly ping: boolean;
  /** Where cameras are to take their time from, in small letters; none: nothing is ordered. */
  readonly timeServers: readonly string[];
  /** Over which pictures per second are measured for the legal profile. */
  readonly rateWindowS: number;
}

/** A fact of a probe older than this many intervals is unknown. Source: guess. */
const STALE_INTERVALS = 3;

/** The value while it is young enough to be believed. */
export function fresh<T>(fact: Observed<T> | undefined, limits: HealthLimits, nowMs: number): T | undefined {
  if (!fact) return undefined;
  return nowMs - fact.atMs <= limits.probeIntervalS * 1000 * STALE_INTERVALS ? fact.value : undefined;
}

/** What is asked every few minutes is believed for this long. Source: guess, three times the pace. */
const SLOW_MS = 900_000;

/** What the camera says of itself, while it is young enough to be believed. */
export function young<T>(fact: Observed<T> | undefined, nowMs: number): T | undefined {
  return fact && nowMs - fact.atMs <= SLOW_MS ? fact.value : undefined;
}
