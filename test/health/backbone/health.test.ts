import t, { type Test } from 'tap';
import { systemClock } from '../../../agent/base/clock.ts';
import { BackboneHealth } from '../../../agent/health/backbone/health.ts';
import type { BackboneLimits } from '../../../agent/health/backbone/judge.ts';
import { NarrowLine } from '../../support/narrow-line.ts';
import { Relay } from '../../support/relay.ts';
import { until } from '../../support/until.ts';
import type { WatchedClient } from '../../uplink/parts.ts';
import { broker, quietLog, watchedClient } from '../../uplink/parts.ts';
import { Recorder } from '../recorder.ts';

const LIMITS: BackboneLimits = {
  windowS: 1,
  roundTripLimitMs: 250,
  lossLimitPercent: 50,
  waitingLimitPercent: 100,
};

/** The health of the paths of these clients: main, and back-up where there is a second one. */
async function watch(t: Test, clients: readonly WatchedClient[]) {
  const recorder = new Recorder(systemClock);
  const health = new BackboneHealth({
    clock: systemClock,
    log: quietLog().log,
    reporter: recorder,
    paths: () =>
      clients.map(({ client }, index) => ({
        path: index === 0 ? 'main' : 'backup',
        state: client.connected ? 'up' : 'lost',
        line: client.line,
        roundTripsMs: client.takeRoundTrips(),
      })),
    videoLine: () => undefined,
  });
  await health.start(new AbortController().signal);
  t.teardown(() => health.stop());
  health.apply(LIMITS);
  const state = () => recorder.last('backbone', 'collector');
  return { health, state };
}

async function connected(t: Test, port: number, clientId = 'main'): Promise<WatchedClient> {
  const watched = watchedClient(t, { brokers: [`mqtt://127.0.0.1:${port}`], clientId, pingEveryMs: 100 });
  const up = watched.up();
  await watched.client.start(new AbortController().signal);
  await up;
  return watched;
}

t.test(
  'backbone: the round trip of each path is measured; a slow one is a fault of the backbone until it is fast again',
  async (t) => {
    const mosquitto = await broker(t);
    const relay = await Relay.start(() => mosquitto.port);
    t.teardown(() => relay.stop());
    const main = await connected(t, relay.port);
    const backup = await connected(t, mosquitto.port, 'backup');
    const { health, state } = await watch(t, [main, backup]);
    t.equal(health.fault, undefined, 'nothing is said before it is measured');

    await until(() => state().main_round_trip_ms !== undefined);
    t.match(state(), { main: 'up', backup: 'up', loss_check: 'measured' });
    t.ok(Number(state().main_round_trip_max_ms) >= Number(state().main_round_trip_ms));
    await until(() => state().backup_round_trip_ms !== undefined && state().backup_kbps !== undefined);

    relay.delayMs = 400;
    // A machine that is slow may be so by itself, before the answers through the relay come.
    await until(() => state().cause === 'backbone-slow' && Number(state().main_round_trip_ms) >= 790);
    t.match(state(), { state: 'degraded', fault: 'uplink', side: 'backbone', detail: /^main path: / });
    t.match(health.fault, { cause: 'backbone-slow' });

    relay.delayMs = 0;
    await until(() => state().cause === 'none');
    const since = state().since;
    t.ok(typeof since === 'number' && since > 0);

    relay.dead = true;
    relay.cut();
    await until(() => state().main === 'lost');
    t.equal(state().main_round_trip_ms, undefined, 'of a lost path nothing is known');
    t.equal(state().main_kbps, undefined);
  },
);

t.test(
  'backbone: what the line takes is counted, and a line that takes less than it is given is full',
  async (t) => {
    const mosquitto = await broker(t);
    const line = await NarrowLine.start(mosquitto.port);
    t.teardown(() => line.stop());
    const main = await connected(t, line.port);
    const { state } = await watch(t, [main]);
    const lane = {};
    const send = () => main.client.sendNow(lane, 'a/b', [Buffer.alloc(20_000)], () => undefined);
    const pouring = setInterval(send, 20);
    t.teardown(() => clearInterval(pouring));

    await until(() => Number(state().main_kbps) > 1000);
    line.narrow();
    const granting = setInterval(() => line.grant(), 50);
    t.teardown(() => clearInterval(granting));
    await until(() => state().cause === 'backbone-full');
    t.match(state(), { state: 'degraded', side: 'backbone', main_waiting_percent: 100 });
  },
);

t.test(
  'backbone: with PINGREQ of our own a broker that falls silent is noticed as soon as without',
  async (t) => {
    const mosquitto = await broker(t);
    const relay = await Relay.start(() => mosquitto.port);
    t.teardown(() => relay.stop());
    const watched = watchedClient(t, {
      brokers: [`mqtt://127.0.0.1:${relay.port}`],
      pingEveryMs: 200,
      keepAliveS: 2,
      connectTimeoutMs: 500,
    });
    const up = watched.up();
    await watched.client.start(new AbortController().signal);
    await up;
    let seen = 0;
    await until(() => {
      seen += watched.client.takeRoundTrips().length;
      return seen >= 2;
    });
    const down = watched.down();
    relay.dead = true;
    t.match(await down, { code: 'broker-silent' });
  },
);
