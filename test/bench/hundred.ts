import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import { ReceiptDesk } from '../../agent/commands/receipts.ts';
import { openStore, type SqliteStore } from '../../agent/store/open-store.ts';
import type { Keyring } from '../../agent/trust/keyring.ts';
import { type Delivery, Uplink } from '../../agent/uplink/uplink.ts';
import { addBox } from '../../provisioning/box.ts';
import { Centre } from '../support/centre.ts';
import { cpuSeconds } from '../support/processes.ts';
import { keyringOf } from '../trust/support.ts';
import { BenchReceiver } from './bench-receiver.ts';

export const BOXES = 100;
/** Of each box. */
const BACKLOG = 400;
/** The live alarm comes while at least so much of its box waits: more than may be under way before it. */
const STILL_WAITS = 200;
/** What is in force when a configuration says nothing, but for the receipts. */
const DELIVERY: Omit<Delivery, 'liveWithinMs'> = {
  confirm: 'receipt',
  resendAfterMs: 60_000,
  backlogPerS: 50,
  supervisionMs: 30_000,
  backupSupervisionMs: 180_000,
  category: 'none',
};
const LIVE_WITHIN_MS = 60_000;
const LOOK_MS = 20;
const NEVER = new AbortController().signal;
const log = createLog('error', { write: () => undefined });
const clockTrust = () => 'synced' as const;
const { privateKey } = generateKeyPairSync('ed25519');

/** What came of a hundred boxes that were all without the centre and come back at once. */
export interface Return {
  /** From the first connection until every outbox is empty. */
  readonly seconds: number;
  /** Of each box: from the alarm until its receipt, ms. */
  readonly liveMs: readonly number[];
  /** Of each box: events of its backlog that the receiver stored after its live alarm. */
  readonly behindLive: readonly number[];
  /** Events that the centre has, each once. */
  readonly stored: number;
  /** Of those, copies with other bytes under a known id. */
  readonly copies: number;
  /** Events that the boxes had. */
  readonly told: number;
  /** Processor time of the receiver, per event. */
  readonly receiverUs: number;
}

/** Store, uplink and receipts of a box as they are, without cameras: a hundred of them fit one process. */
class LightBox {
  readonly #store: SqliteStore;
  readonly #uplink: Uplink;
  #told = 0;
  /** Of the live alarm. */
  liveMs: number | undefined;

  constructor(store: SqliteStore, uplink: Uplink, site: string, keyring: Keyring) {
    this.#store = store;
    this.#uplink = uplink;
    const refusals = { refuse: () => true, countAgain: () => undefined };
    const needs = { site, keyring, clock: systemClock, clockTrust, log, outbox: store.outbox, refusals };
    const desk = new ReceiptDesk({ ...needs, timeFloorMs: () => 0 });
    uplink.onOrder((kind, payload, retained) => {
      if (kind === 'receipt') desk.receive(payload, retained);
    });
  }

  static async create(centre: Centre, folder: string, n: number, keyring: Keyring): Promise<LightBox> {
    const site = `57463-b${n}`;
    const home = join(folder, site);
    const stateFolder = join(folder, `state-${n}`);
    const brokers = [centre.broker.url];
    await addBox(
      centre.csu,
      { site, brokers, clock: 'host', stateFolder, runtimeFolder: join(folder, `run-${n}`) },
      home,
    );
    const store = openStore(stateFolder, {
      ...{ clock: systemClock, clockTrust, log },
      sign: (bytes) => sign(null, bytes, privateKey),
    });
    const file = (name: string) => join(home, name);
    const tls = {
      authorities: file('authorities.pem'),
      certificate: file('box.crt.pem'),
      key: file('box.key.pem'),
    };
    const uplink = new Uplink(
      { clock: systemClock, log, random: Math.random, store, clockTrust },
      { site, brokers, tls, plainLoopback: false, software: '0.1.0' },
    );
    return new LightBox(store, uplink, site, keyring);
  }

  /** Events that are too old to be live. */
  fill(): void {
    this.#uplink.deliver({ ...DELIVERY, liveWithinMs: 0 });
    this.#store.transaction(() => {
      for (let n = 0; n < BACKLOG; n += 1) this.#tell(`old ${n}`);
    });
    this.#uplink.deliver({ ...DELIVERY, liveWithinMs: LIVE_WITHIN_MS });
  }

  async start(): Promise<void> {
    await this.#uplink.start(NEVER);
  }

  get pending(): number {
    return this.#store.outbox.pending();
  }

  /** Raises an alarm, and notes when its receipt has come. */
  raise(): void {
    const beganMs = performance.now();
    const seq = this.#tell('live');
    this.#store.outbox.onConfirmed(() => {
      if (this.liveMs === undefined && this.#store.outbox.next(seq - 1, 1)[0]?.seq !== seq)
        this.liveMs = performance.now() - beganMs;
    });
  }

  async stop(): Promise<void> {
    await this.#uplink.stop();
    this.#store.close();
  }

  #tell(name: string): number {
    this.#told += 1;
    const alarm = createHash('md5').update(`${name} ${this.#told}`).digest('hex');
    this.#uplink.reporter.event('alarm', 'pt-porte', {
      ...{ alarm, point: 'pt-porte', name, kind: 'digital-input', camera: 'cam-1', owner: 'commune' },
      ...{ alarm_state: 'raised', count: 1, shelved: false, chattering: false },
      ...{ transition: 'raised', severity: 'major', occurrences: this.#told },
    } as const);
    return this.#store.outbox.last;
  }
}

/** Boxes with real stores and uplinks, Mosquitto with TLS and the flow of the centre, and the receiver as a process. */
export async function hundredReturn(): Promise<Return> {
  const folder = await mkdtemp('/dev/shm/bfr-');
  const centre = await Centre.create(folder, { quiet: true });
  const archive = join(folder, 'archive.db');
  const receiver = new BenchReceiver(centre, archive);
  const boxes: LightBox[] = [];
  try {
    const keyring = keyringOf({ key: await centre.csu.key('receive'), role: 'receive' });
    for (let n = 0; n < BOXES; n += 1) boxes.push(await LightBox.create(centre, folder, n, keyring));
    for (const box of boxes) box.fill();
    await receiver.start();
    return { ...(await returned(boxes, receiver)), ...inArchive(archive) };
  } finally {
    await Promise.all(boxes.map((box) => box.stop()));
    await receiver.end();
    await centre.end();
    await rm(folder, { recursive: true });
  }
}

async function returned(
  boxes: readonly LightBox[],
  receiver: BenchReceiver,
): Promise<Omit<Return, keyof Archived>> {
  const beganMs = performance.now();
  const cpuBefore = await cpuSeconds(receiver.pid ?? 0);
  for (const box of boxes) await box.start();
  const waiting = new Set(boxes);
  for (; waiting.size > 0; await delay(LOOK_MS))
    for (const box of waiting) {
      if (box.pending >= BACKLOG || !waiting.delete(box)) continue;
      if (box.pending < STILL_WAITS) throw new Error('the backlog went before anybody looked');
      box.raise();
    }
  while (boxes.some(({ pending }) => pending > 0)) await delay(LOOK_MS);
  const seconds = (performance.now() - beganMs) / 1000;
  const told = boxes.length * (BACKLOG + 1);
  const receiverUs = (((await cpuSeconds(receiver.pid ?? 0)) - cpuBefore) * 1e6) / told;
  return { seconds, liveMs: boxes.map(({ liveMs }) => liveMs ?? Number.POSITIVE_INFINITY), told, receiverUs };
}

type Archived = Pick<Return, 'behindLive' | 'stored' | 'copies'>;

/** What the receiver has, in the order in which it stored it. */
function inArchive(file: string): Archived {
  const db = new DatabaseSync(file, { readOnly: true });
  const rows = db.prepare('SELECT site, id, topic FROM event ORDER BY number').all();
  db.close();
  const live = new Map(
    rows.flatMap(({ site, topic }, at) => (String(topic).includes('/event/') ? [[site, at] as const] : [])),
  );
  const behindLive = [...live].map(
    ([site, at]) => rows.slice(at + 1).filter((row) => row.site === site).length,
  );
  const copies = rows.filter(({ id }) => String(id).includes('#')).length;
  return { behindLive, stored: rows.length, copies };
}
