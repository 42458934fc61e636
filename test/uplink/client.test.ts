import { once } from 'node:events';
import { createServer as createWebServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import t, { type Test } from 'tap';
import { ForeignSubscriber, foreignPublish } from '../support/mosquitto.ts';
import { freePort } from '../support/port.ts';
import { TestClock } from '../support/test-clock.ts';
import { until } from '../support/until.ts';
import { broker, Happenings, NEVER, watchedClient } from './parts.ts';

/** A TCP server whose behaviour is given; ended with the test. */
async function server(
  test: Test,
  behave: (socket: Socket) => void,
): Promise<{ url: string; connections: Happenings<Socket> }> {
  const connections = new Happenings<Socket>();
  const listening: Server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => undefined);
    connections.push(socket);
    behave(socket);
  });
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  test.teardown(() => {
    for (const socket of connections.all) socket.destroy();
    listening.close();
  });
  const address = listening.address();
  if (address === null || typeof address === 'string') throw new Error('expected a port');
  return { url: `mqtt://127.0.0.1:${address.port}`, connections };
}

t.test('uplink: a QoS 1 message is received by a foreign subscriber and resolves at PUBACK', async (t) => {
  const mosquitto = await broker(t);
  const foreign = await ForeignSubscriber.start(mosquitto, ['up/#']);
  t.teardown(() => foreign.stop());
  const { client, up } = watchedClient(t, { brokers: [mosquitto.url] });
  const isUp = up();
  await client.start(NEVER);
  const info = await isUp;
  t.equal(info.protocol, 'mqtt5');
  await client.publish('up/a', 'hello', { qos: 1 }, NEVER);
  const message = await foreign.message(({ topic }) => topic === 'up/a');
  t.match(message, { qos: 1, retain: false });
  t.equal(message.payload.toString(), 'hello');
});

t.test(
  'uplink: 2,000 messages at once keep their order and never exceed the window of the server',
  async (t) => {
    // Else it drops what a subscriber that stands still has not taken of a thousand messages.
    const mosquitto = await broker(t, { extra: ['max_inflight_messages 3', 'max_queued_messages 0'] });
    const foreign = await ForeignSubscriber.start(mosquitto, ['up/#']);
    t.teardown(() => foreign.stop());
    const { client, up } = watchedClient(t, { brokers: [mosquitto.url] });
    const isUp = up();
    await client.start(NEVER);
    t.equal((await isUp).inflight, 3);
    const numbers = Array.from({ length: 2000 }, (_, i) => String(i));
    await Promise.all(numbers.map((n) => client.publish('up/n', n, { qos: 1 }, NEVER)));
    const received = await foreign.count(2000, () => true);
    t.same(
      received.map(({ payload }) => payload.toString()),
      numbers,
    );
    t.notMatch(mosquitto.log, /receive maximum exceeded/i);
  },
);

t.test('uplink: messages of the subscriptions come with their retain flag', async (t) => {
  const mosquitto = await broker(t);
  await foreignPublish(mosquitto, 'down/kept', 'old', { retain: true });
  const { client, up } = watchedClient(t, {
    brokers: [mosquitto.url],
    subscriptions: ['down/#'],
    maxDownBytes: 1000,
  });
  const messages = new Happenings<{ topic: string; text: string; retain: boolean }>();
  client.onMessage((topic, payload, { retain }) =>
    messages.push({ topic, text: payload.toString(), retain }),
  );
  const isUp = up();
  await client.start(NEVER);
  await isUp;
  t.match(await messages.next(({ text }) => text === 'old'), { topic: 'down/kept', retain: true });
  await foreignPublish(mosquitto, 'down/live', 'new');
  t.match(await messages.next(({ text }) => text === 'new'), { topic: 'down/live', retain: false });
  await foreignPublish(mosquitto, 'down/live', 'both', { retain: true });
  t.match(await messages.next(({ text }) => text === 'both'), { retain: true }, 'retain as published');
});

for (const [protocol, makeServer] of [
  ['mqtt5', async (test: Test) => (await broker(test)).url],
  ['mqtt311', async (test: Test) => (await oldBroker(test)).url],
] as const) {
  t.test(
    `uplink: 10 MB on a subscribed topic is thrown away, ${protocol}, and neither kills nor loops`,
    async (t) => {
      const url = await makeServer(t);
      const big = Buffer.alloc(10 * 1024 * 1024, 'x');
      const sender = watchedClient(t, { brokers: [url], clientId: 'csu' });
      const receiver = watchedClient(t, {
        brokers: [url],
        subscriptions: ['down/#'],
        maxDownBytes: 512 * 1024,
      });
      const messages = new Happenings<string>();
      const large = new Happenings<{ topic: string; bytes: number }>();
      receiver.client.onMessage((_topic, payload) => messages.push(payload.toString()));
      receiver.client.onOversize((topic, bytes) => large.push({ topic, bytes }));
      const bothUp = Promise.all([sender.up(), receiver.up()]);
      await sender.client.start(NEVER);
      await receiver.client.start(NEVER);
      t.equal((await bothUp)[1].protocol, protocol);
      const before = process.memoryUsage().external;
      for (let i = 0; i < 30; i += 1) await sender.client.publish('down/big', big, { qos: 1 }, NEVER);
      await sender.client.publish('down/small', 'still here', { qos: 1 }, NEVER);
      await messages.next((text) => text === 'still here');
      t.same(messages.all, ['still here']);
      t.equal(large.all.length, 30, 'each is reported: more than the window of 20, so each was acknowledged');
      t.match(large.all[0], { topic: 'down/big', bytes: big.length + (protocol === 'mqtt5' ? 13 : 12) });
      t.equal(receiver.events.all.length, 1, 'one connection all along');
      t.ok(process.memoryUsage().external - before < 300e6, 'the 300 MB were not kept');
    },
  );
}

/** aedes: a broker that speaks MQTT 3.1.1 only. */
async function oldBroker(test: Test): Promise<{ url: string; connections: Happenings<Socket> }> {
  const aedes = await Aedes.createBroker();
  test.teardown(() => new Promise<void>((resolve) => aedes.close(() => resolve())));
  return await server(test, (socket) => void aedes.handle(socket));
}

t.test(
  'uplink: a broker that speaks MQTT 3.1.1 only is used with MQTT 3.1.1, and that is remembered',
  async (t) => {
    const old = await oldBroker(t);
    const { client, up, down } = watchedClient(t, { brokers: [old.url] });
    const isUp = up();
    await client.start(NEVER);
    t.equal((await isUp).protocol, 'mqtt311');
    await client.publish('up/a', 'hello', { qos: 1 }, NEVER);
    t.equal(old.connections.all.length, 2, 'one try with 5, one with 3.1.1');
    const again = up();
    const isDown = down();
    old.connections.all[1]?.destroy();
    t.equal((await isDown).code, 'broker-closed');
    t.equal((await again).protocol, 'mqtt311');
    t.equal(old.connections.all.length, 3, 'no new try with 5');
  },
);

t.test('uplink: a broker that closes on an MQTT 5 CONNECT is tried with MQTT 3.1.1', async (t) => {
  const closing = await server(t, (socket) => {
    socket.once('data', (connect: Buffer) => {
      const version = connect.readUInt8(8);
      if (version === 5) socket.destroy();
      else socket.write(Buffer.from([0x20, 2, 0, 0]));
    });
  });
  const { client, up } = watchedClient(t, { brokers: [closing.url] });
  const isUp = up();
  await client.start(NEVER);
  t.equal((await isUp).protocol, 'mqtt311');
});

t.test('uplink: a closed port is broker-unreachable, and publishing fails at once', async (t) => {
  const { client, down } = watchedClient(t, { brokers: [`mqtt://127.0.0.1:${await freePort()}`] });
  const isDown = down();
  await client.start(NEVER);
  const error = await isDown;
  t.equal(error.code, 'broker-unreachable');
  t.match(error.message, 'ECONNREFUSED');
  await t.rejects(client.publish('up/a', 'x', { qos: 1 }, NEVER), { code: 'broker-unreachable' });
  t.equal(client.publishNow('up/a', Buffer.from('x')), false);
});

t.test('uplink: brokers are tried in turn', async (t) => {
  const mosquitto = await broker(t);
  const dead = `mqtt://127.0.0.1:${await freePort()}`;
  const { client, up, events } = watchedClient(t, { brokers: [dead, mosquitto.url] });
  const isUp = up();
  await client.start(NEVER);
  t.equal((await isUp).broker, mosquitto.url);
  t.match(events.all[0], { down: { code: 'broker-unreachable' } });
});

t.test('uplink: a broker that accepts TCP and never answers is broker-silent', async (t) => {
  const asked = Promise.withResolvers<void>();
  const mute = await server(t, (socket) => void socket.once('data', () => asked.resolve()));
  const clock = new TestClock();
  const { client, down } = watchedClient(t, { brokers: [mute.url] }, { clock });
  const isDown = down();
  await client.start(NEVER);
  await asked.promise;
  await clock.advance(5_000);
  const error = await isDown;
  t.equal(error.code, 'broker-silent');
  t.match(error.message, 'no CONNACK within 5000 ms');
});

t.test('uplink: a broker that stops answering PINGREQ is noticed [MQTT 3.1.1 §3.1.2.10]', async (t) => {
  const mosquitto = await broker(t);
  const { client, up, down } = watchedClient(t, { brokers: [mosquitto.url], keepAliveS: 1 });
  let isUp = up();
  await client.start(NEVER);
  for (let code = ''; code !== 'broker-silent'; ) {
    await isUp;
    const isDown = down();
    mosquitto.pause();
    ({ code } = await isDown);
    t.match(code, /^broker-(silent|closed)$/, 'closed by the broker, if it was we who were silent before');
    isUp = up();
    mosquitto.resume();
  }
  await isUp;
});

t.test('uplink: a broker with nothing to say is heard as often as it is asked', async (t) => {
  const mosquitto = await broker(t);
  const { client, up } = watchedClient(t, {
    brokers: [mosquitto.url],
    keepAliveS: 3600,
    pingEveryMs: 3_600_000,
  });
  t.equal(client.heardMs, Number.NEGATIVE_INFINITY);
  const isUp = up();
  await client.start(NEVER);
  await isUp;
  client.pingAtLeastEvery(20);
  for (let answer = 0, { heardMs } = client; answer < 3; answer += 1, { heardMs } = client)
    await until(() => client.heardMs > heardMs);
  t.ok(client.connected);
});

t.test('uplink: a broker that never acknowledges is cut and tried again', async (t) => {
  const hoarder = await server(t, (socket) => {
    socket.once('data', () => {
      socket.write(Buffer.from([0x20, 3, 0, 0, 0]));
    });
  });
  const { client, events, up } = watchedClient(t, { brokers: [hoarder.url], ackTimeoutMs: 100 });
  const isUp = up();
  await client.start(NEVER);
  await isUp;
  await t.rejects(client.publish('up/a', 'x', { qos: 1 }, NEVER), {
    code: 'broker-silent',
    message: /no PUBACK within 100 ms/,
  });
  await events.next((e) => 'up' in e, 2);
  t.match(events.all, [{ up: {} }, { down: { code: 'broker-silent' } }, { up: {} }]);
});

t.test(
  'uplink: a message above the maximum packet size of the server is refused here, and the link stays',
  async (t) => {
    const mosquitto = await broker(t, { extra: ['max_packet_size 10000'] });
    const { client, up, events } = watchedClient(t, { brokers: [mosquitto.url] });
    const isUp = up();
    await client.start(NEVER);
    t.equal((await isUp).maximumPacketBytes, 10_000);
    const large = Buffer.alloc(10_000);
    await t.rejects(client.publish('up/a', large, { qos: 1 }, NEVER), { code: 'message-too-large' });
    t.equal(client.publishNow('up/a', large), false);
    await client.publish('up/a', 'small', { qos: 1 }, NEVER);
    t.equal(events.all.length, 1);
  },
);

t.test('uplink: a server that has no right for a message says so, and the link stays', async (t) => {
  const mosquitto = await broker(t, { acl: 'topic readwrite good/#\n' });
  const { client, up, events } = watchedClient(t, { brokers: [mosquitto.url] });
  const isUp = up();
  await client.start(NEVER);
  await isUp;
  await t.rejects(client.publish('bad/a', 'x', { qos: 1 }, NEVER), {
    code: 'broker-refused',
    message: /0x87/,
  });
  await client.publish('good/a', 'x', { qos: 1 }, NEVER);
  t.equal(events.all.length, 1);
});

t.test('uplink: a refused subscription is a refused session', async (t) => {
  const refusing = await server(t, (socket) => {
    socket.once('data', () => {
      socket.write(Buffer.from([0x20, 3, 0, 0, 0]));
      socket.once('data', (subscribe: Buffer) => {
        const id = subscribe.subarray(2, 4);
        socket.write(Buffer.concat([Buffer.from([0x90, 4]), id, Buffer.from([0, 0x87])]));
      });
    });
  });
  const { client, down } = watchedClient(t, { brokers: [refusing.url], subscriptions: ['down/#'] });
  const isDown = down();
  await client.start(NEVER);
  const error = await isDown;
  t.equal(error.code, 'broker-refused');
  t.match(error.message, 'refused to subscribe down/#');
});

t.test('uplink: a CONNACK that refuses is broker-refused and is tried again', async (t) => {
  const refusing = await server(t, (socket) => {
    socket.once('data', () => socket.end(Buffer.from([0x20, 3, 0, 0x87, 0])));
  });
  const { client, down, events } = watchedClient(t, { brokers: [refusing.url] });
  const isDown = down();
  await client.start(NEVER);
  const error = await isDown;
  t.equal(error.code, 'broker-refused');
  t.match(error.message, 'CONNACK 0x87');
  await events.next((e) => 'down' in e, 1);
  t.equal(refusing.connections.all.length, 2);
});

t.test('uplink: what is no MQTT broker is told as what it says, and is tried again', async (t) => {
  const web = createWebServer((_request, response) => response.end('hello'));
  web.listen(0, '127.0.0.1');
  t.teardown(() => web.close());
  await once(web, 'listening');
  const { port } = web.address() as { port: number };
  const speakers: [string, RegExp, string][] = [
    [`mqtt://127.0.0.1:${port}`, /expected the CONNACK .*HTTP\/1\.1 400 Bad Request/, 'a web server'],
    [(await saying(t, 'SSH-2.0-OpenSSH_9.2\r\n')).url, /SSH-2\.0-OpenSSH/, 'who speaks first'],
    [(await saying(t, Buffer.from([0x15, 3, 3, 0, 2, 2, 40]))).url, /an alert of TLS/, 'a TLS server'],
    [
      (await saying(t, Buffer.from([0x20, 0xff, 0xff, 0xff, 0xff, 1]))).url,
      /at most four bytes/,
      'a long length',
    ],
    [(await saying(t, Buffer.from([0x20, 3, 0, 0, 0, 0xd7, 0]))).url, /expected MQTT/, 'a wrong PINGRESP'],
    [
      (
        await saying(
          t,
          Buffer.concat([Buffer.from([0x20, 3, 0, 0, 0]), Buffer.alloc(2_000, '\xd0\0', 'latin1')]),
        )
      ).url,
      /expected a PINGRESP for each PINGREQ/,
      'answers that nobody asked for',
    ],
  ];
  for (const [url, message, title] of speakers) {
    const { client, down, events } = watchedClient(t, { brokers: [url] });
    const isDown = down();
    await client.start(NEVER);
    t.match(await isDown, { code: 'broker-protocol', message }, title);
    await events.next((e) => 'down' in e, 1);
    await client.stop();
  }
});

/** A server that says this to whoever connects. */
async function saying(t: Test, what: string | Buffer) {
  return await server(t, (socket) => {
    socket.write(what);
  });
}

t.test('uplink: publishNow stops at the high-water mark when the broker does not read', async (t) => {
  const stuck = await server(t, (socket) => {
    socket.once('data', () => {
      socket.write(Buffer.from([0x20, 3, 0, 0, 0]));
      socket.pause();
    });
  });
  const { client, up } = watchedClient(t, { brokers: [stuck.url], highWaterBytes: 1024 * 1024 });
  const isUp = up();
  await client.start(NEVER);
  await isUp;
  const payload = Buffer.alloc(64 * 1024);
  let taken = 0;
  for (let refused = 0; refused < 3; ) {
    if (client.publishNow('up/media', payload)) taken += payload.length;
    else refused += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.ok(taken < 32 * 1024 * 1024, 'the buffers of the kernel and one high-water mark');
});

t.test('uplink: publishNow takes a message above the high-water mark when nothing waits', async (t) => {
  const mosquitto = await broker(t);
  const foreign = await ForeignSubscriber.start(mosquitto, ['up/media']);
  t.teardown(() => foreign.stop());
  const { client, up } = watchedClient(t, { brokers: [mosquitto.url], highWaterBytes: 1024 });
  const isUp = up();
  await client.start(NEVER);
  await isUp;
  const payload = Buffer.alloc(64 * 1024, 7);
  t.equal(client.publishNow('up/media', payload), true, 'nothing waits');
  t.equal(client.publishNow('up/media', payload), false, 'the first one waits');
  t.same((await foreign.message(() => true)).payload, payload);
});

t.test('uplink: stop says DISCONNECT, so that no will is published [MQTT-3.1.2-10]', async (t) => {
  const mosquitto = await broker(t);
  const foreign = await ForeignSubscriber.start(mosquitto, ['#']);
  t.teardown(() => foreign.stop());
  // By this clock the broker is never late.
  const clock = new TestClock();
  const { client, up } = watchedClient(
    t,
    { brokers: [mosquitto.url], will: () => ({ topic: 'will', payload: 'gone', retain: false }) },
    { clock },
  );
  const isUp = up();
  await client.start(NEVER);
  await isUp;
  const last = client.publish('up/last', 'x', { qos: 1 }, NEVER);
  await client.stop();
  await last;
  t.equal(client.connected, false);
  await foreignPublish(mosquitto, 'after', 'x');
  await foreign.message(({ topic }) => topic === 'after');
  t.same(
    foreign.messages.map(({ topic }) => topic),
    ['up/last', 'after'],
  );
});

t.test('uplink: a stop while the broker is silent ends all the same', async (t) => {
  const mosquitto = await broker(t);
  const { client, up } = watchedClient(t, { brokers: [mosquitto.url] });
  const isUp = up();
  await client.start(NEVER);
  await isUp;
  mosquitto.pause();
  const lost = t.rejects(client.publish('up/a', 'x', { qos: 1 }, NEVER), { code: 'broker-closed' });
  await client.stop();
  await lost;
  t.equal(client.connected, false);
});

t.test('uplink: plain MQTT is for loopback only, and only when it is allowed', async (t) => {
  const remote = watchedClient(t, { brokers: ['mqtt://192.0.2.1'] });
  await t.rejects(remote.client.start(NEVER), { code: 'box-file-invalid' });
  const forbidden = watchedClient(t, { brokers: ['mqtt://127.0.0.1'], plainLoopback: false });
  await t.rejects(forbidden.client.start(NEVER), { code: 'box-file-invalid' });
});
