import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { desiredConfigTopic } from '../../agent/contract/topics.ts';
import { signConfiguration } from '../../provisioning/sign.ts';
import { TestBox } from '../support/box.ts';
import { SimulatedCamera } from '../support/camera/camera.ts';
import { seededRandom } from '../support/camera/random.ts';
import { Centre } from '../support/centre.ts';
import { clip } from '../support/clips.ts';
import { cpuSeconds, pssMb } from '../support/processes.ts';
import { configurationOf, LOGIN } from '../support/scene.ts';
import type { Subscriber } from '../support/subscriber.ts';
import { append, fill, opened, syncing } from './backlog.ts';
import { BenchReceiver, type PrintedAlarm } from './bench-receiver.ts';
import { BOXES, hundredReturn } from './hundred.ts';
import type { Figures } from './main.ts';

const SITE = '57463-mairie';
const INPUTS = Array.from({ length: 8 }, (_, index) => `input-${index + 1}`);
/** A whole number of rounds over the inputs, so that all are clear at the end. */
const TRANSITIONS = 512;
const APPENDS = 2_000;
const APPENDS_BY_TURNS = 100;
const BACKLOG = 100_000;
/** Of the agent; the receiver is killed in every second round. */
const ROUNDS = 50;
const LOOK_MS = 20;
const PRINTING_MS = 10_000;
/** Looking at a draining box costs it time. */
const DRAIN_LOOK_MS = 200;
const DELIVERY = { confirm: 'receipt', resendAfterS: 5, liveWithinS: 1, backlogPerS: 10_000 };

interface Run {
  readonly folder: string;
  readonly camera: SimulatedCamera;
  readonly centre: Centre;
  /** Hears alarms and receipts through a connection of its own. */
  readonly csu: Subscriber;
  readonly receiver: BenchReceiver;
  readonly box: TestBox;
}

/**
 * From a camera's digital input through Mosquitto with TLS 1.3 to a subscriber and to `beffroi-csu receive`, whose
 * signed receipts alone make events leave the box; then a backlog, and kills of box and receiver while alarms flow.
 * Camera and subscriber share the process of the bench.
 */
export async function alarms(): Promise<Figures> {
  return { ...(await oneBox()), ...(await hundredBoxes()) };
}

/** Boxes that come back at once, at the rate that is in force without a word in the configuration. */
async function hundredBoxes(): Promise<Figures> {
  const { seconds, told, stored, liveMs, receiverUs } = await hundredReturn();
  return {
    backlog_boxes: { value: BOXES, unit: '' },
    backlog_drain_per_s: { value: Math.round(told / seconds), unit: '1/s' },
    backlog_live_receipt_ms_p50: quantile(liveMs, 0.5),
    backlog_live_receipt_ms_p99: quantile(liveMs, 0.99),
    backlog_cpu_us_receiver: { value: Math.round(receiverUs), unit: 'us' },
    backlog_lost: { value: told - stored, unit: 'events' },
  };
}

async function oneBox(): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'bfr-bench-'));
  const camera = new SimulatedCamera({ name: 'Quai', clip: clip('h264-small'), ...LOGIN, inputs: INPUTS });
  await camera.start();
  const centre = await Centre.create(folder, { quiet: true });
  const csu = await centre.subscriber(
    ['+/event/alarm', 'collector/ack/receipt'].map((end) => `csu/v1/${SITE}/${end}`),
  );
  const box = await TestBox.enrol(centre.csu, folder, { site: SITE, brokers: [centre.broker.url] });
  const receiver = new BenchReceiver(centre, join(folder, 'archive.db'));
  try {
    return await measured({ folder, camera, centre, csu, receiver, box });
  } finally {
    await box.stop();
    await receiver.end();
    await csu.close();
    await centre.end();
    await camera.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measured(run: Run): Promise<Figures> {
  await begin(run);
  const latency = await latencies(run);
  const beforeMb = await pssMb(run.box.pid ?? 0);
  await run.box.stop();
  const persist = persisting(join(run.folder, 'other'));
  return { ...latency, ...persist, ...(await draining(run, beforeMb)), ...(await killing(run)) };
}

async function begin({ box, centre, csu, camera, receiver }: Run): Promise<void> {
  await receiver.start();
  const { jws } = await signConfiguration(centre.csu, {
    site: SITE,
    configuration: { ...configurationOf(camera, INPUTS), delivery: DELIVERY },
  });
  await csu.publish(desiredConfigTopic(SITE), jws, { retain: true });
  box.start();
  await box.until(
    'every point clear',
    ({ alarms: all, link }) =>
      link.confirmation === 'receipt' &&
      all.length === INPUTS.length &&
      all.every(({ state }) => state === 'cleared'),
  );
}

/** One transition at a time, at odd moments: until the subscriber has the event, and until it has the receipt for it. */
async function latencies({ camera, csu }: Run): Promise<Figures> {
  const random = seededRandom(7);
  const toCsu: number[] = [];
  const toReceipt: number[] = [];
  for (let n = 0; n < TRANSITIONS; n += 1) {
    const seen = csu.received.length;
    const beganMs = performance.now();
    camera.setInput(INPUTS[n % INPUTS.length] ?? '', Math.floor(n / INPUTS.length) % 2 === 0);
    const event = await csu.until('the alarm', () => csu.received.slice(seen).find(isAlarm));
    const { id } = JSON.parse(event.payload.toString()) as PrintedAlarm;
    const receipt = await csu.until('its receipt', () =>
      csu.received.slice(seen).find((message) => !isAlarm(message) && idsIn(message.payload).includes(id)),
    );
    toCsu.push(event.atMs - beganMs);
    toReceipt.push(receipt.atMs - beganMs);
    await delay(random() * 20);
  }
  return {
    source_to_csu_ms_p50: quantile(toCsu, 0.5),
    source_to_csu_ms_p99: quantile(toCsu, 0.99),
    receipt_ms_p99: quantile(toReceipt, 0.99),
  };
}

function isAlarm({ topic }: { topic: string }): boolean {
  return topic.endsWith('/event/alarm');
}

function idsIn(jws: Buffer): string[] {
  const { payload } = JSON.parse(jws.toString()) as { payload: string };
  return (
    JSON.parse(Buffer.from(payload, 'base64url').toString()) as { events: { id: string }[] }
  ).events.map(({ id }) => id);
}

/** Events that become durable one by one, and by turns the disk alone, which others may be using too. */
function persisting(folder: string): Figures {
  const store = opened(folder);
  let [seconds, diskSeconds] = [0, 0];
  for (let n = 0; n < APPENDS; n += 1) {
    if (n % APPENDS_BY_TURNS === 0) diskSeconds += syncing(join(folder, 'disk'), APPENDS_BY_TURNS);
    const beganMs = performance.now();
    append(store, SITE, n);
    seconds += (performance.now() - beganMs) / 1000;
  }
  store.close();
  return {
    persist_per_s: { value: Math.round(APPENDS / seconds), unit: '1/s' },
    disk_syncs_per_s: { value: Math.round(APPENDS / diskSeconds), unit: '1/s' },
  };
}

/** A backlog, from its first event at the centre until the last receipt has left the outbox empty. */
async function draining(run: Run, beforeMb: number): Promise<Figures> {
  const { box, folder, receiver } = run;
  const ids = fill(join(folder, 'state'), SITE, BACKLOG);
  const before = receiver.printed.size;
  box.start();
  while (receiver.printed.size === before) await delay(LOOK_MS);
  const beganMs = performance.now();
  const cpuBefore = await cpuOf(run);
  const peakMb = await peakUntilEmpty(box);
  const seconds = (performance.now() - beganMs) / 1000;
  const cpu = await cpuOf(run);
  while (receiver.printed.size < before + BACKLOG) await delay(LOOK_MS);
  await box.stop();
  if (ids.some((id) => !receiver.printed.has(id))) throw new Error('events of the backlog are missing');
  return {
    drain_per_s: { value: Math.round(BACKLOG / seconds), unit: '1/s' },
    drain_cpu_us_box: perEvent(cpu.box - cpuBefore.box),
    drain_cpu_us_receiver: perEvent(cpu.receiver - cpuBefore.receiver),
    drain_cpu_us_broker: perEvent(cpu.broker - cpuBefore.broker),
    rss_growth_mb: { value: rounded(peakMb - beforeMb), unit: 'MB' },
  };
}

/** Processor time of the three that carry an alarm, seconds: what a busy machine does not change. */
async function cpuOf({
  box,
  receiver,
  centre,
}: Run): Promise<{ box: number; receiver: number; broker: number }> {
  const of = (pid: number | undefined) => cpuSeconds(pid ?? 0);
  return { box: await of(box.pid), receiver: await of(receiver.pid), broker: await of(centre.broker.pid) };
}

function perEvent(seconds: number): { value: number; unit: string } {
  return { value: Math.round((seconds * 1e6) / BACKLOG), unit: 'us' };
}

async function peakUntilEmpty(box: TestBox): Promise<number> {
  for (let peakMb = 0; ; await delay(DRAIN_LOOK_MS)) {
    peakMb = Math.max(peakMb, await pssMb(box.pid ?? 0));
    const waiting = await box.statusNow().then(
      ({ link }) => link.outboxPending,
      () => undefined,
    );
    if (waiting === 0) return peakMb;
  }
}

/** A backlog drains and every input changes once a round, while box and receiver are killed at any moment. */
async function killing(run: Run): Promise<Figures> {
  const { box, receiver, camera, folder } = run;
  const random = seededRandom(11);
  const ids = fill(join(folder, 'state'), SITE, BACKLOG / 10);
  const known = new Set(receiver.printed.keys());
  let kills = 0;
  box.start();
  for (let round = 0; round < ROUNDS; round += 1) {
    const raised = round % 2 === 0;
    await heard(box, !raised);
    const killed = [delay(random() * 60).then(() => box.kill())];
    if (round % 2 === 1) killed.push(delay(random() * 120).then(() => receiver.end('SIGKILL')));
    for (const input of INPUTS) {
      camera.setInput(input, raised);
      await delay(random() * 10);
    }
    kills += (await Promise.all(killed)).length;
    if (round % 2 === 1) await receiver.start();
    box.start();
  }
  await heard(box, ROUNDS % 2 === 1);
  await box.until('an empty outbox', ({ link }) => link.connected && link.outboxPending === 0, 120_000);
  const lost = await lostInTheEnd(
    () => ids.filter((id) => !receiver.printed.has(id)).length + lostTransitions(receiver, known, ids),
  );
  return {
    lost: { value: lost, unit: 'events' },
    duplicated_after_dedupe: { value: receiver.doubles, unit: 'events' },
    kills: { value: kills, unit: '' },
  };
}

/** The last receipts leave before the last lines are printed: what has come a little later is not lost. */
async function lostInTheEnd(count: () => number): Promise<number> {
  for (let waitedMs = 0; count() > 0 && waitedMs < PRINTING_MS; waitedMs += LOOK_MS) await delay(LOOK_MS);
  return count();
}

/** Resolves when the box has heard every input say this. */
async function heard(box: TestBox, raised: boolean): Promise<void> {
  const state = raised ? 'raised' : 'cleared';
  const all = (alarms: readonly { state: string }[]) =>
    alarms.length === INPUTS.length && alarms.every((alarm) => alarm.state === state);
  await box.until(`every point ${state}`, (status) => all(status.alarms));
}

/** Transitions that are missing, doubled or out of order. */
function lostTransitions(
  { printed }: BenchReceiver,
  before: ReadonlySet<string>,
  backlog: readonly string[],
): number {
  const others = new Set([...before, ...backlog]);
  const own = [...printed.values()].filter(({ id }) => !others.has(id)).toSorted((a, b) => a.seq - b.seq);
  return INPUTS.reduce((sum, input) => {
    const told = own.filter(({ point }) => point === `pt-${input}`).map(({ transition }) => transition);
    const wrong = told.filter((transition, n) => transition !== (n % 2 === 0 ? 'raised' : 'cleared')).length;
    return sum + wrong + Math.abs(ROUNDS - told.length);
  }, 0);
}

function quantile(took: readonly number[], share: number): { value: number; unit: string } {
  const value = took.toSorted((a, b) => a - b)[Math.floor(took.length * share)] ?? 0;
  return { value: rounded(value), unit: 'ms' };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
