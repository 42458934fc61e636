import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createLog } from '../../agent/base/log.ts';
import type { OutboxClass } from '../../agent/contract/delivery.ts';
import { openStore, type SqliteStore, type StoreOptions } from '../../agent/store/open-store.ts';
import { EXAMPLES } from '../generate/examples.ts';
import { mistakes } from '../support/contract-check.ts';
import { Scene, SITE } from '../support/scene.ts';
import { TestClock } from '../support/test-clock.ts';
import { inArchive, receiver } from './receiving.ts';

const DAY_MS = 24 * 3600 * 1000;
const LIMITS = {
  events: 8,
  bytes: 1_000_000,
  classes: { technical: { bytes: 1_000_000, ageMs: 30 * DAY_MS } },
};
const RULES = { confirm: 'receipt', resendAfterMs: 5_000, liveWithinMs: 60_000 } as const;

interface Numbered {
  readonly seq: number;
}

interface Loss extends Numbered {
  readonly lost_class: string;
  readonly reason: string;
  readonly first_seq: number;
  readonly last_seq: number;
  readonly lost: number;
}

function put(store: SqliteStore, of: OutboxClass, count: number): void {
  for (let n = 0; n < count; n += 1) {
    store.outbox.append((seq) => {
      const id = `event-${seq}`;
      const payload = JSON.stringify({ ...EXAMPLES.alarm, site: SITE, id, seq, point: `pt-${of}` });
      return { topic: `csu/v1/${SITE}/pt-${of}/event/alarm`, payload, id, class: of };
    });
  }
}

/** Each once, as a consumer takes them: what a lost connection or database brings again has the same number. */
function unique<T extends Numbered>(events: readonly T[]): T[] {
  return [...new Map(events.map((event) => [event.seq, event])).values()];
}

/** The store of a box that is switched off. */
function reopened(folder: string, options: StoreOptions = {}): { store: SqliteStore; clock: TestClock } {
  const clock = new TestClock();
  const log = createLog('error', { write: () => undefined });
  const needs = { clock, clockTrust: () => 'synced' as const, log, sign: () => Buffer.alloc(64) };
  const store = openStore(folder, needs, options);
  store.outbox.rule(RULES);
  return { store, clock };
}

/** What the store of a box makes of a long outage in a small outbox, before the box is switched on again. */
async function longOutage(folder: string): Promise<void> {
  const { store, clock } = reopened(folder, { outbox: LIMITS });
  put(store, 'technical', 3);
  await clock.advance(31 * DAY_MS);
  store.outbox.maintain();
  put(store, 'life-safety', 2);
  put(store, 'service', 4);
  put(store, 'technical', 6);
  put(store, 'life-safety', 3);
  store.close();
}

/** One event is not what was written, which nobody sees before it is to be sent. */
function damage(folder: string, seq: number): void {
  const file = join(folder, 'beffroi.db');
  const content = readFileSync(file);
  const at = content.indexOf(`"seq":${seq},`);
  if (at < 0) throw new RangeError(`no event ${seq} in the database`);
  content.write('0', at + '"seq":'.length);
  writeFileSync(file, content);
}

/** Events that wait while the box is off, in a database whose header is gone when it is switched on. @returns the last */
function lostHeader(folder: string): number {
  const { store } = reopened(folder);
  put(store, 'life-safety', 3);
  const { last } = store.outbox;
  store.close();
  writeFileSync(join(folder, 'beffroi.db'), Buffer.alloc(100), { flag: 'r+' });
  return last;
}

/** The numbers of the events that the centre has stored. */
function storedNumbers(archive: string): number[] {
  return inArchive<Numbered>(archive).map(({ seq }) => seq);
}

t.test(
  'system: what age, space and a bad disk have taken is in the ledger, the ledger reaches the centre, and the books are right',
  async (t) => {
    const scene = await Scene.create(t);
    await longOutage(join(scene.folder, 'state'));
    damage(join(scene.folder, 'state'), 14);
    const archive = join(scene.folder, 'archive.db');
    await receiver(t, { scene, archive }).said(/broker connected/);
    scene.box.start();
    await scene.box.until(
      'an empty outbox',
      ({ link }) => link.connected && link.confirmation === 'receipt' && link.outboxPending === 0,
    );
    const told = () => unique(scene.csu.events<Loss>('/event/loss', '/hist/loss'));
    const late = () => unique(scene.csu.events<Numbered>('/hist/alarm')).map(({ seq }) => seq);
    await scene.csu.until('what the centre has', () => told().length === 4 && late().length === 7);
    await scene.box.until('a receipt for all of it', ({ link }) => link.outboxPending === 0);
    const losses = told();
    t.match(losses, [
      { lost_class: 'technical', reason: 'age', first_seq: 1, last_seq: 3, lost: 3 },
      { lost_class: 'service', reason: 'space', first_seq: 6, last_seq: 9, lost: 4 },
      { lost_class: 'technical', reason: 'space', first_seq: 10, last_seq: 12, lost: 3 },
      { lost_class: 'technical', reason: 'damaged', first_seq: 14, last_seq: 14, lost: 1 },
    ]);
    t.same(late(), [4, 5, 16, 17, 18, 13, 15], 'life-safety is all there, and goes first');
    const dropped = losses.flatMap(({ first_seq, lost }) =>
      Array.from({ length: lost }, (_, n) => first_seq + n),
    );
    const accounted = [...storedNumbers(archive), ...dropped].toSorted((a, b) => a - b);
    t.same(
      accounted,
      Array.from({ length: accounted.length }, (_, n) => n + 1),
      'every number is stored or lost, none both, none twice',
    );
    await scene.box.stop();
    const last = lostHeader(join(scene.folder, 'state'));
    scene.box.start();
    const ofHeader = () =>
      told().find(({ lost_class, reason }) => lost_class === 'life-safety' && reason === 'damaged');
    await scene.csu.until('what the header cost', () => ofHeader() !== undefined);
    t.match(ofHeader(), { lost: 3, last_seq: last });
    t.ok(
      Number(ofHeader()?.first_seq) <= last - 2 && Number(ofHeader()?.seq) > last,
      'no number comes again',
    );
    t.same(scene.csu.received.flatMap(mistakes), [], 'as the contract says');
  },
);
