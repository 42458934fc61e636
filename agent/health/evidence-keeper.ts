import type { ClockTrust } from '../base/clock.ts';
import type { Code } from '../base/codes.ts';
import type { ClockOffset } from '../camera/onvif/system-time.ts';
import type { PingAnswer } from '../camera/ping.ts';
import type { VideoTrack } from '../camera/types.ts';
import type { VideoToAgent } from '../contract/video-link.ts';
import {
  type Evidence,
  type Failure,
  fresh,
  type HealthLimits,
  type LoginState,
  type Observed,
  type PortAnswer,
} from './evidence.ts';
import type { Identity, Swap } from './identity.ts';
import { KEYLESS, KeyPictures } from './key-pictures.ts';
import type { LegalProfile } from './law/facts.ts';
import { type MeasureReport, MeasureWindow, timeOf } from './measure-window.ts';
import { Steadiness } from './steadiness.ts';

export type StreamReport = Extract<VideoToAgent, { type: 'stream' }>;

/** What health needs to know of a camera; an entry of the central configuration fits. */
export interface WatchedCamera {
  readonly id: string;
  /** False: switched off, and not looked at. */
  readonly enabled: boolean;
  readonly regime: 'continuous' | 'leased';
  readonly name: string;
  readonly owner: 'commune' | 'metropole' | 'partner';
  readonly segment?: string | undefined;
  readonly host: string;
  readonly serial?: string | undefined;
  readonly minFps: number;
  readonly pictureCheck: 'fixed' | 'moving' | 'off';
  readonly credentials?: { readonly version: number } | undefined;
  readonly onvif?: { readonly port: number; readonly profile?: string | undefined } | undefined;
  readonly rtsp?: { readonly port: number } | undefined;
  readonly law?: LegalProfile | undefined;
}

/** Port of RTSP where nothing else is said. @see RFC 2326 §3.2 */
const RTSP_PORT = 554;
/** Failed ONVIF calls in a row that are a fault. Source: guess. */
const ONVIF_FAILURES = 2;
/** A measure may hold pictures from before a stall for this much longer than its period. Source: guess. */
const AFTER_STALL_MS = 500;

const LOGIN_OF_CODE: Partial<Record<Code, LoginState>> = {
  'camera-login-refused': 'refused',
  'camera-latched': 'latched',
};

export interface Picture {
  readonly codec?: 'h264' | 'h265';
  readonly width?: number;
  readonly height?: number;
}

/** Collects what the video process and our own probes say of one camera into evidence. Times are monotonic. */
export class EvidenceKeeper {
  readonly #clockTrust: () => ClockTrust;
  #camera: WatchedCamera;
  #rtspPortNumber: number;
  #rtspHost: string;
  /** False until ONVIF has said where the stream is. */
  #rtspKnown: boolean;
  #streamLogin: LoginState = 'unknown';
  #onvifLogin: LoginState = 'unknown';
  #rtspPort: Observed<PortAnswer> | undefined;
  #rtspBackAtMs: number | undefined;
  #onvifPort: Observed<PortAnswer> | undefined;
  #onvifFailure: Observed<Failure> | undefined;
  #onvifFailures = 0;
  readonly #steadiness = new Steadiness();
  #onvifWorked: Observed<true> | undefined;
  #ping: Observed<PingAnswer> | undefined;
  #profiles: Evidence['profiles'];
  #timeSource: Evidence['timeSource'];
  #videoRunning = false;
  #phase: StreamReport['phase'] | undefined;
  #phaseAtMs = 0;
  #failure: Observed<Failure> | undefined;
  #described = false;
  /** What our own DESCRIBE said of a partner's camera. */
  #ownDescribe: Evidence['ownDescribe'];
  #lastFlowAtMs: number | undefined;
  #lastMeasureAtMs: number | undefined;
  #flowingSinceMs: number | undefined;
  #measurePeriodMs = 0;
  #clock: Observed<ClockOffset> | undefined;
  /** When ONVIF last told the clock: it says by itself how sure it is, so it goes first. */
  #onvifClock: Observed<ClockOffset> | undefined;
  #identity: Identity | undefined;
  #swap: Swap | undefined;
  #clockOff = false;
  #substreamFailure: Observed<Failure> | undefined;
  #picture: Picture = {};
  #sound: boolean | undefined;
  readonly #window = new MeasureWindow();
  readonly #substreamKeys = new KeyPictures();

  /** @param clockTrust of the clock of the box, which those of cameras are held against */
  constructor(camera: WatchedCamera, clockTrust: () => ClockTrust) {
    this.#clockTrust = clockTrust;
    this.#camera = camera;
    this.#rtspHost = camera.host;
    this.#rtspPortNumber = camera.rtsp?.port ?? RTSP_PORT;
    this.#rtspKnown = camera.rtsp !== undefined || camera.onvif === undefined;
  }

  /** The entry with what may change without forgetting anything. */
  set camera(camera: WatchedCamera) {
    this.#camera = camera;
  }

  /** Where the stream port is; undefined until ONVIF has said so. */
  get rtspAddress(): { readonly host: string; readonly port: number } | undefined {
    return this.#rtspKnown ? { host: this.#rtspHost, port: this.#rtspPortNumber } : undefined;
  }

  /** What the camera said of itself when the stream was described. */
  get picture(): Picture {
    return this.#picture;
  }

  /** Whether the stream that is pulled or described comes with sound. */
  get sound(): boolean | undefined {
    return this.#sound;
  }

  /** Nothing speaks against its ONVIF side. */
  get onvifIsWell(): boolean {
    const answer = this.#onvifPort?.value ?? 'open';
    return answer === 'open' && this.#onvifFailures === 0;
  }

  evidence(
    now: Pick<Evidence, 'ourselvesLate' | 'probing' | 'picture' | 'undeliverable' | 'lawBreaches'>,
  ): Evidence {
    return {
      host: this.#camera.host,
      rtspPortNumber: this.#rtspPortNumber,
      onvifPortNumber: this.#camera.onvif?.port,
      videoRunning: this.#videoRunning,
      ...now,
      rtspPort: this.#rtspPort,
      rtspBackAtMs: this.#rtspBackAtMs,
      onvifPort: this.#onvifPort,
      onvifFailure: this.#onvifFailures >= ONVIF_FAILURES ? this.#onvifFailure : undefined,
      ping: this.#ping,
      onvifWorked: this.#onvifWorked,
      onvifUnsteady: this.#steadiness.unsteady,
      login: this.#login(),
      hasLogin: this.#camera.credentials !== undefined,
      streamLogin: this.#streamLogin,
      onvifLogin: this.#onvifLogin,
      identity: this.#identity,
      profile: this.#camera.onvif?.profile,
      profiles: this.#profiles,
      timeSource: this.#timeSource,
      phase: this.#phase,
      failure: this.#failure,
      described: this.#described,
      leased: this.#camera.regime === 'leased',
      ownDescribe: this.#ownDescribe,
      lastFlowAtMs: this.#lastFlowAtMs,
      flowingSinceMs: this.#flowingSinceMs,
      lastMeasureAtMs: this.#lastMeasureAtMs,
      measurePeriodMs: this.#measurePeriodMs,
      swap: this.#swap,
      clock: this.#clock,
      clockOff: this.#clockOff,
      lossy: this.#window.lossy,
      lossIsOurs: this.#window.lossIsOurs,
      lowRate: this.#window.lowRate,
      keyless: this.#window.keyless,
      substreamFailure: this.#substreamFailure,
    };
  }

  /** What is told of the sub-stream, where one is pulled. */
  substream({ phase, code, detail }: StreamReport, atMs: number): void {
    if (phase === 'failed' || phase === 'stalled')
      this.#substreamFailure = { value: { code: code ?? 'internal', detail }, atMs };
    if (phase === 'stopped') this.#substreamFailure = undefined;
    if (phase !== 'playing') this.#substreamKeys.reset();
  }

  /** What is measured of the sub-stream. */
  substreamMeasure(report: MeasureReport, atMs: number): void {
    this.#substreamKeys.take(report);
    if (this.#substreamKeys.tooFew)
      this.#substreamFailure = { value: { code: 'camera-no-key-picture', detail: KEYLESS }, atMs };
    else if (report.frames > 0) this.#substreamFailure = undefined;
  }

  /** Where the stream really is, as its URL says: an IPv6 host in brackets, port 0 where none is named. */
  streamAddress(urlHost: string, urlPort: number): void {
    const host = urlHost.replace(/^\[(.*)\]$/, '$1');
    const port = urlPort || RTSP_PORT;
    this.#rtspKnown = true;
    if (host === this.#rtspHost && port === this.#rtspPortNumber) return;
    this.#rtspHost = host;
    this.#rtspPortNumber = port;
    this.#rtspPort = undefined;
    this.#rtspBackAtMs = undefined;
  }

  video(running: boolean): void {
    if (running === this.#videoRunning) return;
    this.#videoRunning = running;
    this.#forgetStream();
  }

  stream(report: StreamReport, nowMs: number): void {
    this.#videoRunning = true;
    this.#enter(report.phase, nowMs);
    const { codec, width, height } = report;
    this.#picture = {
      ...this.#picture,
      ...(codec && { codec }),
      ...(width && { width }),
      ...(height && { height }),
    };
    this.#sound = report.sound ?? this.#sound;
    if (report.phase === 'failed' || report.phase === 'stalled') this.#fail(report, nowMs);
    if (report.phase === 'described' || report.phase === 'playing') this.#describe();
    if (report.phase === 'stopped') this.#forgetStream();
  }

  measure(report: MeasureReport, limits: HealthLimits, nowMs: number): void {
    this.#videoRunning = true;
    this.#lastMeasureAtMs = nowMs;
    this.#measurePeriodMs = report.periodMs;
    if (report.frames > 0 && this.#mayFlow(report, nowMs)) this.#flow(report, nowMs);
    const time = timeOf(report);
    if (time && !fresh(this.#onvifClock, limits, nowMs))
      this.#judgeClock(time, limits.clockOffsetLimitMs, nowMs);
    if (this.#phase === 'playing') this.#window.take(report, this.#camera.minFps, limits.lossLimitPercent);
  }

  rtspAnswered(value: PortAnswer, atMs: number): void {
    const before = this.#rtspPort?.value;
    if (value !== 'open') this.#rtspBackAtMs = undefined;
    else if (before !== undefined && before !== 'open') this.#rtspBackAtMs = atMs;
    this.#rtspPort = { value, atMs };
  }

  /** The camera described its stream to us. */
  describedAs({ codec, sound }: Pick<VideoTrack, 'codec' | 'sound'>, atMs: number): void {
    this.#sound = sound;
    this.#ownDescribe = { value: 'described', atMs };
    this.#streamLogin = 'accepted';
    this.#picture = { ...this.#picture, codec };
  }

  notDescribed(value: Failure, atMs: number): void {
    this.#ownDescribe = { value, atMs };
    this.#streamLogin = LOGIN_OF_CODE[value.code] ?? this.#streamLogin;
  }

  onvifAnswered(value: PortAnswer, atMs: number): void {
    this.#onvifPort = { value, atMs };
  }

  pinged(value: PingAnswer, atMs: number): void {
    this.#ping = { value, atMs };
  }

  /** What the camera says of its profiles and its time servers. */
  profiles(value: NonNullable<Evidence['profiles']>['value'], atMs: number): void {
    this.#profiles = { value, atMs };
  }

  timeSource(value: NonNullable<Evidence['timeSource']>['value'], atMs: number): void {
    this.#timeSource = { value, atMs };
  }

  onvifWorks(atMs: number): void {
    this.onvifAnswered('open', atMs);
    this.#steadiness.worked();
    this.#onvifWorked = { value: true, atMs };
    this.#onvifFailures = 0;
    this.#onvifFailure = undefined;
  }

  onvifFailed(value: Failure, atMs: number): void {
    this.#onvifFailures += 1;
    this.#steadiness.failed();
    this.#onvifFailure = { value, atMs };
  }

  /** What ONVIF says of the clock. */
  clock(value: ClockOffset, limitMs: number, atMs: number): void {
    this.#onvifClock = { value, atMs };
    this.#judgeClock(value, limitMs, atMs);
  }

  /**
   * An offset is a fault when it is certain, and no longer one when it is certainly within the limit. Against a clock of the
   * box that nobody believes nothing is measured: it would be every camera that is wrong.
   */
  #judgeClock(value: ClockOffset, limitMs: number, atMs: number): void {
    if (this.#clockTrust() === 'untrusted') return;
    this.#clock = { value, atMs };
    const offMs = Math.abs(value.offsetMs);
    if (offMs - value.uncertaintyMs > limitMs) this.#clockOff = true;
    if (offMs + value.uncertaintyMs <= limitMs) this.#clockOff = false;
  }

  onvifLoginAccepted(): void {
    this.#onvifLogin = 'accepted';
  }

  /** The camera said what it is. */
  identified(identity: Identity, swap: Swap | undefined): void {
    this.#identity = identity;
    this.#swap = swap;
  }

  /** What the camera said it is. */
  get identity(): Identity | undefined {
    return this.#identity;
  }

  onvifLoginFailed(code: Code): void {
    this.#onvifLogin = LOGIN_OF_CODE[code] ?? this.#onvifLogin;
  }

  /** The worse of what the stream and ONVIF met: one password, two doors. */
  #login(): LoginState {
    if (!this.#camera.credentials) return 'not-asked';
    const both = [this.#streamLogin, this.#onvifLogin];
    return (['latched', 'refused', 'accepted'] as const).find((state) => both.includes(state)) ?? 'unknown';
  }

  #enter(phase: StreamReport['phase'], nowMs: number): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#phaseAtMs = nowMs;
    if (phase !== 'playing') {
      this.#flowingSinceMs = undefined;
      this.#window.reset();
    }
  }

  #fail(report: StreamReport, atMs: number): void {
    const code = report.code ?? (report.phase === 'stalled' ? 'camera-stalled' : 'internal');
    this.#failure = { value: { code, detail: report.detail }, atMs };
    this.#streamLogin = LOGIN_OF_CODE[code] ?? this.#streamLogin;
    if (report.phase === 'failed') this.#described = false;
  }

  #describe(): void {
    this.#described = true;
    this.#streamLogin = 'accepted';
  }

  /** A measure may still hold pictures from before the stream stalled or began anew. */
  #mayFlow(report: MeasureReport, nowMs: number): boolean {
    if (this.#phase === 'playing' || this.#phase === undefined) return true;
    return nowMs - this.#phaseAtMs > report.periodMs + AFTER_STALL_MS;
  }

  #flow(report: MeasureReport, nowMs: number): void {
    this.#enter('playing', nowMs);
    this.#flowingSinceMs ??= Math.max(this.#phaseAtMs, nowMs - report.periodMs);
    this.#lastFlowAtMs = nowMs;
    this.#failure = undefined;
    this.#rtspPort = undefined; // pictures prove more than any answer before them
    this.#rtspBackAtMs = undefined;
    this.#describe();
  }

  #forgetStream(): void {
    this.#phase = undefined;
    this.#failure = undefined;
    this.#substreamFailure = undefined;
    this.#described = false;
    this.#lastFlowAtMs = undefined;
    this.#lastMeasureAtMs = undefined;
    this.#flowingSinceMs = undefined;
    this.#window.reset();
  }
}
