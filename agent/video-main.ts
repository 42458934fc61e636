import { randomBytes, sign } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from './base/clock.ts';
import { asBeffroiError, type BeffroiError } from './base/errors.ts';
import { readPem } from './base/files.ts';
import { type Service, ServiceGroup } from './base/lifecycle.ts';
import { createLog, type Log } from './base/log.ts';
import { BytePool } from './base/pool.ts';
import { Rest } from './base/rest.ts';
import { SlabPool } from './base/slab-pool.ts';
import { SOFTWARE } from './base/software.ts';
import { Standstill } from './base/standstill.ts';
import { pullStream } from './camera/rtsp/pull.ts';
import { defaultStreamOptions } from './camera/rtsp/stream.ts';
import { UdpTrials } from './camera/rtsp/udp-trials.ts';
import { untilRight } from './cli/installed.ts';
import { SystemdNotifier } from './cli/systemd.ts';
import { type BoxFile, readBoxFile } from './config/box-file.ts';
import { mediaTopic } from './contract/topics.ts';
import type { VideoToAgent } from './contract/video-link.ts';
import { BrokerClient } from './uplink/client.ts';
import { Backbone } from './video/backbone/backbone.ts';
import type { MakeDestination } from './video/camera-destinations.ts';
import type { PullStream } from './video/camera-stream.ts';
import { EachMinute } from './video/each-minute.ts';
import { VideoEngine } from './video/engine.ts';
import { LateLeases } from './video/late-leases.ts';
import { LeaseLines } from './video/lease-lines.ts';
import { LinkClient } from './video/link-client.ts';
import { MqttDestination } from './video/mqtt-destination.ts';
import { PermitDesk } from './video/permit-desk.ts';
import { KeyFrameDecoder } from './video/picture/decoder.ts';
import { PictureDesk } from './video/picture/picture-desk.ts';
import { RtspDestination } from './video/rtsp-destination.ts';
import { ViewKeeper } from './video/views.ts';

export interface VideoOptions {
  /** The box file. */
  readonly config: string;
  /** The agent runs this process as its child: it ends when the agent does, however that ends. */
  readonly withParent: boolean;
}

const clock = systemClock;
const random = Math.random;
/** Pictures of the commune's own cameras. */
const pool = new SlabPool();
/** Those of partners: apart, and gone when nobody holds them. */
const leasedPool = new BytePool();
/** Source: measured with 20 cameras; a fragment is four times as long as the longest rest. */
const rest = new Rest({ leastMs: 20, perStreamMs: 3, mostMs: 60 });
/** A broker has little to say to a connection without subscriptions; one that floods must hold up no camera. Source: guess. */
const READING_SHARE = 0.05;
const standstill = new Standstill(clock);
const udpTrials = new UdpTrials(clock);

/**
 * Runs the video plane until a signal ends it. The first SIGTERM or SIGINT is polite, the second ends at once.
 * @returns the exit code
 */
export async function runVideo(options: VideoOptions): Promise<number> {
  const firstLog = createLog('info').child({ plane: 'video' });
  const stopping = new AbortController();
  endBySignals(stopping, firstLog);
  if (options.withParent) endWithParent(stopping);
  const environment = options.withParent ? {} : process.env;
  const box = await untilRight(() => readBoxFile(options.config), firstLog, environment, stopping.signal);
  if (!box) return 0;
  const log = createLog(box.logLevel).child({ plane: 'video' });
  const plane = videoPlane(box, log, environment);
  await plane.start(stopping.signal);
  log.info({ site: box.site, software: SOFTWARE, pid: process.pid }, 'video plane started');
  if (!stopping.signal.aborted) {
    await new Promise((resolve) => stopping.signal.addEventListener('abort', resolve, { once: true }));
  }
  await plane.stop();
  log.info('video plane stopped');
  return 0;
}

/** The parts of the plane in the order of the flow: cameras, fragments, broker; and the agent beside them. */
function videoPlane(box: BoxFile, log: Log, environment: NodeJS.ProcessEnv): Service {
  const ways = {
    ...{ brokers: box.brokers, plainLoopback: box.plainLoopback, readingShare: READING_SHARE },
    ...(box.tls ? { tls: box.tls } : {}),
  };
  const broker = new BrokerClient(
    { clock, log, random },
    { ...ways, clientId: `${box.site}-video`, subscriptions: [] },
  );
  const desk = new PermitDesk();
  const tell = (message: VideoToAgent) => link.send(message);
  const decoder = new KeyFrameDecoder({ clock }, { program: box.decoder });
  const pictures = new PictureDesk({
    log,
    decode: (codec, stream, signal) => decoder.decode(codec, stream, signal),
    report: tell,
  });
  const media = { mediaOriginMs: Number(process.hrtime.bigint()) / 1e6 - clock.monotonicMs() };
  const pullingInto = (memory: BytePool) => ({
    ...{ clock, log, random, pool: memory, permits: desk },
    ...{ pull: pictures.watching(pullBy(log, memory)), report: tell },
  });
  const backbone = new Backbone({ clock, log, report: tell });
  const engine = new VideoEngine(
    { ...pullingInto(pool), backbone, destination: destinationBy(broker, box, log) },
    media,
  );
  const views = new ViewKeeper({ clock, engine, report: tell });
  const lines = new LeaseLines(
    { ...{ clock, log, random }, sent: (bytes) => backbone.leased(bytes) },
    { ...ways, site: box.site },
  );
  const startedMs = clock.monotonicMs();
  const leases = new LateLeases({
    tell,
    load: async () => {
      const { LeaseKeeper } = await import('./video/lease-keeper.ts');
      const { readSigningKeys } = await import('./config/box-keys.ts');
      const keys = async () => {
        const { keyring, signKey } = await readSigningKeys(box);
        return { keyring, sign: (bytes: Buffer) => sign(null, bytes, signKey.privateKey) };
      };
      const needs = { ...pullingInto(leasedPool), line: () => lines.open(), keys, tell };
      return new LeaseKeeper(needs, { ...media, site: box.site, startedMs });
    },
  });
  const hours = new EachMinute('hours of destinations', clock, () => engine.reviewHours());
  let brokerError: BeffroiError | undefined;
  const link = new LinkClient(
    {
      ...{ clock, log, random, desk },
      orders: {
        setCameras: (cameras) => engine.setCameras(cameras),
        setViews: (list) => views.setViews(list),
        setBackbone: (order) => backbone.set(order),
        restart: (camera) => engine.restart(camera),
      },
      leases,
      pictures,
      standing: () => [
        ...backbone.standing(),
        ...engine.standing(),
        ...views.standing(),
        ...leases.standing(),
      ],
      alive: () => alive(broker, brokerError),
    },
    { socketPath: join(box.runtimeFolder, 'video.sock'), software: SOFTWARE },
  );
  broker.listen({
    up: () => link.tellAlive(),
    down: (error) => {
      brokerError = error;
      link.tellAlive();
    },
  });
  const systemd = new SystemdNotifier({ clock, log, parts: [engine, broker] }, environment);
  const parts = [standstill, broker, pictures, backbone, engine, views, leases, hours, link, systemd];
  return new ServiceGroup('video plane', parts, clock);
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

function endBySignals(stopping: AbortController, log: Log): void {
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping.signal.aborted) process.exit(1);
    log.info({ signal }, 'stopping; a second signal ends at once');
    stopping.abort();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

/** The parent holds the other end of standard input, which closes with it. */
function endWithParent(stopping: AbortController): void {
  process.stdin.on('error', () => stopping.abort());
  process.stdin.on('close', () => stopping.abort());
  process.stdin.resume();
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      config: { type: 'string', default: '/etc/beffroi/box.json' },
      'with-parent': { type: 'boolean', default: false },
    },
  });
  runVideo({ config: values.config, withParent: values['with-parent'] }).then(
    (code) => process.exit(code),
    (thrown: unknown) => {
      const error = asBeffroiError(thrown);
      console.error(`beffroi video: ${error.code}: ${error.message}`);
      process.exit(1);
    },
  );
}
