import { sign } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClockTrust } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import { BytePool } from '../../agent/base/pool.ts';
import type { Left } from '../../agent/base/send-queue.ts';
import type { StreamSource } from '../../agent/camera/fleet.ts';
import type { AccessUnit, VideoTrack } from '../../agent/camera/types.ts';
import { CommandDesk } from '../../agent/commands/desk.ts';
import { pullList } from '../../agent/config/pull-list.ts';
import type { LeaseTerms } from '../../agent/contract/lease-terms.ts';
import { MESSAGES, type MessageKey } from '../../agent/contract/messages.ts';
import type { Reporter } from '../../agent/contract/reporter.ts';
import { mediaTopic } from '../../agent/contract/topics.ts';
import {
  type AgentToVideo,
  agentToVideo,
  type LeaseOpening,
  type PulledCamera,
  type VideoToAgent,
  videoToAgent,
} from '../../agent/contract/video-link.ts';
import { openStore, type SqliteStore } from '../../agent/store/open-store.ts';
import { parseSigningKey } from '../../agent/trust/keys.ts';
import { Refusals } from '../../agent/trust/refusals.ts';
import { generateSigningKey } from '../../agent/trust/sign.ts';
import type { PullHandlers } from '../../agent/video/camera-stream.ts';
import { VideoEngine } from '../../agent/video/engine.ts';
import { LeaseKeeper } from '../../agent/video/lease-keeper.ts';
import type { LeaseLine } from '../../agent/video/lease-lines.ts';
import { MqttDestination } from '../../agent/video/mqtt-destination.ts';
import { ViewKeeper } from '../../agent/video/views.ts';
import type { VideoPort, ViewingConfiguration } from '../../agent/viewing/ports.ts';
import { ViewingRoom } from '../../agent/viewing/room.ts';
import { accessUnit } from '../support/access-unit.ts';
import { clip } from '../support/clips.ts';
import { TestClock } from '../support/test-clock.ts';
import { LEASE_KEYRING, NOW_S, termsOf } from '../trust/lease-parts.ts';
import { SITE } from '../trust/support.ts';
import { MortalStore } from './mortal.ts';

const log = createLog('error', { write: () => undefined });
export const BOX_KEY = parseSigningKey(JSON.stringify(generateSigningKey().privateJwk));
const [sps, pps] = clip('h264').parameterSets as [Buffer, Buffer];
const TRACK: VideoTrack = { codec: 'h264', clockRate: 90_000, parameterSets: { sps, pps } };

/** As the configuration says where it says nothing. */
const CREDIT_BYTES = 4 * 1024 * 1024;
const PLAYS = { transport: { interleaved: true, rtpChannel: 0, rtcpChannel: 1 }, rtpInfo: undefined };

/** What the box told. */
export interface Told {
  readonly key: MessageKey;
  readonly entity: string;
  readonly reader: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What was handed to the broker connection. */
export interface Published {
  readonly topic: string;
  readonly payload: Buffer;
  readonly atMs: number;
}

/**
 * The agent's and the video process's side of leases with a clock, a camera and a broker that the test owns. Between the
 * two go the messages of the link, as text that both check.
 */
export class World {
  readonly clock = new TestClock(NOW_S * 1000);
  readonly told: Told[] = [];
  readonly published: Published[] = [];
  readonly folder = mkdtempSync(join(tmpdir(), 'leases-'));
  clockTrust: ClockTrust = 'synced';
  linkUp = true;
  /** The connection stands, and nothing comes on it. */
  linkSilent = false;
  /** How often the other end of the link is asked, as the leases want it. */
  watchedMs = Number.POSITIVE_INFINITY;
  #heardMs = 0;
  /** Whether the broker connection of the video process takes anything. */
  brokerUp = true;
  configuration: ViewingConfiguration = configurationOf();
  store!: SqliteStore;
  mortal!: MortalStore;
  /** With which of its writes the next agent dies. */
  diesAfter = Number.POSITIVE_INFINITY;
  room!: ViewingRoom;
  desk!: CommandDesk;
  keeper: LeaseKeeper | undefined;
  /** Pulls what needs no lease, and who says what of it goes out. */
  #engine: VideoEngine | undefined;
  #views: ViewKeeper | undefined;
  /** Cameras that are asked for pictures without a lease now. */
  readonly plain = new Map<PullHandlers, string>();
  /** What the agent has found of streams, under the regimes of then. */
  #sources: readonly StreamSource[] = [];
  /** Cameras that are asked for pictures on a lease now, and how often any was. */
  readonly pulled = new Map<string, PullHandlers>();
  pulls = 0;
  /** How often pictures of leases are held now by whoever keeps them. */
  held = 0;
  /** Codes with which the video process has refused to open leases. */
  readonly refusals: string[] = [];
  /** Agent and video process hear nothing of each other, and do not know it. */
  deaf = false;
  /** Broker connections for leases that are open now. */
  lines = 0;
  #agentEnds = new AbortController();
  #videoEnds = new AbortController();
  #process = 0;
  /** The agent that runs has heard of the video process that runs. */
  #met = false;
  #pictures = 0;
  /** Leases that the video process was asked to open and of which it has told nothing since. */
  readonly #opening = new Set<string>();

  static async create(): Promise<World> {
    const world = new World();
    await world.startAgent();
    await world.startVideo();
    await world.clock.advance(1000);
    return world;
  }

  async end(): Promise<void> {
    this.#agentEnds.abort();
    this.#videoEnds.abort();
    await this.#engine?.stop();
    await this.clock.advance(1000);
    this.store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Starts it on what the one before has left on the disk. */
  async startAgent(): Promise<void> {
    const { clock } = this;
    this.#agentEnds = new AbortController();
    this.#met = false;
    const ends = this.#agentEnds.signal;
    const clockTrust = () => this.clockTrust;
    this.store = openStore(this.folder, {
      ...{ clock, clockTrust, log },
      sign: (bytes) => sign(null, bytes, BOX_KEY.privateKey),
    });
    const store = new MortalStore(this.store, this.diesAfter, () => this.#agentEnds.abort());
    this.mortal = store;
    const reporter = this.#reporter(store);
    const needs = { site: SITE, keyring: LEASE_KEYRING, clock, clockTrust, log, reporter, store };
    this.room = new ViewingRoom({
      ...needs,
      machine: { bootId: 'boot-1', uptimeMs: () => clock.monotonicMs() },
      video: this.#videoPort(ends),
      control: {
        link: () => this.#link(),
        watch: (everyMs) => {
          this.watchedMs = everyMs;
        },
      },
    });
    const refusals = new Refusals({ clock, log, reporter, register: store.register });
    this.desk = new CommandDesk({ ...needs, refusals, ports: this.#ports() });
    await this.room.start(ends);
    this.#sources = [];
    this.apply(this.configuration);
    await this.desk.start();
    this.#meet();
  }

  /** As a power cut: nothing is said or written any more. */
  async killAgent(): Promise<void> {
    this.#agentEnds.abort();
    this.keeper?.agentLost();
    await this.clock.advance(0);
    this.store.close();
  }

  /** The next agent finds an empty disk. */
  loseDatabase(): void {
    rmSync(this.folder, { recursive: true });
    mkdirSync(this.folder);
  }

  async stopAgent(): Promise<void> {
    await this.stopRoom();
    await this.killAgent();
  }

  async stopRoom(): Promise<void> {
    const stopped = this.room.stop();
    await this.clock.advance(0); // it comes to its first wait
    await this.clock.advance(2000);
    await stopped;
  }

  async startVideo(): Promise<void> {
    this.#videoEnds = new AbortController();
    this.#process += 1;
    const ends = this.#videoEnds.signal;
    this.keeper = new LeaseKeeper(
      {
        ...{
          clock: this.clock,
          log,
          random: () => 0.5,
          pool: new BytePool(),
        },
        permits: { acquire: async () => PERMIT },
        pull: (camera, _permit, handlers, signal) => this.#pull(camera, handlers, signal),
        report: () => undefined,
        line: () => this.#line(ends),
        keys: async () => ({
          keyring: LEASE_KEYRING,
          sign: (bytes) => sign(null, bytes, BOX_KEY.privateKey),
        }),
        tell: (message) => {
          if (message.type === 'channel') this.#opening.delete(message.channel);
          if (message.type === 'channel' && message.code) this.refusals.push(message.code);
          this.#toAgent(message, ends);
        },
      },
      { site: SITE, mediaOriginMs: 0, startedMs: this.clock.monotonicMs() },
    );
    await this.keeper.start(ends);
    this.#startEngine(ends);
    this.#meet();
  }

  /** Whatever its list says it may pull. */
  #startEngine(ends: AbortSignal): void {
    const { clock } = this;
    const publisher = {
      ...{ connected: true, listen: () => () => undefined, withdraw: () => undefined },
      sendNow: (_: object, topic: string, parts: readonly Buffer[], left: Left) =>
        this.#publish(topic, parts, left, ends),
    };
    this.#engine = new VideoEngine(
      {
        ...{ clock, log, random: () => 0.5, pool: new BytePool(), report: () => undefined },
        permits: { acquire: async () => PERMIT },
        pull: (camera, _permit, handlers, signal) => this.#pullPlain(camera, handlers, signal),
        backbone: { join: () => ({ offered: () => undefined, leave: () => undefined }) },
        destination: (camera, { id, creditBytes }, events) =>
          new MqttDestination(
            { clock, events, publisher },
            { id, topic: mediaTopic(SITE, camera), creditBytes },
          ),
      },
      { mediaOriginMs: 0 },
    );
    this.#views = new ViewKeeper({ clock, engine: this.#engine, report: () => undefined });
  }

  async killVideo(): Promise<void> {
    this.#videoEnds.abort();
    const ended = this.#engine?.stop();
    this.#engine = undefined;
    this.plain.clear();
    this.keeper = undefined;
    this.#opening.clear();
    this.lines = 0;
    this.pulled.clear();
    if (!this.#agentEnds.signal.aborted) this.room.onVideo(); // an agent that was killed hears nothing
    await this.clock.advance(0);
    await ended;
  }

  /** What may no longer be pulled ends first, by what was found before; then the streams are found anew. */
  apply(configuration: ViewingConfiguration): void {
    this.configuration = configuration;
    this.room.apply(configuration);
    this.#list();
    this.#sources = [...configuration.cameras].map(([camera, { regime }]) => ({
      ...{ camera, regime, profile: 'main', url: `rtsp://${camera}/`, transport: 'tcp' },
    }));
    this.#list();
  }

  /** The agent tells the video process what to pull without a lease. */
  #list(): void {
    if (!this.#met) return;
    const to = [...this.configuration.cameras.keys()].map(
      (camera) => [camera, [{ id: 'mqtt', kind: 'mqtt' as const, creditBytes: 4 * 1024 * 1024 }]] as const,
    );
    const cameras = pullList(this.#sources, {
      ...{ regimes: this.configuration.cameras, listened: new Set(), cacheBytes: 4 * 1024 * 1024 },
      destinations: { main: new Map(to.map(([camera, list]) => [camera, [...list]])), sub: new Map() },
      pulledBy: ({ regime: _, ...source }) => ({ ...source, fragmentMs: 20, stallTimeoutMs: 5000 }),
    });
    this.#toVideo(agentToVideo.parse(JSON.parse(JSON.stringify({ type: 'cameras', cameras }))));
  }

  /** One order on the command topic; resolves when it is carried out or refused. */
  async order(jws: string): Promise<void> {
    await this.desk.receive(Buffer.from(jws), false);
  }

  /** An opening at the door of the video process, past the agent. Resolves once it has said what becomes of it. */
  async forge(forged: Omit<LeaseOpening, 'creditBytes'>): Promise<void> {
    const opening = { ...forged, creditBytes: CREDIT_BYTES };
    const message = agentToVideo.parse({ type: 'lease-open', opening });
    if (!this.keeper) return;
    this.#toVideo(message);
    await this.decided();
  }

  /**
   * Resolves once the video process has said what becomes of each opening. It seals a key, which takes real time: a clock
   * that is moved on meanwhile may have outrun the lease.
   */
  async decided(): Promise<void> {
    while (this.#opening.size > 0) {
      await new Promise(setImmediate);
      await this.clock.advance(0);
    }
  }

  /** Every camera that is asked for pictures sends some: a group of five with a key picture. */
  async pictures(): Promise<void> {
    for (const handlers of [...this.pulled.values()])
      for (let number = 0; number < 5; number += 1)
        handlers.accessUnit(this.#counted(this.#picture(number === 0)));
    for (const handlers of [...this.plain.keys()])
      for (let number = 0; number < 5; number += 1) handlers.accessUnit(this.#picture(number === 0));
    await this.clock.advance(0);
  }

  #counted(unit: AccessUnit): AccessUnit {
    const hold = () => {
      this.held += 1;
    };
    const release = () => {
      this.held -= 1;
    };
    return { ...unit, hold, release };
  }

  /** The events about a camera that the CSU was told. */
  events(key: MessageKey = 'channel'): Told['fields'][] {
    return this.told.filter((one) => one.key === key).map(({ fields }) => fields);
  }

  #link(): { readonly up: boolean; readonly heardMs: number } {
    if (this.linkUp && !this.linkSilent) this.#heardMs = this.clock.monotonicMs();
    return { up: this.linkUp, heardMs: this.#heardMs };
  }

  /** Agent and video process find each other. */
  #meet(): void {
    if (!this.keeper || this.#agentEnds.signal.aborted || !this.room) return;
    this.#met = true;
    for (const message of this.keeper.standing()) this.#toAgent(message, this.#videoEnds.signal);
    this.#list();
    this.room.onVideo();
  }

  #videoPort(ends: AbortSignal): VideoPort {
    const world = this;
    const send = (message: AgentToVideo) => {
      if (!ends.aborted && this.keeper && this.#met)
        this.#toVideo(agentToVideo.parse(JSON.parse(JSON.stringify(message))));
    };
    return {
      get process() {
        return world.keeper && world.#met ? String(world.#process) : undefined;
      },
      setViews: (views) => send({ type: 'views', views: [...views] }),
      openLease: ({ camera, ...asked }) => {
        if (!this.keeper || !this.#met) return false;
        const source = {
          url: `rtsp://${camera}/`,
          transport: 'tcp' as const,
          fragmentMs: 20,
          stallTimeoutMs: 5000,
        };
        const pulled = { ...source, camera, regime: 'leased' as const };
        send({ type: 'lease-open', opening: { ...asked, camera: pulled, creditBytes: CREDIT_BYTES } });
        return true;
      },
      holdLeases: (standing) => send({ type: 'leases', standing: [...standing], clock: this.clockTrust }),
    };
  }

  #toVideo(message: AgentToVideo): void {
    if (this.deaf) return;
    if (message.type === 'lease-open' && this.keeper) {
      this.#opening.add(message.opening.lease);
      this.keeper.open(message.opening);
    }
    if (message.type === 'leases') this.keeper?.hold(message.standing, message.clock);
    if (message.type === 'cameras') this.#engine?.setCameras(message.cameras);
    if (message.type === 'views') this.#views?.setViews(message.views);
  }

  #toAgent(message: VideoToAgent, videoEnds: AbortSignal): void {
    const checked = videoToAgent.parse(JSON.parse(JSON.stringify(message)));
    if (videoEnds.aborted || this.#agentEnds.signal.aborted || this.deaf || checked.type !== 'channel')
      return;
    const { type: _, ...report } = checked;
    this.room.onReport(report);
  }

  async #pull(camera: PulledCamera, handlers: PullHandlers, signal: AbortSignal): Promise<void> {
    this.pulls += 1;
    this.pulled.set(camera.camera, handlers);
    await plays(handlers, signal);
    if (this.pulled.get(camera.camera) === handlers) this.pulled.delete(camera.camera);
  }

  async #pullPlain({ camera }: PulledCamera, handlers: PullHandlers, signal: AbortSignal): Promise<void> {
    this.plain.set(handlers, camera);
    await plays(handlers, signal);
    this.plain.delete(handlers);
  }

  #line(videoEnds: AbortSignal): LeaseLine {
    let dropped = false;
    this.lines += 1;
    return {
      ...{ connected: true, listen: () => () => undefined, withdraw: () => undefined },
      sendNow: (_, topic, parts, left) => {
        if (dropped) throw new Error('a picture was sent on the line of a lease that has ended');
        return this.brokerUp ? this.#publish(topic, parts, left, videoEnds) : 'broker-closed';
      },
      drop: () => {
        if (!dropped) this.lines -= 1;
        dropped = true;
      },
    };
  }

  #publish(topic: string, parts: readonly Buffer[], left: Left, videoEnds: AbortSignal): undefined {
    if (!videoEnds.aborted)
      this.published.push({ topic, payload: Buffer.concat(parts), atMs: this.clock.monotonicMs() });
    queueMicrotask(() => left(true, true));
  }

  #picture(key: boolean): AccessUnit {
    this.#pictures += 1;
    const slice = Buffer.concat([Buffer.from([key ? 0x65 : 0x41, 0x88]), Buffer.from('PICTURE-MARKER')]);
    return accessUnit(key ? [sps, pps, slice] : [slice], {
      ...{ key, damaged: false, rtpTime: this.#pictures * 3600 },
      receivedWallMs: this.clock.wallMs(),
      receivedMonotonicMs: this.clock.monotonicMs(),
    });
  }

  /** What the agent has told and the broker has not taken, in order: it stands on the disk. */
  get waiting(): Told[] {
    return this.store.outbox.next(0, 10_000).map(({ payload }) => JSON.parse(payload) as Told);
  }

  /** Whether the agent lives. */
  get agentLives(): boolean {
    return !this.#agentEnds.signal.aborted;
  }

  #reporter({ outbox }: Pick<MortalStore, 'outbox'>): Pick<Reporter, 'event'> {
    return {
      event: (key, entity, fields, reader) => {
        const envelope = { v: 1, site: SITE, ts: 0, clock: 'synced', boot: 1, seq: 1, id: 'event' };
        const told = { key, entity, reader, fields: MESSAGES[key].schema.parse({ ...envelope, ...fields }) };
        this.told.push(told);
        outbox.append(() => ({
          topic: `csu/v1/${SITE}/${entity}/event/${key}`,
          payload: JSON.stringify(told),
          id: '',
          class: 'technical',
        }));
      },
    };
  }

  #ports(): ConstructorParameters<typeof CommandDesk>[0]['ports'] {
    const no = () => Promise.reject(new Error('not in this world'));
    const never = () => {
      throw new Error('not in this world');
    };
    return {
      ...{
        ping: no,
        checkCamera: no,
        confirmRepair: no,
        restartStream: no,
        publishReport: never,
        takeInventory: never,
        viewing: this.room,
      },
      ...{ confirmPicture: never, resetPicture: never },
      knowsCamera: (camera) => this.configuration.cameras.has(camera),
      isLeased: (camera) => this.configuration.cameras.get(camera)?.regime === 'leased',
      missions: { knows: () => false, announce: never, cancel: never },
      alarms: {
        ...{ knowsAlarm: () => false, knowsPoint: () => false, knowsWindow: () => false },
        ...{ acknowledge: never, close: never, shelve: never, unshelve: never },
        ...{ announce: never, cancel: never, isApplied: () => false },
      },
    };
  }
}

const PERMIT = {
  tryLogin: async () => true,
  loginAccepted: () => undefined,
  loginRefused: () => undefined,
  loginUnanswered: () => undefined,
  loginUndecided: () => undefined,
  release: () => undefined,
};

/** `cam-hall` of the partner, `cam-parvis` of the commune, delivered on demand. */
export function configurationOf(
  terms: Partial<LeaseTerms> = {},
  fingerprint = 'entry-1',
): ViewingConfiguration {
  return {
    maxViewMinutes: 60,
    cameras: new Map([
      ['cam-hall', { regime: 'leased', transport: 'tcp', terms: termsOf(terms), fingerprint }],
      ['cam-parvis', { regime: 'continuous', delivery: 'on-demand' }],
    ]),
  };
}

/** A camera that plays until nobody wants it. */
async function plays(handlers: PullHandlers, signal: AbortSignal): Promise<void> {
  handlers.described(TRACK, () => ({
    ...{ rtpReceived: 0, rtpLost: 0, rtpUnread: 0, bytes: 0, framesDamaged: 0, jitterMs: 0 },
  }));
  handlers.playing(PLAYS);
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}
