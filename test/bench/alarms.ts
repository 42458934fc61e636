import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import { desiredConfigTopic } from '../../agent/contract/topics.ts';
import { openStore, type SqliteStore } from '../../agent/store/open-store.ts';
import { signConfiguration } from '../../provisioning/sign.ts';
import { TestBox } from '../support/box.ts';
import { SimulatedCamera } from '../support/camera/camera.ts';
import { seededRandom } from '../support/camera/random.ts';
import { Centre } from '../support/centre.ts';
import { clip } from '../support/clips.ts';
import { pssMb } from '../support/processes.ts';
import type { Subscriber } from '../support/subscriber.ts';
import type { Figures } from './main.ts';

const SITE = '57463-mairie';
const LOGIN = { user: 'beffroi', password: 'a long password' };
const INPUTS = Array.from({ length: 8 }, (_, index) => `input-${index + 1}`);
const TRANSITIONS = 500;
const APPENDS = 2_000;
const BACKLOG = 100_000;
const KILLS = 5;
const LOOK_MS = 20;

interface Run {
  readonly camera: SimulatedCamera;
  readonly centre: Centre;
  readonly csu: Subscriber;
  readonly box: TestBox;
  readonly stateFolder: string;
}

interface AlarmMessage {
  readonly id: string;
  readonly seq: number;
  readonly point: string;
  readonly transition: string;
}

/**
 * From a camera's digital input to a subscriber through Mosquitto with TLS 1.3, every event on disk before it is sent;
 * then a backlog that is drained while the agent is killed. Camera and subscriber share the process of the bench.
 */
export async function alarms(): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'bfr-bench-'));
  const camera = new SimulatedCamera({ name: 'Quai', clip: clip('h264-small'), ...LOGIN, inputs: INPUTS });
  await camera.start();
  const centre = await Centre.create(folder);
  const csu = await centre.subscriber([`csu/v1/${SITE}/+/event/alarm`]);
  const box = await TestBox.enrol(centre.csu, folder, { site: SITE, brokers: [centre.broker.url] });
  const run = { camera, centre, csu, box, stateFolder: join(folder, 'state') };
  try {
    await begin(run);
    const latency = await latencies(run);
    const beforeMb = await pssMb(box.pid ?? 0);
    await box.stop();
    return { ...latency, ...persisting(join(folder, 'other')), ...(await draining(run, beforeMb)) };
  } finally {
    await box.stop();
    await csu.close();
    await centre.end();
    await camera.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function begin({ box, centre, csu, camera }: Run): Promise<void> {
  const { jws } = await signConfiguration(centre.csu, { site: SITE, configuration: configuration(camera) });
  await csu.publish(desiredConfigTopic(SITE), jws, { retain: true });
  box.start();
  await box.until(
    'every point clear',
    ({ alarms: all }) => all.length === INPUTS.length && all.every(({ state }) => state === 'cleared'),
    60_000,
  );
}

/** One transition at a time, at odd moments. */
async function latencies({ camera, csu }: Run): Promise<Figures> {
  const random = seededRandom(7);
  const took: number[] = [];
  for (let n = 0; n < TRANSITIONS; n += 1) {
    const seen = csu.received.length;
    const beganMs = performance.now();
    camera.setInput(INPUTS[n % INPUTS.length] ?? '', Math.floor(n / INPUTS.length) % 2 === 0);
    const message = await csu.until('the alarm', () => csu.received[seen]);
    took.push(message.atMs - beganMs);
    await delay(random() * 20);
  }
  took.sort((a, b) => a - b);
  const share = (p: number) => ({ value: rounded(took[Math.floor(took.length * p)] ?? 0), unit: 'ms' });
  return { source_to_csu_ms_p50: share(0.5), source_to_csu_ms_p99: share(0.99) };
}

/** Events that become durable one by one. */
function persisting(folder: string): Figures {
  const store = opened(folder);
  const beganMs = performance.now();
  for (let n = 0; n < APPENDS; n += 1) append(store, n);
  const seconds = (performance.now() - beganMs) / 1000;
  store.close();
  return { persist_per_s: { value: Math.round(APPENDS / seconds), unit: '1/s' } };
}

/** A backlog, once in peace for the rate, once with kills for what arrives. */
async function draining(run: Run, beforeMb: number): Promise<Figures> {
  const { box } = run;
  const peaceful = fill(run.stateFolder);
  const seen = run.csu.received.length;
  box.start();
  const last = await heard(run, peaceful, seen);
  const seconds = (last - (run.csu.received[seen]?.atMs ?? 0)) / 1000;
  await delay(2_000);
  const growthMb = (await pssMb(box.pid ?? 0)) - beforeMb;
  await box.stop();

  const disturbed = fill(run.stateFolder);
  const before = run.csu.received.length;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const from = run.csu.received.length;
    box.start();
    while (run.csu.received.length < from + BACKLOG / 20) await delay(LOOK_MS);
    await box.kill();
  }
  box.start();
  await heard(run, disturbed, before);
  return {
    drain_per_s: { value: Math.round(BACKLOG / seconds), unit: '1/s' },
    ...account(run.csu, new Set([...peaceful, ...disturbed])),
    kills: { value: KILLS, unit: '' },
    rss_growth_mb: { value: rounded(growthMb), unit: 'MB' },
  };
}

/** Resolves with the time at which the last of these events came. */
async function heard({ csu }: Run, ids: readonly string[], from: number): Promise<number> {
  const missing = new Set(ids);
  for (let read = from; missing.size > 0; await delay(LOOK_MS)) {
    for (; read < csu.received.length; read += 1) missing.delete(idOf(csu, read));
  }
  return csu.received.at(-1)?.atMs ?? 0;
}

function idOf(csu: Subscriber, index: number): string {
  return (JSON.parse(csu.received[index]?.payload.toString() ?? '{}') as AlarmMessage).id;
}

/** What a subscriber has that forgets repeated ids. */
function account(csu: Subscriber, wanted: ReadonlySet<string>): Figures {
  const events = new Map(csu.json<AlarmMessage>('/event/alarm').map((event) => [event.id, event]));
  const lost = [...wanted].filter((id) => !events.has(id)).length;
  const numbers = new Set([...events.values()].map(({ seq }) => seq));
  return {
    lost: { value: lost, unit: 'events' },
    duplicated_after_dedupe: { value: events.size - numbers.size, unit: 'events' },
  };
}

function fill(folder: string): string[] {
  const store = opened(folder);
  const ids: string[] = [];
  for (let done = 0; done < BACKLOG; done += 1_000) {
    store.transaction(() => {
      for (let n = 0; n < 1_000; n += 1) ids.push(append(store, done + n));
    });
  }
  store.close();
  return ids;
}

function append(store: SqliteStore, n: number): string {
  const id = randomUUID();
  const point = `pt-input-${(n % INPUTS.length) + 1}`;
  store.outbox.append((seq) => ({
    id,
    class: 'intrusion',
    topic: `csu/v1/${SITE}/${point}/event/alarm`,
    payload: JSON.stringify({
      ...{
        v: 1,
        site: SITE,
        ts: Date.now(),
        clock: 'synced',
        boot: store.boot,
        seq,
        id,
        alarm: randomUUID(),
      },
      ...{ point, name: point, kind: 'digital-input', camera: 'cam-quai', transition: 'raised' },
      ...{ severity: 'major', source_ts: Date.now(), occurrences: n },
    }),
  }));
  return id;
}

function opened(folder: string): SqliteStore {
  const log = createLog('error', { write: () => undefined });
  const clockTrust = () => 'synced' as const;
  return openStore(folder, { clock: systemClock, clockTrust, log, sign: () => Buffer.alloc(64) });
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

function configuration(camera: SimulatedCamera): object {
  return {
    cameras: [
      {
        id: 'cam-quai',
        name: 'Quai',
        host: '127.0.0.1',
        regime: 'continuous',
        owner: 'commune',
        credentials: { version: 1, ...LOGIN },
        onvif: { port: camera.onvifPort },
      },
    ],
    points: INPUTS.map((input) => ({
      id: `pt-${input}`,
      name: input,
      camera: 'cam-quai',
      kind: 'digital-input',
      input,
    })),
    alarms: { chatter: { raises: 0 } },
  };
}
