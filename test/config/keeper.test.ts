import { join } from 'node:path';
import type { Test } from 'tap';
import t from 'tap';
import { ConfigurationError, DeviceError } from '../../agent/base/errors.ts';
import type { Difference } from '../../agent/config/difference.ts';
import { type ConfigurationConsumer, ConfigurationKeeper } from '../../agent/config/keeper.ts';
import type { OpenedConfiguration } from '../../agent/config/opened.ts';
import { TimeFloor } from '../../agent/config/time-floor.ts';
import type { ConfigOrder } from '../../agent/contract/orders.ts';
import { parseSigningKey } from '../../agent/trust/keys.ts';
import { generateSigningKey, signOrder } from '../../agent/trust/sign.ts';
import { addBox } from '../../provisioning/box.ts';
import { sealConfiguration } from '../../provisioning/seal.ts';
import { signConfiguration } from '../../provisioning/sign.ts';
import { type Box, consentOf, enrolledBox, SITE } from './fixture.ts';

const PASSWORD = 'Sesame-7f3a';

function camera(id: string, more: object = {}): object {
  return {
    id,
    name: `Camera ${id}`,
    host: '10.0.0.1',
    regime: 'continuous',
    owner: 'commune',
    onvif: {},
    ...more,
  };
}

const LOGIN = { version: 1, user: 'beffroi', password: PASSWORD };

/** Takes over what it is given; `next` decides what happens to the next call. */
class Consumer implements ConfigurationConsumer {
  readonly applied: { next: OpenedConfiguration; difference: Difference }[] = [];
  next: (() => Promise<void>) | undefined;

  async apply(next: OpenedConfiguration, difference: Difference): Promise<void> {
    const behave = this.next;
    this.next = undefined;
    await behave?.();
    this.applied.push({ next, difference });
  }

  get last(): OpenedConfiguration | undefined {
    return this.applied.at(-1)?.next;
  }
}

interface Kept {
  readonly box: Box;
  readonly consumer: Consumer;
  keeper: ConfigurationKeeper;
}

async function kept(t: Test): Promise<Kept> {
  const box = await enrolledBox(t);
  const consumer = new Consumer();
  const keeper = keeperOf(box, consumer);
  await keeper.start();
  return { box, consumer, keeper };
}

function keeperOf(box: Box, consumer: Consumer): ConfigurationKeeper {
  const { clock, log, store, refusals, reports, keys } = box;
  return new ConfigurationKeeper({
    site: SITE,
    keyring: keys.keyring,
    sealKey: keys.sealKey,
    clock,
    clockTrust: () => box.clockTrust,
    log,
    store,
    refusals,
    consumer,
    consent: consentOf(box),
    reporter: reports,
  });
}

async function signed(box: Box, configuration: object, version?: number): Promise<Buffer> {
  const request = { site: SITE, configuration, ...(version === undefined ? {} : { version }) };
  return Buffer.from((await signConfiguration(box.csu, request, box.clock.wallMs())).jws);
}

/** Signs whatever it is given, as the CSU's own tools would refuse to. */
async function signedAsIs(
  box: Box,
  claims: Partial<Record<keyof ConfigOrder, unknown>>,
  role: 'config' | 'operate' = 'config',
): Promise<Buffer> {
  const iat = Math.floor(box.clock.wallMs() / 1000);
  const order = {
    typ: 'configuration',
    aud: SITE,
    jti: 'order-0001',
    iat,
    exp: iat + 3600,
    version: 1,
    config: {},
    ...claims,
  };
  return Buffer.from(signOrder(order, [await box.csu.key(role)]));
}

const phases = (box: Box) => box.reports.of('config').map(({ phase, version }) => `${phase} ${version}`);

t.test('a signed configuration is received, applied and reported with version and hash', async (t) => {
  const { box, consumer, keeper } = await kept(t);
  await keeper.receive(await signed(box, { cameras: [camera('cam-a', { credentials: LOGIN })] }));
  t.strictSame(phases(box), ['none 0', 'received 1', 'applying 1', 'applied 1']);
  t.strictSame(consumer.last?.cameras[0]?.credentials, LOGIN, 'the login is opened');
  const report = box.reports.of('config').at(-1);
  t.equal(report?.applied_version, 1);
  t.equal(report?.hash, box.store.slots.lastGood()?.hash);
  t.strictSame(box.registered(), ['config.received none', 'config.applied none']);
  t.strictSame(keeper.status, { phase: 'applied', version: 1, appliedVersion: 1, detail: '' });
});

t.test('a password reaches no report, no log, no register line and no file', async (t) => {
  const { box, keeper } = await kept(t);
  await keeper.receive(await signed(box, { cameras: [camera('cam-a', { credentials: LOGIN })] }));
  const said = JSON.stringify([
    box.reports.all,
    box.logged,
    box.store.register.lines(1, 100),
    box.store.slots.lastGood(),
  ]);
  t.notMatch(said, PASSWORD);
});

t.test('only what differs is told to the consumer: a login that was sealed anew is no change', async (t) => {
  const { box, consumer, keeper } = await kept(t);
  const cameras = [camera('cam-a', { credentials: LOGIN }), camera('cam-b')];
  await keeper.receive(await signed(box, { cameras }));
  await keeper.receive(await signed(box, { cameras: [cameras[0], camera('cam-c')] }));
  const difference = consumer.applied.at(-1)?.difference;
  t.strictSame(
    difference?.cameras.added.map(({ id }) => id),
    ['cam-c'],
  );
  t.strictSame(
    difference?.cameras.removed.map(({ id }) => id),
    ['cam-b'],
  );
  t.strictSame(difference?.cameras.changed, []);
});

t.test('the login of a UPS is opened for the alarms, and sealed to that UPS alone', async (t) => {
  const { box, consumer, keeper } = await kept(t);
  const ups = { id: 'ups-a', name: 'Baie', host: '10.0.0.9', upsName: 'onduleur' };
  await keeper.receive(await signed(box, { ups: [{ ...ups, credentials: LOGIN }] }));
  t.match(consumer.applied.at(-1)?.next.ups, [{ id: 'ups-a', credentials: LOGIN }]);
  const config = await sealConfiguration(
    { ups: [{ ...ups, credentials: LOGIN }] },
    await box.csu.box('57463-mairie'),
  );
  const [entry] = config.ups as object[];
  const moved = await signedAsIs(box, { version: 2, config: { ups: [{ ...entry, id: 'ups-b' }] } });
  await keeper.receive(moved);
  t.match(keeper.status, { phase: 'failed' });
  t.match(box.reports.of('config').at(-1), { errors: /^ups\.0\.credentials: .*sealed for another device/ });
});

t.test('the key of a panel is opened in the form that the technician gave it', async (t) => {
  const { box, consumer, keeper } = await kept(t);
  const text = '0123456789ABCDEF0123456789ABCDEF';
  const account = (id: string, key: object) => ({ account: id, supervisionS: 60, key: { text, ...key } });
  const listen = { host: '127.0.0.1', port: 10_000 };
  const accounts = [
    account('AAA', {}),
    account('BBB', { form: 'hexadecimal' }),
    account('CCC', { form: 'characters' }),
  ];
  await keeper.receive(await signed(box, { panels: [{ id: 'panel-a', name: 'A', listen, accounts }] }));
  const [panel] = consumer.applied.at(-1)?.next.panels ?? [];
  t.same(
    panel?.accounts.map(({ key }) => key?.toString('latin1')),
    [Buffer.from(text, 'hex').toString('latin1'), Buffer.from(text, 'hex').toString('latin1'), text],
  );
  const bad = {
    panels: [{ id: 'panel-a', name: 'A', listen, accounts: [account('AAA', { text: 'short' })] }],
  };
  await t.rejects(signed(box, bad), {
    code: 'command-line-invalid',
    message: /panels\.0\.accounts\.0\.key\.text: expected a key of 16/,
  });
});

t.test(
  'the login of a broker of the building is opened for the alarms, and sealed to that broker',
  async (t) => {
    const { box, consumer, keeper } = await kept(t);
    const broker = { id: 'mqtt-a', name: 'GTB', host: '10.0.0.9' };
    await keeper.receive(await signed(box, { localBrokers: [{ ...broker, credentials: LOGIN }] }));
    t.match(consumer.applied.at(-1)?.next.localBrokers, [{ id: 'mqtt-a', credentials: LOGIN }]);
    const config = await sealConfiguration(
      { localBrokers: [{ ...broker, credentials: LOGIN }] },
      await box.csu.box('57463-mairie'),
    );
    t.notMatch(JSON.stringify(config), LOGIN.password);
  },
);

t.test('the same order again changes nothing and is no refusal', async (t) => {
  const { box, consumer, keeper } = await kept(t);
  const order = await signed(box, { cameras: [camera('cam-a')] });
  await keeper.receive(order);
  await keeper.receive(order);
  t.equal(consumer.applied.length, 1);
  t.equal(box.refusals.total, 0);
  t.equal(keeper.status.phase, 'applied');
});

t.test(
  'an order that does not hold is refused, counted, registered and told; what is in force stays',
  async (t) => {
    const { box, consumer, keeper } = await kept(t);
    await keeper.receive(await signed(box, { cameras: [camera('cam-a')] }, 5));
    const stranger = parseSigningKey(JSON.stringify(generateSigningKey().privateJwk));
    const iat = Math.floor(box.clock.wallMs() / 1000);
    const forged = signOrder(
      { typ: 'configuration', aud: SITE, jti: 'order-0001', iat, exp: iat + 60, version: 6, config: {} },
      [stranger],
    );
    const genuine = (await signedAsIs(box, { version: 6 })).toString();
    const altered = genuine.replace(
      /"payload":"(.)/,
      (_all, first) => `"payload":"${first === 'a' ? 'b' : 'a'}`,
    );
    const cases: [string, Buffer, string, string][] = [
      ['forged', Buffer.from(forged), 'order-bad-signature', ''],
      ['altered', Buffer.from(altered), 'order-bad-signature', ''],
      ['no JWS', Buffer.from('{"cameras":[]}'), 'order-unsigned', ''],
      ['expired', await signedAsIs(box, { version: 6, iat: iat - 100, exp: iat - 1 }), 'order-expired', '6'],
      [
        'from the future',
        await signedAsIs(box, { version: 6, iat: iat + 600, exp: iat + 700 }),
        'order-not-yet-valid',
        '6',
      ],
      ['older', await signed(box, { cameras: [] }, 4), 'order-older-version', '4'],
      [
        'the same version with other content',
        await signed(box, { cameras: [] }, 5),
        'order-older-version',
        '5',
      ],
      [
        'for another box',
        await signedAsIs(box, { version: 6, aud: '57463-ecole' }),
        'order-wrong-audience',
        '',
      ],
      [
        'signed by a key for commands',
        await signedAsIs(box, { version: 6 }, 'operate'),
        'order-wrong-role',
        '6',
      ],
      ['of another kind', await signedAsIs(box, { version: 6, typ: 'command' }), 'order-invalid', ''],
      ['too large', Buffer.alloc(600_000, 0x20), 'order-too-large', ''],
    ];
    for (const [index, [name, order, code, id]] of cases.entries()) {
      await box.clock.advance(60_000);
      await keeper.receive(order);
      const event = box.reports.of('refusal').at(-1);
      t.match(event, { order: 'configuration', cause: code, order_id: id, refused_total: index + 1 }, name);
      t.equal(box.registered().at(-1), `order.refused ${code}`, `${name}: registered`);
    }
    t.equal(consumer.applied.length, 1, 'nothing else was applied');
    t.match(keeper.status, { phase: 'applied', version: 5, appliedVersion: 5 });
    t.equal(box.store.slots.lastGood()?.version, 5);
  },
);

t.test('what is oversize on the topic is refused without its content', async (t) => {
  const { box, keeper } = await kept(t);
  keeper.refuseOversize(10_000_000);
  t.match(box.reports.of('refusal'), [{ cause: 'order-too-large', detail: /10000000/ }]);
});

t.test(
  'an invalid configuration is refused whole with every error and its path, and spends no version',
  async (t) => {
    const { box, consumer, keeper } = await kept(t);
    await keeper.receive(await signed(box, { cameras: [camera('cam-a')] }));
    const config = {
      cameras: [camera('cam-b', { name: 7, colour: 'red' }), camera('cam-c', { onvif: undefined })],
      health: { vitalsSchedule: 'whenever' },
      extra: true,
    };
    await keeper.receive(await signedAsIs(box, { version: 2, config }));
    const report = box.reports.of('config').at(-1);
    t.match(report, {
      phase: 'failed',
      version: 2,
      applied_version: 1,
      cause: 'order-invalid',
      error_count: 5,
    });
    for (const path of [
      'cameras.0.name:',
      'cameras.0.colour: unknown key',
      'cameras.1.rtsp.path:',
      'health.vitalsSchedule:',
      'extra: unknown key',
    ]) {
      t.ok(String(report?.errors).includes(path), path);
    }
    t.match(box.reports.of('refusal').at(-1), { cause: 'order-invalid', order_id: '2' });
    t.equal(consumer.applied.length, 1);
    await keeper.receive(await signed(box, { cameras: [camera('cam-b')] }, 2));
    t.match(keeper.status, { phase: 'applied', version: 2 }, 'the corrected one may have the same version');
  },
);

t.test('a login sealed to another box refuses the whole configuration', async (t) => {
  const { box, consumer, keeper } = await kept(t);
  const options = { site: '57463-ecole', brokers: ['mqtts://localhost'] };
  const other = await addBox(box.csu, options, join(box.folder, 'other'), box.clock.wallMs());
  const config = await sealConfiguration(
    { cameras: [camera('cam-a'), camera('cam-b', { credentials: LOGIN })] },
    other,
  );
  await keeper.receive(await signedAsIs(box, { config }));
  t.match(box.reports.of('config').at(-1), {
    phase: 'failed',
    cause: 'secret-unopenable',
    errors: /^cameras\.1\.credentials: /,
  });
  t.equal(consumer.applied.length, 0);
});

t.test(
  'a refused order that the broker sends again at each reconnect is counted, not told again',
  async (t) => {
    const { box, keeper } = await kept(t);
    const invalid = await signedAsIs(box, { config: { nothing: 1 } });
    const expired = await signedAsIs(box, { iat: 1, exp: 2 });
    for (const order of [invalid, invalid, expired, expired]) await keeper.receive(order);
    t.equal(box.refusals.total, 4);
    t.equal(box.reports.of('refusal').length, 2);
  },
);

t.test('a configuration that does not apply is rolled back and reported', async (t) => {
  const { box, consumer, keeper } = await kept(t);
  await keeper.receive(await signed(box, { cameras: [camera('cam-a')] }));
  consumer.next = async () => {
    throw new DeviceError('camera-unsupported', 'expected a camera that can, came one that cannot');
  };
  await keeper.receive(await signed(box, { cameras: [camera('cam-b')] }));
  t.match(keeper.status, {
    phase: 'failed',
    version: 2,
    appliedVersion: 1,
    detail: /expected a camera that can/,
  });
  t.equal(consumer.last?.version, 1, 'the one before is in force again');
  t.strictSame(
    consumer.applied.at(-1)?.difference.cameras.removed.map(({ id }) => id),
    ['cam-b'],
  );
  t.equal(box.store.slots.lastGood()?.version, 1);
  await keeper.receive(await signed(box, { cameras: [camera('cam-c')] }, 2));
  t.match(box.reports.of('refusal').at(-1), { cause: 'order-older-version' }, 'its version is spent');
});

t.test('a configuration that does not end applying is given up in time', async (t) => {
  const { box, consumer, keeper } = await kept(t);
  const order = await signed(box, { cameras: [camera('cam-a')] });
  const hanging = Promise.withResolvers<void>();
  const called = Promise.withResolvers<void>();
  consumer.next = async () => {
    called.resolve();
    await hanging.promise;
  };
  const received = keeper.receive(order);
  await called.promise;
  await box.clock.advance(30_000);
  await received;
  t.match(keeper.status, { phase: 'failed', version: 1, appliedVersion: 0, detail: /within 30000 ms/ });
  t.strictSame(consumer.last?.cameras, [], 'back to nothing');
  hanging.resolve();
});

t.test(
  'while one is applied the highest version waits, and a forged one cannot take its place',
  async (t) => {
    const { box, consumer, keeper } = await kept(t);
    const orders = await Promise.all(
      [1, 2, 4, 3].map((version) => signed(box, { cameras: [camera(`cam-${version}`)] }, version)),
    );
    const gate = Promise.withResolvers<void>();
    consumer.next = () => gate.promise;
    const received = orders.map((order) => keeper.receive(order));
    received.push(keeper.receive(Buffer.from('{}')));
    gate.resolve();
    await Promise.all(received);
    t.strictSame(
      consumer.applied.map(({ next }) => next.version),
      [1, 4],
    );
  },
);

t.test(
  'the last good configuration is in force after a restart, without a network and past its end',
  async (t) => {
    const { box, consumer, keeper } = await kept(t);
    await keeper.receive(await signed(box, { cameras: [camera('cam-a', { credentials: LOGIN })] }));
    await keeper.stop();
    await box.restart();
    box.clock.jumpWall(3 * 365 * 24 * 3600 * 1000);
    const again = keeperOf(box, consumer);
    await again.start();
    t.strictSame(phases(box), ['applying 1', 'applied 1']);
    t.strictSame(consumer.last?.cameras[0]?.credentials, LOGIN);
    t.equal(consumer.applied.length, 2);
  },
);

t.test('a stored configuration whose signature no longer holds is not applied', async (t) => {
  const { box, consumer, keeper } = await kept(t);
  const order = await signed(box, { cameras: [camera('cam-a')] });
  const genuine = JSON.parse(order.toString());
  genuine.signatures[0].signature = Buffer.alloc(64).toString('base64url');
  box.store.slots.saveGood({ version: 1, hash: '0'.repeat(64), jws: JSON.stringify(genuine) });
  await keeper.stop();
  await keeperOf(box, consumer).start();
  t.equal(consumer.applied.length, 0);
  t.match(box.reports.of('config').at(-1), {
    phase: 'failed',
    version: 1,
    applied_version: 0,
    cause: 'order-bad-signature',
  });
});

t.test('an order that is good again when the clock is set is taken then', async (t) => {
  const { box, keeper } = await kept(t);
  box.clock.jumpWall(-24 * 3600 * 1000);
  const early = box.clock.wallMs();
  box.clock.jumpWall(24 * 3600 * 1000);
  const order = await signed(box, { cameras: [camera('cam-a')] });
  box.clock.jumpWall(early - box.clock.wallMs());
  await keeper.receive(order);
  t.match(box.reports.of('refusal').at(-1), { cause: 'order-not-yet-valid', order_id: '1' });
  box.clock.jumpWall(24 * 3600 * 1000);
  await keeper.receive(order);
  t.match(keeper.status, { phase: 'applied', version: 1 });
});

t.test(
  'an untrusted clock: a configuration is taken, one that had expired before the clock was lost is not',
  async (t) => {
    const { box, keeper } = await kept(t);
    const iat = Math.floor(box.clock.wallMs() / 1000);
    const expired = await signedAsIs(box, { version: 2, iat: iat - 100, exp: iat - 1 });
    await keeper.receive(await signed(box, {}));
    await keeper.stop();
    await box.restart();
    box.clockTrust = 'untrusted';
    box.clock.jumpWall(-box.clock.wallMs());
    const unset = keeperOf(box, new Consumer());
    await unset.start();
    await unset.receive(expired);
    t.match(box.reports.of('refusal').at(-1), { cause: 'order-expired' });
    await unset.receive(await signedAsIs(box, { version: 3, iat: iat + 50, exp: iat + 100 }));
    t.match(unset.status, { phase: 'applied', version: 3 });
  },
);

t.test(
  'that time has passed is kept while nothing is ordered, as long as the clock is trusted',
  async (t) => {
    const { box, keeper } = await kept(t);
    const startMs = box.clock.wallMs();
    await box.clock.advance(3600_000);
    box.clockTrust = 'untrusted';
    await box.clock.advance(3600_000);
    await keeper.stop();
    await box.restart();
    t.equal(new TimeFloor(box.store.memory).ms, startMs + 3600_000);
  },
);

t.test('the CSU refuses to sign what the box would refuse, with every path and no password', async (t) => {
  const { box } = await kept(t);
  const bad = {
    cameras: [
      camera('cam-a', { credentials: { version: 0, user: 'u', password: PASSWORD } }),
      camera('cam-a', { nope: 1 }),
    ],
  };
  const error = await signed(box, bad).catch((thrown: unknown) => thrown);
  t.ok(error instanceof ConfigurationError);
  for (const path of ['cameras.0.credentials.version:', 'cameras.1.nope: unknown key', 'cameras.1.id:']) {
    t.ok(String(error).includes(path), path);
  }
  t.notMatch(String(error), PASSWORD);
});
