import { once } from 'node:events';
import { createServer } from 'node:net';
import t from 'tap';
import { backoffMs } from '../../agent/base/retry.ts';
import { UPLINK_RETRY } from '../../agent/uplink/retry-policy.ts';
import { TestClock } from '../support/test-clock.ts';
import { broker, NEVER, watchedClient } from './parts.ts';

const TABLE = [
  { failures: 1, neverUp: [500, 1000], wasUp: [125, 250] },
  { failures: 2, neverUp: [1000, 2000], wasUp: [250, 500] },
  { failures: 3, neverUp: [2000, 4000], wasUp: [500, 1000] },
  { failures: 7, neverUp: [30_000, 60_000], wasUp: [8000, 16_000] },
  { failures: 8, neverUp: [30_000, 60_000], wasUp: [15_000, 30_000] },
  { failures: 1000, neverUp: [30_000, 60_000], wasUp: [15_000, 30_000] },
] as const;

t.test(
  'uplink: the delays between tries grow, are capped and jittered, and differ once it was up',
  async (t) => {
    for (const { failures, neverUp, wasUp } of TABLE) {
      t.equal(backoffMs(UPLINK_RETRY.neverUp, failures, 0), neverUp[0]);
      t.equal(backoffMs(UPLINK_RETRY.neverUp, failures, 1), neverUp[1]);
      t.equal(backoffMs(UPLINK_RETRY.wasUp, failures, 0), wasUp[0]);
      t.equal(backoffMs(UPLINK_RETRY.wasUp, failures, 1), wasUp[1]);
    }
  },
);

t.test('uplink: a broker that refuses is tried no earlier than the policy says', async (t) => {
  let tries = 0;
  const refusing = createServer((socket) => {
    tries += 1;
    socket.once('data', () => socket.end(Buffer.from([0x20, 3, 0, 0x87, 0])));
  });
  refusing.listen(0, '127.0.0.1');
  await once(refusing, 'listening');
  t.teardown(() => refusing.close());
  const { port } = refusing.address() as { port: number };
  const clock = new TestClock();
  const { client, down } = watchedClient(
    t,
    { brokers: [`mqtt://127.0.0.1:${port}`] },
    { clock, random: () => 1 },
  );
  const first = down();
  await client.start(NEVER);
  await first;
  for (const delayMs of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]) {
    const before = tries;
    await clock.advance(delayMs - 1);
    t.equal(tries, before, `nothing within ${delayMs} ms`);
    const next = down();
    await clock.advance(1);
    await next;
    t.equal(tries, before + 1);
  }
});

t.test('uplink: the back-off begins anew only after the link was up for a while', async (t) => {
  const mosquitto = await broker(t);
  const clock = new TestClock();
  const { client, up, down } = watchedClient(t, { brokers: [mosquitto.url] }, { clock, random: () => 1 });
  const isUp = up();
  await client.start(NEVER);
  await isUp;

  const loseFor = async (delayMs: number) => {
    const isDown = down();
    await mosquitto.kill();
    await isDown;
    await mosquitto.restart();
    const again = up();
    await clock.advance(delayMs - 1);
    t.notOk(client.connected, `not within ${delayMs} ms`);
    await clock.advance(1);
    await again;
  };
  await loseFor(250);
  await loseFor(500);
  await loseFor(1000);
  await clock.advance(UPLINK_RETRY.stableMs);
  await loseFor(250);
});
