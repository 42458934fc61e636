import { randomBytes, sign } from 'node:crypto';
import { join } from 'node:path';
import { machineUptimeMs, systemClock } from './base/clock.ts';
import type { BeffroiError } from './base/errors.ts';
import { readPem } from './base/files.ts';
import { type Service, ServiceGroup } from './base/lifecycle.ts';
import type { Log } from './base/log.ts';
import { BytePool } from './base/pool.ts';
import { Rest } from './base/rest.ts';
import { SlabPool } from './base/slab-pool.ts';
import { SOFTWARE } from './base/software.ts';
import { Standstill } from './base/standstill.ts';
import { pullStream } from './camera/rtsp/pull.ts';
import { defaultStreamOptions } from './camera/rtsp/stream.ts';
import { UdpTrials } from './camera/rtsp/udp-trials.ts';
import { SystemdNotifier } from './cli/systemd.ts';
import type { BoxFile } from './config/box-file.ts';
import { mediaTopic } from './contract/topics.ts';
import type { VideoToAgent } from './contract/video-link.ts';
import { BrokerClient } from './uplink/client.ts';
import { Backbone } from './video/backbone/backbone.ts';
import type { MakeDestination } from './video/camera-destinations.ts';
import type { PullStream } from './video/camera-stream.ts';
import { EachMinute } from './video/each-minute.ts';
import { VideoEngine, type VideoEngineNeeds } from './video/engine.ts';
import { LateLeases } from './video/late-leases.ts';
import { LeaseLines } from './video/lease-lines.ts';
import { LinkClient } from './video/link-client.ts';
import { MqttDestination } from './video/mqtt-destination.ts';
import { PermitDesk } from './video/permit-desk.ts';
import { KeyFrameDecoder } from './video/picture/decoder.ts';
import { PictureDesk } from './video/picture/picture-desk.ts';
import { RtspDestination } from './video/rtsp-destination.ts';
import { ViewKeeper } from './video/views.ts';

const clock = systemClock;
const random = Math.random;
/** Pictures of the commune's own cameras. */
const pool = new SlabPool();
/** Those of partners: in a pool of their own, and gone when nobody holds them. */
const leasedPool = new BytePool();
/** Source: measured with 20 cameras; a fragment is four times as long as the longest rest. */
const rest = new Rest({ leastMs: 20, perStreamMs: 3, mostMs: 60 });
/** A broker has little to say to a connection without subscriptions; one that floods must hold up no camera. Source: guess. */
const READING_SHARE = 0.05;
const standstill = new Standstill(clock);
const udpTrials = new UdpTrials(clock);
const media = { mediaOriginMs: machineUptimeMs() - clock.monotonicMs() };

/** The parts of the plane in the order of the flow: cameras, fragments, broker; and the agent beside them. */
export function videoPlane(box: BoxFile, log: Log, environment: NodeJS.ProcessEnv): Service {
  const broker = new BrokerClient(
    { clock, log, random },
    { ...waysOf(box), clientId: `${box.site}-video`, subscriptions: [] },
  );
  const desk = new PermitDesk();
  const tell = (message: VideoToAgent) => link.send(message);
  const pictures = picturesOf(box, log, tell);
  const pulling: Pulling = (memory) => ({
    ...{ clock, log, random, pool: memory, permits: desk },
    ...{ pull: pictures.watching(pullBy(log, memory)), report: tell },
  });
  const backbone = new Backbone({ clock, log, report: tell });
  const engine = new VideoEngine(
    { ...pulling(pool), backbone, destination: destinationBy(broker, box, log) },
    media,
  );
  const views = new ViewKeeper({ clock, engine, report: tell });
  const leases = leasesOf(box, log, { tell, pulling, backbone });
  const hours = new EachMinute('hours of destinations', clock, () => engine.reviewHours());
  const link = linkOf(box, log, { desk, broker, pictures, backbone, engine, views, leases });
  const systemd = new SystemdNotifier({ clock, log, parts: [engine, broker] }, environment);
  const parts = [standstill, broker, pictures, backbone, engine, views, leases, hours, link, systemd];
  return new ServiceGroup('video plane', parts, clock);
}

type Tell = (message: VideoToAgent) => void;
/** What a stream is pulled with, its pictures in this memory. */
type Pulling = (memory: BytePool) => Omit<VideoEngineNeeds, 'backbone' | 'destination'>;

/** To the broker, for pictures of either regime. */
function waysOf({ brokers, plainLoopback, tls }: BoxFile) {
  return { brokers, plainLoopback, readingShare: READING_SHARE, ...(tls ? { tls } : {}) };
}

function picturesOf({ decoder: program }: BoxFile, log: Log, tell: Tell): PictureDesk {
  const decoder = new KeyFrameDecoder({ clock }, { program });
  return new PictureDesk({
    log,
    decode: (codec, stream, signal) => decoder.decode(codec, stream, signal),
    report: tell,
  });
}

/** Nothing of partners' cameras is loaded, and no key read, before the first lease. */
function leasesOf(
  box: BoxFile,
  log: Log,
  {
    tell,
    pulling,
    backbone,
  }: { readonly tell: Tell; readonly pulling: Pulling; readonly backbone: Backbone },
): LateLeases {
  const lines = new LeaseLines(
    { ...{ clock, log, random }, sent: (bytes) => backbone.leased(bytes) },
    { ...waysOf(box), site: box.site },
  );
  const startedMs = clock.monotonicMs();
  const load = async () => {
    const { LeaseKeeper } = await import('./video/lease-keeper.ts');
    const { readSigningKeys } = await import('./config/box-keys.ts');
    const keys = async () => {
      const { keyring, signKey } = await readSigningKeys(box);
      return { keyring, sign: (bytes: Buffer) => sign(null, bytes, signKey.privateKey) };
    };
    const needs = { ...pulling(leasedPool), line: () => lines.open(), keys, tell };
    return new LeaseKeeper(needs, { ...media, site: box.site, startedMs });
  };
  return new LateLeases({ tell, load });
}

/** What the agent speaks to. */
interface Parts {
  readonly desk: PermitDesk;
  readonly broker: BrokerClient;
  readonly pictures: PictureDesk;
  readonly backbone: Backbone;
  readonly engine: VideoEngine;
  readonly views: ViewKeeper;
  readonly leases: LateLeases;
}

function linkOf(
  { runtimeFolder }: BoxFile,
  log: Log,
  { desk, broker, pictures, backbone, engine, views, leases }: Parts,
): LinkClient {
  let brokerError: BeffroiError | undefined;
  const standing = () => [backbone, engine, views, leases].flatMap((part) => [...part.standing()]);
  const link = new LinkClient(
    {
      ...{ clock, log, random, desk, leases, pictures, standing },
      orders: {
        setCameras: (cameras) => engine.setCameras(cameras),
        setViews: (list) => views.setViews(list),
        setBackbone: (order) => backbone.set(order),
        restart: (camera) => engine.restart(camera),
      },
      alive: () => alive(broker, brokerError),
    },
    { socketPath: join(runtimeFolder, 'video.sock'), software: SOFTWARE },
  );
  broker.listen({
    up: () => link.tellAlive(),
    down: (error) => {
      brokerError = error;
      link.tellAlive();
    },
  });
  return link;
}

function destinationBy(broker: BrokerClient, box: BoxFile, log: Log): MakeDestination {
  const authorities = async () => (box.tls ? await readPem(box.tls.authorities) : undefined);
  return (camera, destination, events) => {
    const { id, creditBytes } = destination;
    if (destination.kind === 'mqtt') {
      const topic = mediaTopic(box.site, camera);
      return new MqttDestination({ clock, events, publisher: broker }, { id, topic, creditBytes });
    }
    const { url, credentials, certificateSha256 } = destination;
    const target = {
      ...{ url },
      ...(credentials ? { credentials } : {}),
      ...(certificateSha256 ? { certificateSha256 } : {}),
    };
    return new RtspDestination(
      { clock, log, random, randomBytes, events, authorities },
      { id, camera, target, creditBytes },
    );
  };
}

function pullBy(log: Log, memory: BytePool): PullStream {
  return (camera, permit, handlers, signal) => {
    const { camera: id, url, credentials, certificateSha256, stallTimeoutMs, transport } = camera;
    const target = {
      ...{ camera: id, url },
      ...(credentials ? { credentials } : {}),
      ...(certificateSha256 ? { certificateSha256 } : {}),
    };
    const needs = { clock, log, randomBytes, pool: memory, rest, standstill, udpTrials };
    const options = { ...defaultStreamOptions, stallTimeoutMs, transport };
    return rest.during(() => pullStream(target, permit, handlers, needs, options, signal));
  };
}

function alive({ connected, line }: BrokerClient, brokerError: BeffroiError | undefined): VideoToAgent {
  const rssMb = Math.round(process.memoryUsage.rss() / 2 ** 20);
  const code = connected ? {} : { brokerCode: brokerError?.code ?? 'broker-unreachable' };
  return { type: 'alive', brokerConnected: connected, rssMb, ...code, ...(line && { line }) };
}
