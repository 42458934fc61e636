import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { desiredConfigTopic } from '../../agent/contract/topics.ts';
import { signConfiguration } from '../../provisioning/sign.ts';
import { TestBox } from '../support/box.ts';
import type { SimulatedCamera } from '../support/camera/camera.ts';
import { Centre } from '../support/centre.ts';
import { Dice } from '../support/dice.ts';
import { FakeTime } from '../support/fake-time.ts';
import { Relay } from '../support/relay.ts';
import { configurationOf, SITE, simulatedCamera } from '../support/scene.ts';
import { SEED } from '../support/seed.ts';
import { MAY_MOUNT, SmallDisk } from '../support/small-disk.ts';
import type { Received, Subscriber } from '../support/subscriber.ts';
import { PATIENCE_MS, until } from '../support/until.ts';
import { inArchive, receiver, stored } from './receiving.ts';

const INPUTS = ['input-1', 'input-2', 'input-3'];
const FILTERS = [`csu/v1/${SITE}/#`];
const RECEIPTS = { confirm: 'receipt', resendAfterS: 5 };
const SEEDS = [SEED, SEED + 1, SEED + 2];
const SECTOR_BYTES = 512;
const isAlarm = ({ topic }: Received) => topic.endsWith('/event/alarm');

interface AlarmMessage {
  readonly id: string;
  readonly seq: number;
  readonly ts: number;
  readonly point: string;
  readonly transition: 'raised' | 'cleared';
}

interface LossMessage {
  readonly reason: string;
  readonly first_seq: number;
  readonly last_seq: number;
  readonly lost: number;
}

/** A box whose way to the broker is a relay, and a record of what happened and of what every subscriber heard. */
class Stage {
  readonly folder: string;
  readonly centre: Centre;
  readonly relay: Relay;
  readonly box: TestBox;
  readonly #t: Test;
  readonly #camera: SimulatedCamera;
  readonly #delivery: object;
  readonly #subscribers: Subscriber[] = [];
  readonly #wanted = new Map(INPUTS.map((input) => [`pt-${input}`, [] as string[]]));
  #raised = false;

  private constructor(
    t: Test,
    folder: string,
    centre: Centre,
    relay: Relay,
    box: TestBox,
    camera: SimulatedCamera,
    delivery: object,
  ) {
    this.#t = t;
    this.folder = folder;
    this.centre = centre;
    this.relay = relay;
    this.box = box;
    this.#camera = camera;
    this.#delivery = { liveWithinS: 3600, ...delivery };
  }

  get archive(): string {
    return join(this.folder, 'archive.db');
  }

  /**
   * @param prepare gets the folder before anything is in it
   * @param delivery of the configuration; with receipts a receiver runs
   */
  static async create(
    t: Test,
    environment: NodeJS.ProcessEnv = {},
    prepare: (folder: string) => void = () => undefined,
    delivery: object = {},
  ): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), 'bfr-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    prepare(folder);
    const camera = await simulatedCamera(t, INPUTS);
    const centre = await Centre.create(folder);
    t.teardown(() => centre.end());
    const relay = await Relay.start(() => centre.broker.port);
    t.teardown(() => relay.stop());
    const brokers = [`mqtts://localhost:${relay.port}`];
    const box = await TestBox.enrol(centre.csu, folder, { site: SITE, brokers }, environment);
    t.teardown(() => box.stop());
    const stage = new Stage(t, folder, centre, relay, box, camera, delivery);
    if ('confirm' in delivery)
      await receiver(t, { scene: stage, archive: stage.archive }).said(/broker connected/);
    await stage.listen();
    await stage.push();
    box.start();
    await stage.until('every point known', () => stage.current('cleared') === INPUTS.length);
    return stage;
  }

  /** One more subscriber; a broker that was killed has forgotten those of before. */
  async listen(): Promise<Subscriber> {
    const csu = await this.centre.subscriber(FILTERS, (topic) => !topic.includes('/media/'));
    this.#t.teardown(() => csu.close());
    this.#subscribers.push(csu);
    return csu;
  }

  async push(): Promise<void> {
    const configuration = { ...configurationOf(this.#camera, INPUTS), delivery: this.#delivery };
    const { jws } = await signConfiguration(this.centre.csu, { site: SITE, configuration });
    await this.#subscribers.at(-1)?.publish(desiredConfigTopic(SITE), jws, { retain: true });
  }

  /** Every input changes. */
  toggle(times = 1): void {
    for (let n = 0; n < times; n += 1) {
      this.#raised = !this.#raised;
      for (const input of INPUTS) {
        this.#camera.setInput(input, this.#raised);
        this.#wanted.get(`pt-${input}`)?.push(this.#raised ? 'raised' : 'cleared');
      }
    }
  }

  get received(): Received[] {
    return this.#subscribers.flatMap(({ received }) => received).toSorted((a, b) => a.atMs - b.atMs);
  }

  /** The alarms as the box wrote them, in the order of their first arrival. */
  get alarms(): AlarmMessage[] {
    const texts = new Set(this.received.filter(isAlarm).map(({ payload }) => payload.toString()));
    return [...texts].map((text) => JSON.parse(text) as AlarmMessage);
  }

  /** Waits until everything that happened was heard. */
  async heard(what: string): Promise<void> {
    const all = [...this.#wanted.values()].flat().length;
    await this.until(`${what}: ${all} transitions`, () => this.alarms.length >= all);
  }

  /** How many points of the camera the latest subscriber knows in this state. */
  current(state: string): number {
    const states = this.#subscribers.at(-1)?.json<{ point: string; state: string }>('/state/alarm-current');
    const last = new Map(states?.map((one) => [one.point, one.state]));
    return [...this.#wanted.keys()].filter((point) => last.get(point) === state).length;
  }

  async until(what: string, done: () => boolean): Promise<void> {
    const limit = AbortSignal.timeout(PATIENCE_MS);
    await until(async () => {
      if (limit.aborted) throw new Error(`waited for ${what}\n${await this.box.lastLog()}`);
      return done();
    });
  }

  /** The losses that were told, each once. */
  get losses(): LossMessage[] {
    const texts = this.received
      .filter(({ topic }) => topic.endsWith('/loss'))
      .map((m) => m.payload.toString());
    return [...new Set(texts)].map((text) => JSON.parse(text) as LossMessage);
  }

  /** Every receipt has come. */
  async emptied(): Promise<void> {
    await this.box.until(
      'an empty outbox',
      ({ link }) => link.confirmation === 'receipt' && link.connected && link.outboxPending === 0,
    );
  }

  /** Every receipt has come: the outbox is empty, and the centre has stored everything that happened, once. */
  async receipted(t: Test): Promise<void> {
    await this.emptied();
    const alarms = stored(this.archive).toSorted((a, b) => a.seq - b.seq);
    for (const [point, transitions] of this.#wanted) {
      const told = alarms.filter((alarm) => alarm.point === point).map(({ transition }) => transition);
      t.same(told, transitions, `${point}: every transition is stored, in order, once`);
    }
  }

  /** Nothing lost, invented, doubled or out of order. */
  check(t: Test): void {
    const { alarms } = this;
    for (const [point, transitions] of this.#wanted) {
      const told = alarms.filter((alarm) => alarm.point === point).map(({ transition }) => transition);
      t.same(told, transitions, `${point}: every transition, in order, once`);
    }
    const seqs = alarms.map(({ seq }) => seq);
    t.same(
      seqs,
      [...new Set(seqs)].sort((a, b) => a - b),
      'numbers rise strictly over the whole site',
    );
    t.equal(new Set(alarms.map(({ id }) => id)).size, alarms.length, 'one id, one text');
  }
}

t.test('alarms: nothing is lost while the broker and the way to it fail', async (t) => {
  const stage = await Stage.create(t, {}, undefined, RECEIPTS);
  const { relay, centre, box } = stage;

  centre.broker.pause();
  stage.toggle(3);
  await box.until('alarms that wait', ({ link }) => link.outboxPending > 0);
  centre.broker.resume();
  await stage.heard('a paused broker');

  relay.delayMs = 150;
  stage.toggle(20);
  await stage.heard('a slow line');
  relay.delayMs = 0;

  relay.dead = true;
  stage.toggle(3);
  await box.until('the silence noticed', ({ link }) => !link.connected);
  stage.toggle(1);
  relay.dead = false;
  relay.drop();
  await stage.heard('a partition');

  for (let n = 0; n < 3; n += 1) {
    const { connections } = relay;
    stage.toggle();
    relay.drop();
    await stage.until('another try', () => relay.connections > connections);
  }
  await stage.heard('a line that is cut again and again');

  relay.cut();
  await centre.broker.kill();
  stage.toggle(30);
  await box.until('a backlog', ({ link }) => link.outboxPending >= 90);
  await centre.broker.restart();
  await stage.listen();
  await stage.push();
  await relay.mend();
  await stage.heard('a broker that lost everything');
  await stage.until('states published again', () => stage.current('cleared') === INPUTS.length);
  const late = await stage.listen();
  const topics = ['collector/state/link', 'collector/state/health', 'cam-quai/state/health'];
  for (const topic of topics)
    await late.until(topic, () => late.received.some((m) => m.topic.endsWith(topic) && m.retained));
  stage.check(t);
  await stage.receipted(t);
});

t.test('alarms: a box that stops and starts without link keeps what was not acknowledged', async (t) => {
  const stage = await Stage.create(t);
  const { relay, box } = stage;
  relay.cut();
  await box.until('the loss', ({ link }) => !link.connected);
  stage.toggle(10);
  await box.until('a backlog', ({ link }) => link.outboxPending >= 30);
  t.equal(await box.stop(), 0);
  box.start();
  await box.until('the start', ({ link, alarms }) => link.outboxPending >= 30 && alarms.length === 3);
  stage.toggle(1);
  await box.until('more of it', ({ link }) => link.outboxPending >= 33);
  await box.kill();
  stage.toggle(2);
  box.start();
  await relay.mend();
  await stage.heard('the backlog, and what happened while the box was dead');
  stage.check(t);

  const links = () => stage.received.filter(({ topic }) => topic.endsWith('/state/link'));
  await stage.until('online', () => links().at(-1)?.payload.includes('"online":true') ?? false);
  t.equal(await box.stop(), 0);
  await stage.until('the farewell', () => links().at(-1)?.payload.includes('"online":false') ?? false);
});

t.test('alarms: the database is overwritten and taken away while they flow', async (t) => {
  const stage = await Stage.create(t, {}, undefined, RECEIPTS);
  const { folder } = stage;
  const database = join(folder, 'state', 'beffroi.db');
  for (const suffix of ['', '-wal']) {
    stage.toggle(2);
    await overwrite(`${database}${suffix}`);
    stage.toggle(4);
    await stage.heard(`overwritten ${suffix}`);
  }
  await restart(stage);
  for (const seed of SEEDS) {
    stage.toggle(2);
    await damage(database, new Dice(seed));
    stage.toggle(2);
    await stage.heard(`the damage of seed ${seed}`);
    await restart(stage);
    stage.toggle(2);
    await stage.heard(`the start after the damage of seed ${seed}`);
  }
  for (const file of await readdir(join(folder, 'state'))) await rm(join(folder, 'state', file));
  stage.toggle(2);
  await stage.heard('no database');
  await restart(stage);
  stage.toggle(2);
  await stage.heard('the start after no database');
  stage.check(t);
  await stage.receipted(t);
});

t.test('alarms: the disk is full and the power is cut while they flow', async (t) => {
  if (!MAY_MOUNT) return t.pass('needs root to mount a small disk', { skip: true });
  const disks: SmallDisk[] = [];
  const stage = await Stage.create(
    t,
    {},
    (folder) => {
      disks.push(SmallDisk.mount(t, join(folder, 'state'), 8));
    },
    RECEIPTS,
  );
  const [disk] = disks;
  await disk?.fill();
  stage.toggle(2);
  await stage.heard('a disk that takes nothing');
  await stage.box.until('the fault', ({ storageDurable }) => !storageDurable);
  await restart(stage);
  stage.toggle(2);
  await stage.heard('a start on a disk that takes nothing');
  await disk?.free();
  await stage.box.until('the disk', ({ storageDurable }) => storageDurable);
  stage.toggle(2);
  await stage.heard('the disk is back');
  await restart(stage);
  stage.toggle(2);
  await stage.heard('a start on the good disk');
  stage.check(t);
  await stage.receipted(t);

  const known = Math.max(...storedNumbers(stage.archive));
  stage.relay.cut();
  await stage.box.until('the loss of the line', ({ link }) => !link.connected);
  await disk?.fill();
  stage.toggle(2);
  await stage.box.until(
    'alarms that are in memory alone',
    ({ link, storageDurable }) => !storageDurable && link.outboxPending >= 2 * INPUTS.length,
  );
  await stage.box.kill();
  await disk?.free();
  stage.box.start();
  await stage.relay.mend();
  const told = () => stage.losses.filter(({ first_seq }) => first_seq > known);
  await stage.until('what was lost', () => told().some(({ reason }) => reason === 'unwritten'));
  await stage.emptied();
  const missing = missingNumbers(storedNumbers(stage.archive), known);
  t.ok(missing.length >= 2 * INPUTS.length, `${missing.length} events are lost`);
  t.equal(sum(told().map(({ lost }) => lost)), missing.length, 'as many as the ledger says');
  const isTold = (seq: number) =>
    told().some(({ first_seq, last_seq }) => first_seq <= seq && seq <= last_seq);
  t.ok(missing.every(isTold), 'and those that it says');
});

/** The numbers of the events that the centre has stored. */
function storedNumbers(archive: string): number[] {
  return inArchive<{ seq: number }>(archive).map(({ seq }) => seq);
}

/** The numbers after `known` that are not among these. */
function missingNumbers(numbers: readonly number[], known: number): number[] {
  const last = Math.max(...numbers);
  const all = Array.from({ length: last - known }, (_, n) => known + 1 + n);
  return all.filter((seq) => !numbers.includes(seq));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}

/** A power cut; resolves when the agent hears its camera again. */
async function restart({ box }: Stage): Promise<void> {
  await box.kill();
  box.start();
  await box.until(
    'the start',
    ({ alarms }) => alarms.length > 0 && alarms.every(({ state }) => state === 'cleared'),
  );
}

/** Some sectors anywhere in the file become rubbish. */
async function damage(file: string, dice: Dice): Promise<void> {
  const handle = await open(file, 'r+');
  const sectors = Math.floor((await handle.stat()).size / SECTOR_BYTES);
  for (const at of dice.list(8, () => dice.below(sectors)))
    await handle.write(dice.bytes(SECTOR_BYTES), 0, SECTOR_BYTES, at * SECTOR_BYTES);
  await handle.close();
}

/** Every other page but the first becomes rubbish. */
async function overwrite(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  const { size } = await handle.stat();
  for (let at = 4096; at < size; at += 8192) await handle.write(Buffer.alloc(4096, 0xa5), 0, 4096, at);
  await handle.close();
}

t.test('alarms: the clock of the box jumps while they flow', async (t) => {
  const time = await FakeTime.create(t);
  const stage = await Stage.create(t, time.environment);
  for (const offset of ['-1h', '+3650d', '-20000d', '+0']) {
    await time.shift(offset);
    stage.toggle(3);
    await stage.heard(`clock ${offset}`);
  }
  const years = new Set(stage.alarms.map(({ ts }) => new Date(ts).getUTCFullYear()));
  t.ok(years.size >= 3, `years ${[...years].join(' ')}`);
  stage.check(t);
});
