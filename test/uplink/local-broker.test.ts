import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Clock, systemClock } from '../../agent/base/clock.ts';
import { PeerProtocolError, UplinkError } from '../../agent/base/errors.ts';
import { Link } from '../../agent/uplink/link.ts';
import { type LocalBroker, listenToBroker, localClientId } from '../../agent/uplink/local-broker.ts';
import { readPublish } from '../../agent/uplink/publish-packet.ts';
import { ReadingShare } from '../../agent/uplink/reading-share.ts';
import { Session } from '../../agent/uplink/session.ts';
import { EmbeddedBroker } from '../support/embedded-broker.ts';
import {
  foreignFlood,
  foreignFloodWithoutEnd,
  foreignPublish,
  Mosquitto,
  onlyWith,
} from '../support/mosquitto.ts';
import { createPki } from '../support/pki.ts';
import * as fc from '../support/properties.ts';
import { TestClock } from '../support/test-clock.ts';
import { Happenings } from './parts.ts';

type Heard =
  | { subscribed: readonly string[] }
  | { topic: string; text: string; retained: boolean }
  | { topic: string; tooLarge: number };

interface Listening {
  readonly heard: Happenings<Heard>;
  readonly ended: Promise<unknown>;
  /** Once it is subscribed. */
  leave(topic: string): Promise<void>;
  stop(): void;
}

/** Listens until the end of the test. */
function listening(
  t: Test,
  broker: Partial<LocalBroker> & Pick<LocalBroker, 'port'>,
  topics: readonly string[] = ['cuve'],
  clock = systemClock,
  act: () => boolean = () => false,
): Listening {
  const heard = new Happenings<Heard>();
  const abort = new AbortController();
  let leave: Listening['leave'] = () => Promise.reject(new Error('not subscribed'));
  const ended = listenToBroker(
    clock,
    { id: 'mqtt-1', host: '127.0.0.1', maxPayloadBytes: 100, ...broker },
    { clientId: localClientId('57463-mairie', 'mqtt-1'), topics },
    {
      subscribed: (refused, how) => {
        leave = how;
        heard.push({ subscribed: refused });
      },
      message: (topic, payload, retained) => {
        heard.push({ topic, text: payload.toString(), retained });
        return act();
      },
      tooLarge: (topic, tooLarge) => heard.push({ topic, tooLarge }),
    },
    abort.signal,
  ).catch((thrown: unknown) => thrown);
  t.teardown(async () => {
    abort.abort();
    await ended;
  });
  return { heard, ended, leave: (topic) => leave(topic), stop: () => abort.abort() };
}

const subscribed = ({ heard }: Listening) => heard.next((happening) => 'subscribed' in happening);
const texts = ({ heard }: Listening) =>
  heard.all.flatMap((happening) => ('text' in happening ? happening : []));
const text = ({ heard }: Listening, wanted: string) =>
  heard.next((happening) => 'text' in happening && happening.text === wanted);

async function mosquitto(t: Test, folder = t.testdir(), extra: readonly string[] = []): Promise<Mosquitto> {
  const broker = await Mosquitto.start(join(folder, 'broker'), { extra });
  t.teardown(() => broker.kill());
  return broker;
}

t.test('local broker: its topics and no others are heard, and what was retained is marked', async (t) => {
  const broker = await mosquitto(t);
  await foreignPublish(broker, 'cuve', 'kept', { retain: true });
  const box = listening(t, broker, ['cuve', 'porte']);
  await subscribed(box);
  await foreignPublish(broker, 'cave', 'other');
  await foreignPublish(broker, 'cuve', 'live and kept', { retain: true });
  await foreignPublish(broker, 'porte', 'live');
  await text(box, 'live');
  t.same(texts(box), [
    { topic: 'cuve', text: 'kept', retained: true },
    { topic: 'cuve', text: 'live and kept', retained: false },
    { topic: 'porte', text: 'live', retained: false },
  ]);
});

t.test('local broker: nothing is published, not even a will, and nothing of the session stays', async (t) => {
  const broker = await mosquitto(t);
  const box = listening(t, broker);
  await subscribed(box);
  box.stop();
  await box.ended;
  await foreignPublish(broker, 'cuve', 'after the end');
  t.match(broker.log, /Received SUBSCRIBE from beffroi-/);
  t.notMatch(broker.log, /Received PUBLISH from beffroi-|Will message specified/);
  t.notMatch(broker.log, /Sending PUBLISH to beffroi-/);
  t.match(broker.log, /as beffroi-[0-9a-f]{12} \(p5, c1,/, 'MQTT 5, clean start');
});

t.test(
  'local broker: one that knows MQTT 3.1.1 alone is heard, and a topic that it refuses is named',
  async (t) => {
    const old = await EmbeddedBroker.start(['secret']);
    t.teardown(() => old.stop());
    const box = listening(t, { port: old.port }, ['cuve', 'secret', 'porte']);
    t.same(await subscribed(box), { subscribed: ['secret'] });
    await foreignPublish({ port: old.port } as Mosquitto, 'porte', 'open');
    await text(box, 'open');
  },
);

t.test('local broker: user and password are those of the configuration', async (t) => {
  const folder = t.testdir();
  const login = { user: 'box', password: 'right' };
  const broker = await mosquitto(t, folder, onlyWith(login, folder));
  for (const credentials of [undefined, { ...login, password: 'wrong' }]) {
    const error = await listening(t, { port: broker.port, credentials }).ended;
    t.match(error, { code: 'equipment-login-refused', message: /mqtt-1.*CONNACK 0x8/ });
    t.notMatch(String((error as Error).message), /wrong/);
  }
  const box = listening(t, { port: broker.port, credentials: login });
  await subscribed(box);
  await foreignPublish(broker, 'cuve', '1', { login });
  await text(box, '1');
});

t.test('local broker: TLS with the authority and the name of the configuration', async (t) => {
  const folder = t.testdir();
  const pki = await createPki(join(folder, 'pki'), ['gtb.example']);
  const other = await createPki(join(folder, 'other'));
  const broker = await Mosquitto.start(join(folder, 'broker'), {
    tls: pki.broker,
    extra: ['require_certificate false', 'use_identity_as_username false'],
  });
  t.teardown(() => broker.kill());
  const at = { port: broker.port, host: 'localhost' };
  const authorities = await readFile(pki.authorities, 'utf8');
  const box = listening(t, { ...at, tls: { authorities, serverName: 'gtb.example' } });
  await subscribed(box);
  const wrong = [
    { authorities: await readFile(other.authorities, 'utf8'), serverName: 'gtb.example' },
    { authorities },
  ];
  for (const tls of wrong)
    t.match(await listening(t, { ...at, tls }).ended, { code: 'equipment-tls-refused' });
});

t.test('local broker: absent, silent from the beginning, silent later, gone', async (t) => {
  const broker = await mosquitto(t);
  const box = listening(t, broker);
  await subscribed(box);
  broker.pause();
  const second = listening(t, broker);
  t.match(await second.ended, { code: 'equipment-silent', message: /no CONNACK/ });
  t.match(await box.ended, { code: 'equipment-silent', message: /no PINGRESP/ });
  broker.resume();
  const third = listening(t, broker);
  await subscribed(third);
  await broker.kill();
  t.match(await third.ended, { code: 'equipment-closed' });
  t.match(await listening(t, broker).ended, { code: 'equipment-port-closed' });
});

t.test('local broker: 10 MB are thrown away and the next message is heard', async (t) => {
  const broker = await mosquitto(t);
  const box = listening(t, broker);
  await subscribed(box);
  await foreignPublish(broker, 'cuve', Buffer.alloc(10 * 1024 * 1024, 0x41));
  await foreignPublish(broker, 'cuve', 'A'.repeat(101));
  await foreignPublish(broker, 'cuve', 'A'.repeat(100));
  await text(box, 'A'.repeat(100));
  const large = box.heard.all.flatMap((happening) => ('tooLarge' in happening ? happening : []));
  t.match(large, [
    { topic: 'cuve', tooLarge: Number },
    { topic: 'cuve', tooLarge: 101 },
  ]);
  t.ok((large[0]?.tooLarge ?? 0) >= 10 * 1024 * 1024);
  t.equal(texts(box).length, 1);
});

/** A clock that shows for how long reading rests. */
function resting(): { readonly rests: Happenings<number>; readonly clock: Clock } {
  const rests = new Happenings<number>();
  const clock: Clock = {
    wallMs: () => systemClock.wallMs(),
    monotonicMs: () => systemClock.monotonicMs(),
    sleep: (ms, signal) => {
      // Others are the time-outs of the connection.
      if (ms < 5_000) rests.push(ms);
      return systemClock.sleep(ms, signal);
    },
  };
  return { rests, clock };
}

t.test('local broker: a burst of a thousand messages is heard whole and in order', async (t) => {
  const broker = await mosquitto(t);
  const box = listening(t, broker);
  await subscribed(box);
  const lines = Array.from({ length: 1_000 }, (_, number) => String(number));
  await foreignFlood(broker, 'cuve', lines);
  await text(box, '999');
  t.same(
    texts(box).map((one) => one.text),
    lines,
  );
});

t.test('local broker: work for a message that is acted upon is no reading, other work is', async (t) => {
  const broker = await mosquitto(t);
  for (const acted of [true, false]) {
    const { rests, clock } = resting();
    let nowMs = 0;
    const box = listening(t, broker, ['cuve'], { ...clock, monotonicMs: () => nowMs }, () => {
      nowMs += 30;
      return acted;
    });
    await subscribed(box);
    const before = rests.all.length;
    await foreignPublish(broker, 'cuve', 'work');
    if (acted) await text(box, 'work');
    else await rests.next((ms) => ms >= 100, before);
    t.notOk(acted && rests.all.slice(before).some((ms) => ms >= 100), 'no rest for what is acted upon');
    box.stop();
    await box.ended;
  }
});

t.test('local broker: the answer to a PING that waits behind a flood is waited for', async (t) => {
  const broker = await mosquitto(t);
  const behind = new Happenings<true>();
  // Time goes by with what is read and with nothing else: a real message costs so little that a rest may take a minute.
  let nowMs = 0;
  const clock: Clock = {
    ...{ wallMs: () => systemClock.wallMs(), monotonicMs: () => nowMs },
    // The first rest of the reading is without end; others are the time-outs of the connection.
    sleep: (ms, signal) => {
      if (ms >= 5_000) return systemClock.sleep(ms, signal);
      behind.push(true);
      return new Promise(() => undefined);
    },
  };
  const publish = () => {
    nowMs += 1;
  };
  const link = await Link.open(
    clock,
    { label: broker.url, host: '127.0.0.1', port: broker.port, secure: false },
    'mqtt5',
    {
      ...{ clientId: 'box', subscriptions: [], maxInflight: 1, maxDownBytes: 100, highWaterBytes: 0 },
      ...{ keepAliveS: 60, connectTimeoutMs: 5_000, ackTimeoutMs: 5_000, pingEveryMs: 0, readingShare: 0.02 },
    },
    { message: () => undefined, oversize: () => undefined, publish },
    new AbortController().signal,
  );
  t.teardown(() => link.destroy());
  await link.accepted(new AbortController().signal);
  await link.subscribeEach(['cuve'], new AbortController().signal);
  const unanswered = new Happenings<number>();
  let asked = 0;
  link.mqtt.on('packetsend', ({ cmd }) => {
    if (cmd !== 'pingreq') return;
    asked += 1;
    unanswered.push(asked);
  });
  const flood = foreignFloodWithoutEnd(broker, 'cuve', '10');
  t.teardown(() => flood.stop());
  await behind.next(() => true);
  link.mqtt.keepaliveManager?.setKeepalive(1);
  // The second PING without an answer goes when the time for the answer to the first is over.
  const patient = unanswered.next((count) => count >= 3).then(() => 'patient');
  t.equal(await Promise.race([patient, link.closed]), 'patient');
});

/**
 * A broker that takes any subscription and then sends these bytes again and again, as fast as they are taken. It answers
 * PING and never UNSUBSCRIBE.
 */
async function flooding(t: Test, packet = Buffer.alloc(0)): Promise<number> {
  const server = createServer((socket) => {
    const all = Buffer.concat(Array(Math.ceil(65_536 / Math.max(packet.length, 1))).fill(packet));
    const flood = () => {
      while (all.length > 0 && !socket.destroyed && socket.write(all));
    };
    socket.on('error', () => undefined).on('drain', flood);
    socket.on('data', (bytes: Buffer) => {
      if (bytes[0] === 0x10) socket.write(Buffer.from([0x20, 3, 0, 0, 0]));
      else if (bytes[0] === 0x82) {
        socket.write(Buffer.from([0x90, 4, bytes[2] ?? 0, bytes[3] ?? 0, 0, 0]));
        flood();
      } else if (bytes[0] === 0xc0) socket.write(Buffer.from([0xd0, 0]));
    });
    t.teardown(() => socket.destroy());
  });
  t.teardown(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const FLOODS = {
  messages: Buffer.from('3009000463757665003165', 'hex'),
  'small packets': Buffer.from('d000', 'hex'),
  'messages of other topics': Buffer.concat([
    Buffer.from('30450040', 'hex'),
    Buffer.alloc(64, 0x41),
    Buffer.from('003132', 'hex'),
  ]),
};

for (const [what, packet] of Object.entries(FLOODS)) {
  t.test(`local broker: a flood of ${what} is read in pieces, with rests between them`, async (t) => {
    const { rests, clock } = resting();
    const box = listening(t, { port: await flooding(t, packet) }, ['cuve'], clock);
    await subscribed(box);
    await rests.next(() => rests.all.length >= 5);
    t.ok(
      rests.all.every((ms) => ms >= 25),
      'four times as long as it read',
    );
  });
}

t.test('local broker: one that does not say that it let a topic go loses the connection', async (t) => {
  const clock = new TestClock();
  const box = listening(t, { port: await flooding(t) }, ['cuve'], clock);
  await subscribed(box);
  const left = box.leave('cuve').catch((thrown: unknown) => thrown);
  await clock.advance(9_999);
  t.equal(clock.sleeping, 1, 'it is waited for');
  await clock.advance(1);
  const silent = { code: 'equipment-silent', message: /mqtt-1 .*no UNSUBACK within 10000 ms/ };
  t.match(await left, silent);
  t.match(await box.ended, silent);
});

t.test('local broker: an UNSUBACK that waits behind a flood is waited for', async (t) => {
  const behind = new Happenings<true>();
  const waits = new Happenings<() => void>();
  // Time goes by with the messages of the flood alone: on a slow machine the SUBACK would cost a rest already.
  let nowMs = 0;
  const clock: Clock = {
    ...{ wallMs: () => systemClock.wallMs(), monotonicMs: () => nowMs },
    // The first rest of the reading is without end.
    sleep: (ms) =>
      new Promise((resolve) => {
        if (ms === 10_000) waits.push(resolve);
        else if (ms !== 5_000) behind.push(true);
      }),
  };
  const box = listening(t, { port: await flooding(t, FLOODS.messages) }, ['cuve'], clock, () => {
    nowMs += 1;
    return false;
  });
  await subscribed(box);
  await behind.next(() => true);
  const before = waits.all.length;
  void box.leave('cuve').catch(() => undefined);
  for (let n = before; n < before + 3; n += 1) {
    const again = waits.next(() => true, n);
    t.type(await Promise.race([again, box.ended]), 'function', 'it is waited for');
    (await again)();
  }
});

t.test('uplink: a PUBACK that waits behind a flood is waited for', async (t) => {
  const rests = new Happenings<true>();
  const looks = new Happenings<() => void>();
  let nowMs = 0;
  const clock: Clock = {
    ...{ wallMs: () => systemClock.wallMs(), monotonicMs: () => nowMs },
    sleep: (ms) =>
      new Promise((resolve) => {
        if (ms === 10_000 || ms === 1_000) looks.push(resolve);
        else if (ms !== 5_000) rests.push(true);
      }),
  };
  const publish = () => {
    nowMs += 1;
  };
  const port = await flooding(t, FLOODS.messages);
  const session = await Session.open(
    clock,
    { label: 'mqtt://127.0.0.1', host: '127.0.0.1', port, secure: false },
    'mqtt5',
    {
      ...{ clientId: 'box', subscriptions: ['cuve'], maxInflight: 1, maxDownBytes: 100, highWaterBytes: 0 },
      ...{
        keepAliveS: 60,
        connectTimeoutMs: 5_000,
        ackTimeoutMs: 10_000,
        pingEveryMs: 0,
        readingShare: 0.02,
      },
    },
    { message: () => undefined, oversize: () => undefined, publish },
    new AbortController().signal,
  );
  t.teardown(() => session.cut(new UplinkError('broker-closed', 'the test is over')));
  await rests.next(() => true);
  const sent = session.publish('up/a', 'x', false, new AbortController().signal);
  for (let n = 0; n < 3; n += 1) {
    const look = looks.next(() => true, n);
    t.type(await Promise.race([look, sent.catch(({ message }) => message)]), 'function', 'it is waited for');
    nowMs += 10_000;
    (await look)();
  }
});

t.test('reading takes its share of the time, whatever each piece costs', (t) => {
  const rule = fc.property(
    fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 200 }),
    (costs) => {
      let nowMs = 0;
      let readMs = 0;
      const clock: Clock = { wallMs: () => 0, monotonicMs: () => nowMs, sleep: () => Promise.resolve() };
      const share = new ReadingShare(clock, 0.2);
      for (const ms of costs) {
        nowMs += share.do(() => {
          nowMs += ms;
          readMs += ms;
        });
      }
      return readMs <= nowMs * 0.2 + 60;
    },
  );
  t.doesNotThrow(() => fc.assert(rule, { numRuns: 500 }));
  t.end();
});

t.test('reading: a minute in which the process stood still is no minute of reading', (t) => {
  let nowMs = 0;
  const clock: Clock = { wallMs: () => 0, monotonicMs: () => nowMs, sleep: () => Promise.resolve() };
  const share = new ReadingShare(clock, 0.2);
  const restMs = share.do(() => {
    nowMs += 60_000;
  });
  t.equal(restMs, 1_000, 'and not five minutes');
  t.end();
});

t.test('local broker: messages with more than the QoS that was asked for end the connection', async (t) => {
  const port = await flooding(t, Buffer.from('320b00046375766500010031', 'hex').subarray(0, 13));
  t.match(await listening(t, { port }).ended, { code: 'equipment-protocol' });
});

t.test('local broker: a PUBLISH packet is read, and no bytes break more than the connection', async (t) => {
  const packet = Buffer.from('0004637576650231322e35', 'hex');
  t.match(readPublish(0x31, Buffer.from('000463757665312e35', 'hex'), 'mqtt311'), {
    topic: 'cuve',
    payload: Buffer.from('1.5'),
    retain: true,
  });
  t.throws(() => readPublish(0x30, packet.subarray(0, 4), 'mqtt5'), { code: 'equipment-protocol' });
  const rule = fc.property(
    fc.integer({ min: 0x30, max: 0x3f }),
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom('mqtt5' as const, 'mqtt311' as const),
    (first, bytes, protocol) => {
      try {
        const { topic, payload } = readPublish(first, Buffer.from(bytes), protocol);
        return topic.length + payload.length <= bytes.length;
      } catch (thrown) {
        return thrown instanceof PeerProtocolError;
      }
    },
  );
  t.doesNotThrow(() => fc.assert(rule, { numRuns: 20_000 }));
});
