import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { InternalError, UplinkError } from '../../agent/base/errors.ts';
import { type LinkState, linkState, MESSAGES, type PathEvent } from '../../agent/contract/messages.ts';
import type { SqliteStore } from '../../agent/store/open-store.ts';
import { PathBook } from '../../agent/uplink/path-book.ts';
import type { Uplink } from '../../agent/uplink/uplink.ts';
import { ForeignSubscriber, type Mosquitto } from '../support/mosquitto.ts';
import { Relay } from '../support/relay.ts';
import { until } from '../support/until.ts';
import { broker, DELIVERY, json, NEVER, quietLog, SITE, store, uplink } from './parts.ts';

t.jobs = 4;

const BASE = `csu/v1/${SITE}`;
const SUPERVISION_S = 16;
const RULES = {
  ...DELIVERY,
  liveWithinMs: 3_600_000,
  supervisionMs: SUPERVISION_S * 1000,
  backupSupervisionMs: SUPERVISION_S * 1000,
  category: 'DP3',
} as const;
const VITALS = {
  cpu_percent: 1,
  memory_used_mb: 1,
  memory_total_mb: 2,
  uptime_s: 1,
  disk_wear: 'not-verifiable' as const,
  agent_rss_mb: 1,
};

interface Way {
  readonly broker: Mosquitto;
  readonly relay: Relay;
  /** Everything that the broker of this path passes on, but for a subscriber that came after a kill. */
  hears: ForeignSubscriber;
  /** Messages before this one belong to the start, when either path may have been the first. */
  begun: number;
}

interface Stage {
  readonly main: Way;
  readonly backup: Way;
  readonly held: SqliteStore;
  readonly link: Uplink;
}

async function way(t: Test): Promise<Way> {
  const mosquitto = await broker(t);
  const relay = await Relay.start(() => mosquitto.port);
  t.teardown(() => relay.stop());
  return { broker: mosquitto, relay, hears: await listener(t, mosquitto), begun: 0 };
}

async function listener(t: Test, mosquitto: Mosquitto): Promise<ForeignSubscriber> {
  const hears = await ForeignSubscriber.start(mosquitto, [`${BASE}/#`]);
  t.teardown(() => hears.stop());
  return hears;
}

const url = ({ relay }: Way) => `mqtt://127.0.0.1:${relay.port}`;

/** A box with both paths up. */
async function stage(t: Test): Promise<Stage> {
  const [main, backup] = await Promise.all([way(t), way(t)]);
  const held = store(t.testdir());
  const link = uplink(t, held, { brokers: [url(main)], backupBrokers: [url(backup)] });
  link.deliver(RULES);
  await link.start(NEVER);
  await said(backup, { path: 'backup', in_use: 'main', other_path: 'up', online: true });
  await said(main, { path: 'main', in_use: 'main', other_path: 'up', online: true });
  for (const one of [main, backup]) one.begun = soFar(one);
  return { main, backup, held, link };
}

function raise({ link }: Stage, occurrences: number): void {
  link.reporter.event('alarm', 'pt-door', {
    ...{ point: 'pt-door', name: 'Door', kind: 'digital-input', camera: 'cam-1', owner: 'commune' },
    ...{ transition: 'raised', severity: 'major', occurrences },
    ...{ alarm: 'a', alarm_state: 'raised', count: 1, shelved: false, chattering: false },
  } as const);
}

/** Resolves with the first state of the link on this path that is so. @param from messages before this one do not count */
async function said(one: Way, wanted: Partial<LinkState>, from = one.begun): Promise<LinkState> {
  const { hears } = one;
  const message = await hears.message((heard) => {
    if (!heard.topic.includes('/state/link') || heard.payload.length === 0) return false;
    if (hears.messages.indexOf(heard) < from) return false;

    const state = json(heard);
    return Object.entries(wanted).every(([key, value]) => state[key] === value);
  });
  return linkState.parse(json(message));
}

const soFar = ({ hears }: Way) => hears.messages.length;
const lastLossIn = ({ hears }: Way) => hears.messages.findLastIndex((one) => json(one).other_path === 'lost');

const isAlarm = (occurrences: number) => (one: { topic: string; payload: Buffer }) =>
  one.topic.endsWith('/alarm') && one.payload.includes(`"occurrences":${occurrences},`);

function pathEvents({ hears }: Way): PathEvent[] {
  return hears.messages
    .filter(({ topic }) => topic.endsWith('/event/path') || topic.endsWith('/hist/path'))
    .map((one) => MESSAGES.path.schema.parse(json(one)));
}

/** In the order in which it was told, on whichever path. */
function toldOf(...ways: readonly Way[]): PathEvent[] {
  return ways.flatMap(pathEvents).sort((a, b) => a.seq - b.seq);
}

/**
 * Whether the box notices it before the supervision time is over. That is counted in this process as the box counts, in
 * quarters, each from when the one before was over: a machine that has no time for the one has none for the other.
 */
async function inTime(noticed: () => boolean, supervisionS = SUPERVISION_S): Promise<boolean> {
  let isOver = false;
  const over = async () => {
    for (let quarter = 0; quarter < 4; quarter += 1) await delay(supervisionS * 250);
    isOver = true;
  };
  void over();
  await until(() => noticed() || isOver);
  return noticed();
}

t.test('paths: with the main broker killed alarms take the back-up, and nothing but alarms', async (t) => {
  const all = await stage(t);
  const { main, backup, held, link } = all;
  raise(all, 1);
  await main.hears.message(isAlarm(1));
  await until(() => held.outbox.pending() === 0);
  await main.broker.kill();
  const state = await said(backup, { in_use: 'backup', other_path: 'lost' });
  t.match(state, { online: true, supervision_s: SUPERVISION_S, category: 'DP3' });
  t.match(link.status(), { connected: true, path: 'backup', backup: 'up' });
  raise(all, 2);
  await backup.hears.message(isAlarm(2));
  link.reporter.event('fault', 'collector', {
    cause: 'internal',
    fault: 'ourselves',
    side: 'none',
    detail: 'service',
  });
  link.reporter.state('register', 'collector', { length: 1, head: '0'.repeat(64), signature: '' });
  link.reporter.measure('vitals', 'collector', VITALS);
  raise(all, 3);
  await backup.hears.message(isAlarm(3));
  const topics = new Set(backup.hears.messages.map(({ topic }) => topic.slice(BASE.length + 1)));
  t.same([...topics].sort(), ['collector/event/path', 'collector/state/link-backup', 'pt-door/event/alarm']);
  t.notOk(backup.hears.messages.some(isAlarm(1)), 'what the main path has carried is not sent again');
  await until(() => held.outbox.pending() === 1);
  t.equal(held.outbox.next(0, 1)[0]?.class, 'service', 'what serves the service waits');

  const before = soFar(backup);
  main.relay.cut();
  await main.broker.restart();
  main.hears = await listener(t, main.broker);
  main.begun = 0;
  await main.relay.mend();
  await said(main, { in_use: 'main', other_path: 'up' });
  await main.hears.message(({ topic }) => topic === `${BASE}/collector/event/fault`);
  await main.hears.message(({ topic }) => topic === `${BASE}/collector/state/register`);
  await said(backup, { in_use: 'main', other_path: 'up' }, before);
  raise(all, 4);
  await main.hears.message(isAlarm(4));
  t.notOk(backup.hears.messages.some(isAlarm(4)));
  t.match(pathEvents(backup), [{ main: 'lost', backup: 'up', in_use: 'backup', cause: 'broker-closed' }]);
  const back = await main.hears.message(({ topic }) => topic.endsWith('/event/path'));
  t.match(json(back), { main: 'up', backup: 'up', in_use: 'main', cause: 'none' });
});

t.test('paths: a main path that swallows everything is reported within the supervision time', async (t) => {
  const all = await stage(t);
  all.main.relay.dead = true;
  t.ok(await inTime(() => all.link.status().path === 'backup'));
  await said(all.backup, { in_use: 'backup', other_path: 'lost' });
  const event = await all.backup.hears.message(({ topic }) => topic.endsWith('/event/path'));
  t.match(json(event), { main: 'lost', in_use: 'backup', cause: 'broker-silent' });
  raise(all, 1);
  await all.backup.hears.message(isAlarm(1));
  const will = await said(all.main, { online: false });
  t.equal(will.path, 'main', 'the broker of the main path knows it too');
});

t.test('paths: an alarm that was on its way on a path that swallows it takes the other', async (t) => {
  const all = await stage(t);
  all.main.relay.dead = true;
  raise(all, 1);
  t.ok(await inTime(() => all.link.status().path === 'backup'));
  await all.backup.hears.message(isAlarm(1));
});

t.test('paths: a back-up that swallows everything is reported on the main path, which goes on', async (t) => {
  const all = await stage(t);
  all.backup.relay.dead = true;
  t.ok(await inTime(() => all.link.status().backup === 'lost'));
  await said(all.main, { in_use: 'main', other_path: 'lost' });
  const event = await all.main.hears.message(({ topic }) => topic.endsWith('/event/path'));
  t.match(json(event), { main: 'up', backup: 'lost', in_use: 'main', cause: 'broker-silent' });
  t.match(all.link.status(), { connected: true, path: 'main', backup: 'lost' });
  const before = soFar(all.main);
  all.backup.relay.dead = false;
  all.backup.relay.drop();
  await said(all.main, { in_use: 'main', other_path: 'up' }, before);
});

t.test(
  'paths: the back-up in use is said anew, and its loss is noticed at the pace of the main path',
  async (t) => {
    const [main, backup] = await Promise.all([way(t), way(t)]);
    const held = store(t.testdir());
    const link = uplink(t, held, { brokers: [url(main)], backupBrokers: [url(backup)] });
    link.deliver({ ...RULES, supervisionMs: 12_000, backupSupervisionMs: 3600_000 });
    await link.start(NEVER);
    await said(backup, { other_path: 'up', in_use: 'main', supervision_s: 3600 });
    const started = soFar(backup);
    main.relay.cut();
    const first = await said(backup, { in_use: 'backup', supervision_s: 12 }, started);
    await backup.hears.message(
      (one) => one.topic.endsWith('/link-backup') && Number(json(one).ts) > first.ts + 4_000,
    );
    const before = soFar(main);
    backup.relay.dead = true;
    t.ok(
      await inTime(() => link.status().backup === 'lost', 12),
      'within what was told, however slow its own supervision',
    );
    await main.relay.mend();
    raise({ main, backup, held, link }, 1);
    await main.hears.message(isAlarm(1));
    t.match(await said(main, { in_use: 'main', other_path: 'lost' }, before), { supervision_s: 12 });
  },
);

t.test('paths: both lost and both back: every alarm arrives, in order', async (t) => {
  const all = await stage(t);
  const { main, backup, held } = all;
  main.relay.cut();
  backup.relay.cut();
  await until(() => !all.link.status().connected && all.link.status().backup === 'lost');
  t.match(all.link.status(), { path: 'none', backup: 'lost' });
  const raisedAtMs = Date.now();
  for (let n = 1; n <= 50; n += 1) raise(all, n);
  await backup.relay.mend();
  await backup.hears.message(isAlarm(50));
  const heard = backup.hears.messages
    .filter(({ topic }) => topic.endsWith('/alarm'))
    .map((one) => json(one).occurrences);
  t.same(
    heard,
    Array.from({ length: 50 }, (_, i) => i + 1),
  );
  const before = soFar(main);
  await main.relay.mend();
  await said(main, { in_use: 'main', other_path: 'up', online: true }, before);
  raise(all, 51);
  await main.hears.message(isAlarm(51));
  await until(() => held.outbox.pending() === 0);
  // What the broker has may still be on its way to the subscriber.
  await until(() => toldOf(main, backup).at(-1)?.in_use === 'main');
  const events = toldOf(main, backup);
  const [lost] = events.filter(({ in_use }) => in_use === 'none');
  t.match(lost, { main: 'lost', backup: 'lost' });
  t.ok(lost && lost.ts <= raisedAtMs, 'the report says when it was, not when it could be sent');
  t.match(events.map(({ main: m, backup: b, in_use }) => [m, b, in_use]).at(-1), ['up', 'up', 'main']);
  await all.link.stop();
  t.equal(held.outbox.pending(), 0);
});

t.test('paths: a main path that comes and goes carries no alarm until it holds', async (t) => {
  const all = await stage(t);
  const { main, backup } = all;
  // With each loss it has to hold for longer: at last for longer than this machine needs to hear of it.
  const losses = { used: 0, unused: 0 };
  while (losses.unused < 2 || all.link.status().path === 'main') {
    losses[all.link.status().path === 'main' ? 'used' : 'unused'] += 1;
    const before = soFar(backup);
    main.relay.drop();
    await said(backup, { in_use: 'backup', other_path: 'lost' }, before);
    await said(backup, { in_use: 'backup', other_path: 'up' }, lastLossIn(backup));
  }
  for (const n of [1, 2]) raise(all, n);
  await backup.hears.message(isAlarm(2));
  t.notOk(main.hears.messages.some(({ topic }) => topic.endsWith('/alarm')));
  await until(() => all.link.status().path === 'main');
  raise(all, 3);
  await main.hears.message(isAlarm(3));
  await until(() => toldOf(main, backup).at(-1)?.in_use === 'main');
  t.same(
    toldOf(main, backup).map(({ main: m, in_use }) => [m, in_use]),
    Array(losses.used)
      .fill([
        ['lost', 'backup'],
        ['up', 'main'],
      ])
      .flat(),
    'and is told of once, not each time',
  );
});

t.test('paths: a new supervision time renews the links, which is no loss of a path', async (t) => {
  const all = await stage(t);
  const { main, backup, link } = all;
  const [onMain, onBackup] = [soFar(main), soFar(backup)];
  link.deliver({ ...RULES, supervisionMs: 20_000, backupSupervisionMs: 40_000 });
  raise(all, 1);
  await said(main, { in_use: 'main', other_path: 'up', supervision_s: 20, online: true });
  await said(backup, { in_use: 'main', other_path: 'up', supervision_s: 40, online: true });
  await main.hears.message(isAlarm(1));
  const connects = () =>
    [main, backup].map(
      ({ broker: { log } }) =>
        log.match(/as 57463-\S+ \(.*k\d+/g)?.map((line) => line.split('k').at(-1)) ?? [],
    );
  await until(() => connects().every((all) => all.length >= 2));
  t.same(
    connects(),
    [
      ['8', '10'],
      ['8', '20'],
    ],
    'both brokers have heard of the new keep-alive',
  );
  t.same([...pathEvents(main), ...pathEvents(backup)], []);
  const after = [...main.hears.messages.slice(onMain), ...backup.hears.messages.slice(onBackup)].map(json);
  t.notOk(after.some(({ online, other_path }) => online === false || other_path === 'lost'));
});

t.test('paths: what was told outlives the process; what could not be written is told later', async (t) => {
  const folder = t.testdir();
  const told: object[] = [];
  const book = (held: SqliteStore, tell = (event: object) => void told.push(event)) =>
    new PathBook({ log: quietLog().log, store: held, tell });
  const allUp = { main: 'up', backup: 'up', in_use: 'main' } as const;
  const onBackup = { main: 'lost', backup: 'up', in_use: 'backup' } as const;
  const silent = new UplinkError('broker-silent', 'no PINGRESP');
  const errors = { main: silent, backup: undefined };

  let held = store(folder);
  book(held).tell(allUp, errors);
  t.same(told, [], 'that all is as it ought to be is no news');
  book(held, () => {
    throw new InternalError('internal', 'killed here');
  }).tell(onBackup, errors);
  held.close();

  held = store(folder);
  book(held).tell(onBackup, errors);
  book(held).tell(onBackup, errors);
  t.same(told, [{ ...onBackup, cause: 'broker-silent', detail: 'no PINGRESP' }], 'once');
  held.close();

  held = store(folder);
  book(held).tell(allUp, { main: undefined, backup: undefined });
  held.close();
  t.same(told.slice(1), [{ ...allUp, cause: 'none', detail: '' }], 'the return, by a later process');

  for (const text of ['{"main":"l', 'null']) {
    told.length = 0;
    held = store(folder);
    held.memory.set('uplink', 'paths-told', text);
    book(held).tell(onBackup, errors);
    book(held).tell(onBackup, errors);
    held.close();
    t.same(
      told,
      [{ ...onBackup, cause: 'broker-silent', detail: 'no PINGRESP' }],
      'what cannot be read is no news',
    );
  }
});

t.test('paths: both may lead to one broker, and no presence overwrites the other', async (t) => {
  const mosquitto = await broker(t);
  const hears = await listener(t, mosquitto);
  const relays = await Promise.all([Relay.start(() => mosquitto.port), Relay.start(() => mosquitto.port)]);
  for (const relay of relays) t.teardown(() => relay.stop());
  const [main, backup] = relays.map((relay) => ({ broker: mosquitto, relay, hears, begun: 0 }));
  if (!main || !backup) return;
  const held = store(t.testdir());
  const link = uplink(t, held, { brokers: [url(main)], backupBrokers: [url(backup)] });
  link.deliver(RULES);
  await link.start(NEVER);
  await said(main, { path: 'main', online: true, other_path: 'up' });
  await said(backup, { path: 'backup', online: true, other_path: 'up' });
  const before = soFar(main);
  main.relay.cut();
  await said(backup, { path: 'backup', in_use: 'backup', online: true }, before);
  const will = await said(main, { path: 'main', online: false }, before);
  const birth = await said(backup, { path: 'backup', online: true });
  t.not(will.session, birth.session, 'each path has sessions of its own');
  raise({ main, backup, held, link }, 1);
  await hears.message(isAlarm(1));
});

t.test('paths: a box with one path says so, and tells no event of paths', async (t) => {
  const main = await way(t);
  const held = store(t.testdir());
  const link = uplink(t, held, { brokers: [url(main)] });
  link.deliver({ ...DELIVERY, category: 'SP3' });
  await link.start(NEVER);
  const state = await said(main, { online: true });
  t.match(state, { path: 'main', in_use: 'main', other_path: 'none', category: 'SP3', supervision_s: 30 });
  main.relay.drop();
  await main.hears.count(2, (one) => one.topic.endsWith('/state/link') && json(one).online === true);
  t.equal(held.outbox.pending(), 0);
  t.same(pathEvents(main), []);
});
