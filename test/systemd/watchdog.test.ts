import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Clock } from '../../agent/base/clock.ts';
import { systemClock } from '../../agent/base/clock.ts';
import { orAborted } from '../../agent/base/limit.ts';
import { createLog } from '../../agent/base/log.ts';
import { Pulse, type Working } from '../../agent/base/pulse.ts';
import { SystemdNotifier } from '../../agent/cli/systemd.ts';
import { OddBroker } from '../support/odd-broker.ts';
import { Manager } from '../support/systemd-manager.ts';
import { TestClock } from '../support/test-clock.ts';
import { until } from '../support/until.ts';
import { broker, NEVER, store, uplink, watchedClient } from '../uplink/parts.ts';

/**
 * A clock whose sleeps do not end until it is released, as for a loop that hangs. Its time is moved by the test alone: on a
 * slow machine reading would cost time, and rest for ever.
 */
class HangingClock implements Clock {
  offsetMs = 0;
  readonly #released = Promise.withResolvers<void>();
  readonly wallMs = () => systemClock.wallMs();
  readonly monotonicMs = () => this.offsetMs;

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await orAborted(this.#released.promise, signal ?? NEVER);
    await systemClock.sleep(ms, signal);
  }

  release(): void {
    this.#released.resolve();
  }
}

async function notifier(t: Test, parts: readonly Working[]): Promise<{ manager: Manager; logged: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'bfr-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const manager = await Manager.start(t, join(folder, 'notify'));
  const logged: string[] = [];
  const log = createLog('info', { write: (line) => logged.push(line) });
  const environment = { ...process.env, NOTIFY_SOCKET: join(folder, 'notify'), WATCHDOG_USEC: '300000' };
  const service = new SystemdNotifier({ clock: systemClock, log, parts }, environment);
  t.teardown(() => service.stop());
  await service.start();
  return { manager, logged };
}

t.test('watchdog: it is fed while every part works, and no more when one of them is stuck', async (t) => {
  const uplink = { name: 'uplink', stuck: false };
  const { manager, logged } = await notifier(t, [{ name: 'store', stuck: false }, uplink]);
  await manager.until((heard) => heard.filter((line) => line.includes('WATCHDOG=1')).length >= 2);
  uplink.stuck = true;
  await manager.until((heard) => heard.some((line) => line.includes('STATUS=no progress: uplink')));
  const fed = manager.count('WATCHDOG=1');
  await manager.until((heard) => heard.filter((line) => line.includes('no progress')).length >= 3);
  t.equal(manager.count('WATCHDOG=1'), fed, 'not fed');
  t.ok(logged.some((line) => line.includes('"stuck":["uplink"]')));
  uplink.stuck = false;
  await manager.until(() => manager.count('WATCHDOG=1') > fed);
});

t.test('watchdog: a READY that did not get to systemd is said again', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'bfr-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const socket = join(folder, 'notify');
  const log = createLog('error', { write: () => undefined });
  const environment = { ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: '300000' };
  const service = new SystemdNotifier({ clock: systemClock, log, parts: [] }, environment);
  t.teardown(() => service.stop());
  await service.start();
  const manager = await Manager.start(t, socket);
  await manager.until(() => manager.count('READY=1') > 0);
  t.match(
    manager.heard.find((line) => line.includes('READY=1')),
    /STATUS=running/,
  );
});

t.test('pulse: a part is late when no round has ended for longer than any takes', async (t) => {
  const clock = new TestClock();
  const pulse = new Pulse(clock, 10_000);
  await clock.advance(10_000);
  t.notOk(pulse.late);
  await clock.advance(1);
  t.ok(pulse.late);
  pulse.beat();
  t.notOk(pulse.late);
});

t.test('uplink: a client that is connected, or tries, works', async (t) => {
  const clock = new HangingClock();
  clock.release();
  const mosquitto = await broker(t);
  const { client, up } = watchedClient(t, { brokers: [mosquitto.url], pingEveryMs: 20 }, { clock });
  const isUp = up();
  await client.start(NEVER);
  await isUp;
  clock.offsetMs = 170_000;
  t.notOk(client.stuck);
  clock.offsetMs = 200_000;
  t.ok(client.stuck, 'nothing was heard for so long');
  await until(() => !client.stuck);
  t.pass('PINGRESP is a sign of life');
});

t.test('uplink: a client whose loop hangs after a failed try is stuck', async (t) => {
  const clock = new HangingClock();
  const refusing = createServer((socket) => socket.destroy());
  refusing.listen(0, '127.0.0.1');
  await once(refusing, 'listening');
  t.teardown(() => refusing.close());
  const { port } = refusing.address() as { port: number };
  const { client, down } = watchedClient(t, { brokers: [`mqtt://127.0.0.1:${port}`] }, { clock });
  t.teardown(() => clock.release());
  const failed = down();
  await client.start(NEVER);
  await failed;
  t.notOk(client.stuck);
  clock.offsetMs = 181_000;
  t.ok(client.stuck);
});

t.test('uplink: an event that stays on the wire for ever is a link that stands still', async (t) => {
  const clock = new HangingClock();
  const sent = Promise.withResolvers<void>();
  const odd = await OddBroker.start(({ topic }) => {
    if (!topic.includes('/event/')) return 'take';
    sent.resolve();
    return 'nothing';
  });
  t.teardown(() => odd.stop());
  const folder = await mkdtemp(join(tmpdir(), 'bfr-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const held = store(folder);
  t.teardown(() => held.close());
  const made = uplink(t, held, { brokers: [odd.url] }, clock);
  t.teardown(() => clock.release());
  await made.start(NEVER);
  const fault = { cause: 'store-damaged', fault: 'ourselves', side: 'box', detail: 'x' } as const;
  made.reporter.event('fault', 'collector', fault);
  await sent.promise;
  clock.offsetMs = 179_000;
  t.notOk(made.stuck);
  clock.offsetMs = 181_000;
  t.ok(made.stuck);
});

t.test('uplink: nothing to send, or nobody to send to, is no standing still', async (t) => {
  const clock = new HangingClock();
  const odd = await OddBroker.start(() => 'take');
  t.teardown(() => odd.stop());
  const folder = await mkdtemp(join(tmpdir(), 'bfr-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const held = store(folder);
  t.teardown(() => held.close());
  const made = uplink(t, held, { brokers: [odd.url] }, clock);
  t.teardown(() => clock.release());
  await made.start(NEVER);
  const fault = { cause: 'store-damaged', fault: 'ourselves', side: 'box', detail: 'x' } as const;
  made.reporter.event('fault', 'collector', fault);
  await odd.until((taken) => taken.some(({ topic }) => topic.includes('/event/')));
  await until(() => held.outbox.pending() === 0);
  clock.offsetMs = 170_000;
  made.reporter.event('fault', 'collector', fault);
  await until(() => held.outbox.pending() === 0);
  clock.offsetMs = 340_000;
  t.notOk(made.stuck, 'heard within the time, and nothing waits');
});
