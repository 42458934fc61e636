import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from './base/clock.ts';
import { asBeffroiError, type BeffroiError } from './base/errors.ts';
import { ServiceGroup } from './base/lifecycle.ts';
import { createLog, type Log } from './base/log.ts';
import { pullStream } from './camera/rtsp/pull.ts';
import { type BoxFile, readBoxFile } from './config/box-file.ts';
import type { VideoToAgent } from './contract/video-link.ts';
import { BrokerClient } from './uplink/client.ts';
import type { PullStream } from './video/camera-stream.ts';
import { VideoEngine } from './video/engine.ts';
import { LinkClient } from './video/link-client.ts';
import { PermitDesk } from './video/permit-desk.ts';

/** Limits of one pull. Source: guess; cameras answer within a second. */
const PULL_TIMEOUTS = { connectTimeoutMs: 5_000, requestTimeoutMs: 5_000 };

const clock = systemClock;
const random = Math.random;

/** Process edge of the video plane: `--config FILE`, and `--with-parent` where the agent runs it as its child. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { config: { type: 'string' }, 'with-parent': { type: 'boolean' } },
  });
  const box = await readBoxFile(values.config ?? '/etc/beffroi/box.json');
  const log = createLog(box.logLevel).child({ plane: 'video' });
  const plane = videoPlane(box, log);
  const running = new AbortController();
  const ended = stopRequested(log, values['with-parent'] ?? false);
  await plane.start(running.signal);
  log.info({ site: box.site, pid: process.pid }, 'video plane started');
  await ended;
  running.abort();
  await plane.stop();
  log.info('video plane stopped');
}

/** The parts of the plane in the order of the flow: cameras, fragments, broker; and the agent beside them. */
function videoPlane(box: BoxFile, log: Log): ServiceGroup {
  const broker = new BrokerClient(
    { clock, log, random },
    {
      brokers: box.brokers,
      clientId: `${box.site}-video`,
      plainLoopback: box.plainLoopback,
      subscriptions: [],
      ...(box.tls ? { tls: box.tls } : {}),
    },
  );
  const desk = new PermitDesk();
  const engine = new VideoEngine(
    {
      clock,
      log,
      random,
      pull: pullBy(log),
      permits: desk,
      publisher: broker,
      report: (message) => link.send(message),
    },
    { site: box.site, mediaOriginMs: uptime() * 1000 - clock.monotonicMs() },
  );
  let brokerError: BeffroiError | undefined;
  broker.listen({
    down: (error) => {
      brokerError = error;
      engine.linkLost();
    },
  });
  const link = new LinkClient(
    {
      ...{ clock, log, random, desk },
      orders: engine,
      standing: () => engine.standing(),
      alive: () => alive(broker.connected, brokerError),
    },
    { socketPath: join(box.runtimeFolder, 'video.sock'), software: softwareVersion() },
  );
  return new ServiceGroup('video plane', [broker, engine, link], clock);
}

function pullBy(log: Log): PullStream {
  return (camera, permit, handlers, signal) => {
    const { camera: id, url, credentials, certificateSha256, stallTimeoutMs } = camera;
    const target = {
      ...{ camera: id, url },
      ...(credentials ? { credentials } : {}),
      ...(certificateSha256 ? { certificateSha256 } : {}),
    };
    return pullStream(
      target,
      permit,
      handlers,
      { clock, log, randomBytes },
      { ...PULL_TIMEOUTS, stallTimeoutMs },
      signal,
    );
  };
}

function alive(brokerConnected: boolean, brokerError: BeffroiError | undefined): VideoToAgent {
  const rssMb = Math.round(process.memoryUsage.rss() / 2 ** 20);
  const code = brokerConnected ? {} : { brokerCode: brokerError?.code ?? 'broker-unreachable' };
  return { type: 'alive', brokerConnected, rssMb, ...code };
}

function softwareVersion(): string {
  const file = findPackageJSON('..', import.meta.url);
  return file ? (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version : 'unknown';
}

/** Resolves at SIGTERM or SIGINT, or when the parent closes standard input by ending. */
function stopRequested(log: Log, withParent: boolean): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        log.info({ signal }, 'stopping; a second signal ends at once');
        resolve();
      });
    }
    if (!withParent) return;
    process.stdin.on('error', () => resolve());
    process.stdin.on('close', () => resolve());
    process.stdin.resume();
  });
}

main().then(
  () => process.exit(0),
  (thrown: unknown) => {
    const error = asBeffroiError(thrown);
    process.stderr.write(`beffroi video: ${error.code}: ${error.message}\n`);
    process.exit(1);
  },
);
