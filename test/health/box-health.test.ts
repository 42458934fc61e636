import { closeSync, existsSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { ClockTrust } from '../../agent/base/clock.ts';
import type { Code } from '../../agent/base/codes.ts';
import { createLog } from '../../agent/base/log.ts';
import { boxVitals } from '../../agent/contract/messages.ts';
import { BoxHealth } from '../../agent/health/box-health.ts';
import { readVitals } from '../../agent/health/vitals.ts';
import { DATABASE_NAME, openStore } from '../../agent/store/open-store.ts';
import { TestClock } from '../support/test-clock.ts';
import { until } from '../support/until.ts';
import { Recorder } from './recorder.ts';

async function begin(t: Test, folder = t.testdir()) {
  const clock = new TestClock();
  const log = createLog('error', { write: () => undefined });
  const store = openStore(folder, { clock, clockTrust: () => 'synced', log, sign: () => Buffer.alloc(64) });
  const recorder = new Recorder(clock);
  const box = {
    video: true,
    trust: 'synced' as ClockTrust,
    refused: 0,
    backbone: undefined as { cause: Code | 'none'; detail: string } | undefined,
  };
  const health = new BoxHealth(
    {
      clock,
      log,
      reporter: recorder,
      store,
      clockTrust: () => box.trust,
      cameras: () => ({ ok: 2, degraded: 1, down: 0, unknown: 0, maintenance: 1, disabled: 0 }),
      backbone: () => box.backbone,
      videoRunning: () => box.video,
      ordersRefused: () => box.refused,
    },
    { stateFolder: folder, clockSource: 'chrony' },
  );
  await health.start(new AbortController().signal);
  t.teardown(async () => {
    await health.stop();
    store.close();
  });
  await clock.advance(0);
  return { clock, store, recorder, box, health, state: () => recorder.last('boxHealth', 'collector') };
}

t.test('the box tells how its cameras, its video, its storage and its outbox are', async (t) => {
  const { clock, store, box, state } = await begin(t);
  t.match(state(), {
    state: 'ok',
    cause: 'none',
    cameras_ok: 2,
    cameras_degraded: 1,
    video_running: true,
    clock_source: 'chrony',
    storage_durable: true,
    outbox_pending: 0,
    outbox_unreceipted: 0,
    orders_refused: 0,
  });
  store.outbox.append(() => ({ topic: 'a', payload: '{"id":"a"}', id: 'a', class: 'service' }));
  box.refused = 3;
  await clock.advance(2000);
  t.match(state(), { outbox_pending: 1, orders_refused: 3 });
});

t.test('an absence of the video process that lasts is told, and its end', async (t) => {
  const { clock, recorder, box, state } = await begin(t);
  box.video = false;
  await clock.advance(8000);
  t.match(state(), { state: 'ok', video_running: false });
  await clock.advance(6000);
  t.match(state(), { state: 'degraded', cause: 'video-process-down', fault: 'ourselves' });
  box.video = true;
  await clock.advance(4000);
  t.match(state(), { state: 'ok', cause: 'none' });
  t.same(
    recorder.of('event', 'fault').map(({ fields }) => fields.cause),
    ['video-process-down', 'none'],
  );
});

t.test('a clock that nobody vouches for degrades the box', async (t) => {
  const { clock, box, state } = await begin(t);
  box.trust = 'holdover';
  await clock.advance(2000);
  t.equal(state().state, 'ok');
  box.trust = 'untrusted';
  await clock.advance(2000);
  t.match(state(), { state: 'degraded', cause: 'clock-untrusted', since: clock.wallMs() });
  box.trust = 'synced';
  box.backbone = { cause: 'backbone-lossy', detail: 'main path: 9 % of what was sent was lost' };
  await clock.advance(2000);
  t.match(state(), { state: 'degraded', cause: 'backbone-lossy', side: 'backbone', fault: 'uplink' });
  box.backbone = undefined;
  await clock.advance(2000);
  t.match(state(), { state: 'ok', cause: 'none' });
});

t.test('a database that was damaged is told as an event, and the box goes on', async (t) => {
  const folder = t.testdir();
  const first = await begin(t, folder);
  await first.health.stop();
  first.store.close();
  const file = openSync(join(folder, DATABASE_NAME), 'r+');
  for (let at = 0; at < 16_384; at += 64) writeSync(file, 'this is no database any longer', at);
  closeSync(file);
  const { recorder, state } = await begin(t, folder);
  t.match(recorder.of('event', 'fault')[0]?.fields, { cause: 'store-damaged', fault: 'ourselves' });
  t.match(state(), { storage_durable: true });
  t.ok(existsSync(join(folder, DATABASE_NAME)));
});

t.test('vitals are those of this machine and fit the contract', async (t) => {
  const vitals = await readVitals(t.testdir());
  const envelope = { v: 1, site: '57463-mairie', ts: 0, clock: 'synced', boot: 1, seq: 1 };
  t.ok(boxVitals.safeParse({ ...envelope, ...vitals }).success);
  t.ok(vitals.memory_total_mb > 100 && (vitals.disk_free_mb ?? 0) > 0 && vitals.agent_rss_mb > 10);
});

t.test('vitals are taken by the schedule of the configuration; a wrong one changes nothing', async (t) => {
  const { recorder, health } = await begin(t);
  await health.schedule('* * * * * *');
  await t.rejects(health.schedule('every day'), { code: 'internal' });
  t.ok(await until(() => recorder.of('measure', 'vitals').length > 0));
});
