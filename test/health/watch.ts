import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClockTrust } from '../../agent/base/clock.ts';
import { DeviceError } from '../../agent/base/errors.ts';
import { createLog } from '../../agent/base/log.ts';
import type { ClockOffset } from '../../agent/camera/onvif/system-time.ts';
import type { TimeSource } from '../../agent/camera/onvif/time-source.ts';
import type { PingAnswer } from '../../agent/camera/ping.ts';
import type { Probe } from '../../agent/camera/probe.ts';
import type { VideoTrack } from '../../agent/camera/types.ts';
import type { HealthLimits } from '../../agent/health/evidence.ts';
import type { StreamReport, WatchedCamera } from '../../agent/health/evidence-keeper.ts';
import type { Identity } from '../../agent/health/identity.ts';
import type { MeasureReport } from '../../agent/health/measure-window.ts';
import { CameraHealthRoom } from '../../agent/health/room.ts';
import type { Planned } from '../../agent/health/shown.ts';
import type { DestinationReport } from '../../agent/health/undeliverable.ts';
import { openStore } from '../../agent/store/open-store.ts';
import { TestClock } from '../support/test-clock.ts';
import { Recorder } from './recorder.ts';

export const CAMERA: WatchedCamera = {
  id: 'cam-1',
  enabled: true,
  regime: 'continuous',
  name: 'Place de la mairie',
  owner: 'commune',
  host: '192.0.2.1',
  minFps: 0,
  pictureCheck: 'fixed',
  credentials: { version: 1 },
  onvif: { port: 80 },
  rtsp: { port: 554 },
};

export const LIMITS: HealthLimits = {
  probeIntervalS: 30,
  stallTimeoutMs: 3000,
  clockOffsetLimitMs: 2000,
  lossLimitPercent: 2,
  pictureIntervalS: 60,
  rateWindowS: 10,
  ping: true,
  timeServers: [],
};

/** A network that answers as the test says; times of the camera likewise. */
export interface Network {
  rtsp: Probe['result'];
  onvif: Probe['result'];
  offset: ClockOffset;
  serial: string;
  login: 'accepted' | 'camera-login-refused' | 'camera-latched';
  /** What DESCRIBE meets. */
  described: 'yes' | 'camera-not-found' | 'camera-login-refused';
  describes: number;
  probes: number;
  sound: boolean;
  /** Each call of this number, and its multiples, is cut. */
  cutsEach: number;
  ping: PingAnswer | undefined;
  ntp: TimeSource | undefined;
  masks: { readonly count: number; readonly sha256: string } | undefined;
  card: { readonly recordings: number; readonly keptDays: number | undefined } | undefined;
  /** Where a port was probed last, other than the ONVIF port. */
  target: string;
  /** How long this process stood still while it waited for a port. */
  standStillMs: number;
}

interface Target {
  readonly host: string;
  readonly port: number;
}

export class Watch {
  readonly clock: TestClock;
  readonly recorder: Recorder;
  readonly network: Network = {
    rtsp: 'open',
    onvif: 'open',
    offset: { offsetMs: 20, uncertaintyMs: 5 },
    serial: 'A-1',
    login: 'accepted',
    described: 'yes',
    describes: 0,
    probes: 0,
    sound: false,
    cutsEach: 0,
    ping: 'not-allowed',
    ntp: undefined,
    masks: undefined,
    card: undefined,
    target: '',
    standStillMs: 0,
  };
  /** Looks at pictures that were asked for, with their time. */
  readonly looks: [camera: string, atMs: number, confirms: boolean][] = [];
  /** How far the clock of the box is believed. */
  trust: ClockTrust = 'synced';
  /** Announced work on the camera. */
  planned: Planned | undefined;
  readonly folder: string;
  readonly store;
  readonly room: CameraHealthRoom;
  readonly #stop = new AbortController();
  #calls = 0;

  constructor(folder = mkdtempSync(join(tmpdir(), 'health-')), clock = new TestClock()) {
    this.folder = folder;
    this.clock = clock;
    this.recorder = new Recorder(clock);
    const log = createLog('error', { write: () => undefined });
    this.store = openStore(folder, { clock, clockTrust: () => 'synced', log, sign: () => Buffer.alloc(64) });
    this.room = new CameraHealthRoom({
      clock,
      random: () => 0.5,
      log,
      reporter: this.recorder,
      memory: this.store.memory,
      clockTrust: () => this.trust,
      tcp: (target, _clock, signal, timeoutMs = 0) => this.#port(target, signal, timeoutMs),
      ping: async () => this.network.ping,
      describe: async () => this.#describe(),
      planned: (camera) => (camera === CAMERA.id ? this.planned : undefined),
      look: (camera, confirms) => this.looks.push([camera, clock.monotonicMs(), confirms]) > 0,
      onvif: () => ({
        systemTime: async () => this.#time(),
        deviceInformation: async () => this.#login(),
        profiles: async () => [{ token: 'p1', hasAudio: this.network.sound }],
        timeSource: async () => this.network.ntp,
        masks: async () => this.network.masks,
        recordings: async () => this.network.card,
      }),
    });
  }

  async start(cameras: readonly WatchedCamera[] = [CAMERA], limits = LIMITS): Promise<void> {
    await this.room.start(this.#stop.signal);
    this.room.onVideo(true);
    await this.room.apply(cameras, limits);
    await this.clock.advance(0);
  }

  /** Ends as a power cut would: nothing is written at the end. */
  cut(): void {
    this.#stop.abort();
    this.store.close();
  }

  /** Ends as ordered, and leaves the folder. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.room.stop();
    this.store.close();
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get state(): Record<string, unknown> {
    return this.recorder.last('cameraHealth', CAMERA.id);
  }

  /** States that were told, in order, each once however often its layers changed. */
  get states(): string[] {
    const all = this.recorder
      .of('state', 'cameraHealth')
      .map(({ fields }) => `${fields.state}:${fields.cause}`);
    return all.filter((state, index) => state !== all[index - 1]);
  }

  stream(phase: StreamReport['phase'], more: Partial<StreamReport> = {}): void {
    this.room.onStream({ type: 'stream', camera: CAMERA.id, phase, detail: phase, ...more });
  }

  /** What the broker's topic of the camera says. */
  destination(more: Pick<DestinationReport, 'state'> & Partial<DestinationReport>): void {
    const counts = { sinceWallMs: 0, bytes: 0, frames: 0, gaps: 0, droppedFrames: 0, waitingBytes: 0 };
    this.room.onDestination({
      ...{ camera: CAMERA.id, destination: 'mqtt', kind: 'mqtt', detail: '', ...counts },
      ...more,
    });
  }

  measure(more: Partial<MeasureReport> = {}): void {
    this.room.onMeasure({ ...MEASURE, ...more });
  }

  /** Seconds that pass, each with one measure. */
  async seconds(count: number, more: Partial<MeasureReport> = {}): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      await this.clock.advance(1000);
      this.measure(more);
    }
  }

  /** The camera comes up and is well. */
  async well(): Promise<void> {
    this.stream('connecting');
    this.stream('described', { codec: 'h264', width: 1920, height: 1080 });
    this.stream('playing');
    await this.seconds(3);
  }

  /** A port that does not answer takes all the time that it is given. */
  async #port({ host, port }: Target, signal: AbortSignal, timeoutMs: number): Promise<Probe> {
    this.network.probes += 1;
    const isOnvif = port === CAMERA.onvif?.port;
    if (!isOnvif) this.network.target = `${host} ${port}`;
    const { onvif, rtsp, standStillMs } = this.network;
    const result = isOnvif ? onvif : rtsp;
    if (result !== 'unreachable') return { result, roundTripMs: 1 };
    await this.clock.sleep(timeoutMs + standStillMs, signal);
    return { result, roundTripMs: timeoutMs + standStillMs };
  }

  #time(): ClockOffset {
    this.#calls += 1;
    if (this.#calls % this.network.cutsEach === 0) throw new DeviceError('camera-silent', 'cam-1: cut');
    if (this.network.onvif === 'open') return this.network.offset;
    throw new DeviceError('camera-unreachable', 'cam-1: no answer');
  }

  #describe(): VideoTrack {
    this.network.describes += 1;
    if (this.network.described === 'yes')
      return { codec: 'h264', clockRate: 90_000, parameterSets: {}, sound: this.network.sound };
    throw new DeviceError(this.network.described, 'cam-1: no description');
  }

  #login(): Identity {
    const { serial } = this.network;
    if (this.network.login === 'accepted')
      return { manufacturer: 'Maker', model: 'M1', firmware: '1.0', serial };
    throw new DeviceError(this.network.login, 'cam-1: refused');
  }
}

export const MEASURE: MeasureReport = {
  type: 'measure',
  camera: CAMERA.id,
  periodMs: 1000,
  frames: 25,
  keyFrames: 1,
  bytes: 500_000,
  gopFrames: 25,
  keyIntervalMs: 1000,
  jitterMs: 2,
  rtpReceived: 400,
  rtpLost: 0,
  rtpUnread: 0,
  framesDamaged: 0,
  timestampRepairs: 0,
  gopsUncached: 0,
  forwardedBytes: 510_000,
  droppedFrames: 0,
};
