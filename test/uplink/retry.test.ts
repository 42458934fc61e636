import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
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

/** The level of the protocol in a CONNECT. @see MQTT 5 §3.1.2.2 */
const levelOf = (connect: Buffer) => connect[connect.indexOf('MQTT') + 4];

/** A broker that says CONNACK; what it does then is up to the test. */
async function accepting(t: Test, then: (socket: Socket) => void): Promise<{ url: string; tries: number }> {
  const server = createServer((socket) => {
    found.tries += 1;
    socket.on('error', () => undefined);
    socket.once('data', (connect: Buffer) => {
      socket.write(Buffer.from(levelOf(connect) === 5 ? [0x20, 3, 0, 0, 0] : [0x20, 2, 0, 0]));
      then(socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const found = { url: `mqtt://127.0.0.1:${(server.address() as { port: number }).port}`, tries: 0 };
  return found;
}

t.test('uplink: a broker that closes right after CONNACK is tried less and less often', async (t) => {
  const broker = await accepting(t, (socket) => socket.end());
  const clock = new TestClock();
  const { client, down } = watchedClient(
    t,
    { brokers: [broker.url], subscriptions: ['down/#'] },
    { clock, random: () => 1 },
  );
  const first = down();
  await client.start(NEVER);
  t.equal((await first).code, 'broker-closed');
  for (const delayMs of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]) {
    const before = broker.tries;
    await clock.advance(delayMs - 1);
    t.equal(broker.tries, before, `nothing within ${delayMs} ms`);
    const next = down();
    await clock.advance(1);
    t.equal((await next).code, 'broker-closed');
    t.equal(broker.tries, before + 2, 'by MQTT 5 and by 3.1.1');
  }
});

t.test('uplink: one that closes as soon as the link is up is no better', async (t) => {
  const sockets: Socket[] = [];
  const broker = await accepting(t, (socket) => sockets.push(socket));
  const clock = new TestClock();
  const { client, up, down } = watchedClient(t, { brokers: [broker.url] }, { clock, random: () => 1 });
  const close = async (isUp: Promise<unknown>) => {
    await isUp;
    const isDown = down();
    sockets.at(-1)?.end();
    t.equal((await isDown).code, 'broker-closed');
  };
  const isUp = up();
  await client.start(NEVER);
  await close(isUp);
  for (const delayMs of [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    const before = broker.tries;
    await clock.advance(delayMs - 1);
    t.equal(broker.tries, before, `nothing within ${delayMs} ms`);
    const again = up();
    await clock.advance(1);
    await close(again);
    t.equal(broker.tries, before + 1);
  }
  t.notOk(client.connected);
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
