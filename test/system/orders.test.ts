import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { CommandEvent, RefusalEvent } from '../../agent/contract/messages.ts';
import { type CommandOrder, type ConfigOrder, ROLES } from '../../agent/contract/orders.ts';
import { commandTopic, desiredConfigTopic } from '../../agent/contract/topics.ts';
import type { SigningKey } from '../../agent/trust/keys.ts';
import { parseSigningKey } from '../../agent/trust/keys.ts';
import { generateSigningKey, signOrder } from '../../agent/trust/sign.ts';
import { PATHS } from '../../provisioning/folder.ts';
import { signCommand, signConfiguration } from '../../provisioning/sign.ts';
import { pssMb } from '../support/processes.ts';
import { Scene, SITE } from '../support/scene.ts';
import { until } from '../support/until.ts';

const nowS = () => Math.floor(Date.now() / 1000);
const id = () => randomBytes(12).toString('base64url');

function ping(claims: Partial<CommandOrder> = {}): object {
  const iat = nowS();
  const order = { typ: 'command', aud: SITE, jti: id(), iat, exp: iat + 600, command: 'agent.ping' };
  return { ...order, ...claims };
}

function configuration(claims: Partial<ConfigOrder> = {}): object {
  const iat = nowS();
  const order = { typ: 'configuration', aud: SITE, jti: id(), iat, exp: iat + 3600, version: 1, config: {} };
  return { ...order, ...claims };
}

async function running(t: { teardown(end: () => unknown): void }): Promise<Scene> {
  const scene = await Scene.create(t);
  scene.box.start();
  await scene.box.until('the link', ({ link }) => link.connected);
  return scene;
}

const command = (scene: Scene, text: string, retain = false) =>
  scene.csu.publish(commandTopic(SITE), text, { retain });
const desired = (scene: Scene, text: string) =>
  scene.csu.publish(desiredConfigTopic(SITE), text, { retain: true });
const refusals = (scene: Scene) => scene.csu.events<RefusalEvent>('/event/refusal');
const statuses = (scene: Scene, jti: string) =>
  scene.csu
    .json<CommandEvent>('/event/command')
    .filter(({ command_id }) => command_id === jti)
    .map(({ status }) => status);

/** A command of the CSU is carried out: the box lives and its link stands. It may wait behind a thousand others. */
async function works(scene: Scene): Promise<string> {
  const ping = { command: 'agent.ping', validS: 600 } as const;
  const { jws, id: jti } = await signCommand(scene.centre.csu, { site: SITE, ...ping });
  await command(scene, jws);
  await scene.csu.until('the answer', () => statuses(scene, jti).includes('successful'));
  return jws;
}

function stranger(): SigningKey {
  return parseSigningKey(JSON.stringify(generateSigningKey().privateJwk));
}

t.test('orders: whoever owns the broker gets no command carried out, and each try is told', async (t) => {
  const scene = await running(t);
  const { csu } = scene.centre;
  const operate = await csu.key('operate');
  const genuine = await works(scene);
  const late = nowS();
  const other = signOrder(ping({ aud: '57463-autre' }), [operate]);
  const forged = JSON.parse(signOrder(ping(), [operate])) as { payload: string };
  const twice = Buffer.from(JSON.stringify(ping()).replace('{', '{"aud":"57463-autre",')).toString(
    'base64url',
  );
  const tries: [string, string, string][] = [
    ['replayed', genuine, 'order-replayed'],
    ['signed by a stranger', signOrder(ping(), [stranger()]), 'order-bad-signature'],
    ['signed for configuration', signOrder(ping(), [await csu.key('config')]), 'order-wrong-role'],
    ['re-addressed by its claim', other, 'order-wrong-audience'],
    ['expired', signOrder(ping({ iat: late - 100, exp: late - 40 }), [operate]), 'order-expired'],
    [
      'of the future',
      signOrder(ping({ iat: late + 600, exp: late + 660 }), [operate]),
      'order-not-yet-valid',
    ],
    ['valid for a year', signOrder(ping({ exp: late + 31_536_000 }), [operate]), 'order-invalid'],
    ['unknown', signOrder(ping({ command: 'reboot' } as never), [operate]), 'order-invalid'],
    ['with a further claim', signOrder({ ...ping(), shell: 'id' }, [operate]), 'order-invalid'],
    ['a configuration', signOrder(configuration(), [operate]), 'order-invalid'],
    ['cut off', genuine.slice(0, -20), 'order-unsigned'],
    ['with other content', JSON.stringify({ ...forged, payload: twice }), 'order-bad-signature'],
    ['nested deeply', '['.repeat(10_000), 'order-unsigned'],
    ['of 17 KB', JSON.stringify({ payload: 'x'.repeat(17_000) }), 'order-too-large'],
    ['no text', '\u0000\u0001', 'order-unsigned'],
  ];
  const before = scene.csu.json('/event/command').length;
  for (const [what, text, cause] of tries) {
    const told = refusals(scene).length;
    await command(scene, text);
    const refusal = await scene.csu.until(what, () => refusals(scene)[told]);
    t.equal(refusal.cause, cause, `${what}: ${refusal.detail.slice(0, 80)}`);
  }
  await scene.box.until('all counted', ({ ordersRefused }) => ordersRefused === tries.length);
  const after = scene.csu.json<CommandEvent>('/event/command').slice(before);
  t.same([...new Set(after.map(({ status }) => status))], ['rejected'], 'nothing was accepted');
  await works(scene);
});

t.test('orders: a retained command is refused at every delivery, live or at a reconnect', async (t) => {
  const scene = await running(t);
  const { jws, id: jti } = await signCommand(scene.centre.csu, {
    site: SITE,
    command: 'agent.ping',
    validS: 600,
  });
  await command(scene, jws, true);
  await scene.csu.until('the refusal', () => refusals(scene).some(({ cause }) => cause === 'order-retained'));
  await scene.box.stop();
  scene.box.start();
  await scene.csu.until(
    'once more',
    () => refusals(scene).filter(({ order_id }) => order_id === jti).length >= 2,
  );
  t.same([...new Set(statuses(scene, jti))], ['rejected']);
  await command(scene, '', true);
  await works(scene);
});

t.test('orders: within the skew of clocks an order holds, beyond it not', async (t) => {
  const scene = await running(t);
  const operate = await scene.centre.csu.key('operate');
  const ahead = ping({ iat: nowS() + 45, exp: nowS() + 105 }) as CommandOrder;
  await command(scene, signOrder(ahead, [operate]));
  await scene.csu.until('the order of a clock ahead', () =>
    statuses(scene, ahead.jti).includes('successful'),
  );
  const behind = ping({ iat: nowS() - 50, exp: nowS() + 130 }) as CommandOrder;
  await command(scene, signOrder(behind, [operate]));
  await scene.csu.until('the order of a clock behind', () =>
    statuses(scene, behind.jti).includes('successful'),
  );
  const beyond = ping({ iat: nowS() + 120, exp: nowS() + 180 }) as CommandOrder;
  await command(scene, signOrder(beyond, [operate]));
  await scene.csu.until('the verdict', () => statuses(scene, beyond.jti).includes('rejected'));
  await scene.csu.until('the refusal', () =>
    refusals(scene).some(({ cause }) => cause === 'order-not-yet-valid'),
  );
  t.equal(refusals(scene).length, 1);
});

t.test(
  'orders: 10,000 forged in a burst leave the box small, and genuine ones work in between',
  async (t) => {
    const scene = await running(t);
    const { csu } = scene.centre;
    await works(scene);
    const before = await pssMb(scene.box.pid ?? 0);
    const kids = await Promise.all((['config', 'operate'] as const).map((role) => csu.key(role)));
    const forge = (body: object) => {
      const jws = JSON.parse(signOrder(body, kids)) as { signatures: { signature: string }[] };
      for (const one of jws.signatures) one.signature = randomBytes(64).toString('base64url');
      return JSON.stringify(jws);
    };
    for (let round = 0; round < 10; round += 1) {
      const sent = Array.from({ length: 1000 }, (_, count) =>
        count % 2 === 0
          ? command(scene, forge(ping()))
          : desired(scene, forge(configuration({ version: count }))),
      );
      await works(scene);
      await Promise.all(sent);
    }
    await scene.box.until('all counted', ({ ordersRefused }) => ordersRefused === 10_000);
    const { link } = await scene.box.status();
    t.ok(link.outboxPending < 50, 'the outbox did not fill');
    t.ok(refusals(scene).length <= 40, `${refusals(scene).length} refusals were told`);
    t.ok((await pssMb(scene.box.pid ?? 0)) - before < 60, 'memory stays');
    const registered = scene.csu.json<{ length: number }>('/state/register').at(-1)?.length ?? 0;
    t.ok(registered < 100, `${registered} lines in the register`);
    await works(scene);
  },
);

t.test('orders: a command is carried out once, also when the agent is killed in the middle', async (t) => {
  const scene = await running(t);
  const all: string[] = [];
  for (let kill = 0; kill < 5; kill += 1) {
    const { jws, id: jti } = await signCommand(scene.centre.csu, {
      site: SITE,
      command: 'agent.ping',
      validS: 600,
    });
    await command(scene, jws);
    await scene.csu.until('accepted', () => statuses(scene, jti).includes('accepted') || kill % 2 === 0);
    await scene.box.kill();
    scene.box.start();
    await scene.box.until('the link', ({ link }) => link.connected);
    await command(scene, jws);
    await scene.csu.until('the end', () =>
      statuses(scene, jti).some((status) => status === 'successful' || status === 'failed'),
    );
    await scene.csu.until('the verdict on the second delivery', () =>
      kill % 2 === 0 ? true : statuses(scene, jti).includes('rejected'),
    );
    all.push(jti);
  }
  for (const jti of all) {
    const count = new Set(
      scene.csu
        .json<CommandEvent>('/event/command')
        .filter(({ command_id, status }) => command_id === jti && status === 'accepted')
        .map(({ seq }) => seq),
    ).size;
    t.equal(count, 1, 'accepted once');
  }
});

t.test('configuration: whoever owns the broker changes nothing, and each try is told', async (t) => {
  const scene = await running(t);
  const { csu } = scene.centre;
  const config = await csu.key('config');
  const first = signOrder(configuration({ version: 5 }), [config]);
  await desired(scene, first);
  await scene.box.until('version 5', ({ config: { appliedVersion } }) => appliedVersion === 5);
  const tries: [string, string, string][] = [
    ['older', signOrder(configuration({ version: 4 }), [config]), 'order-older-version'],
    [
      'same version, other content',
      signOrder(configuration({ version: 5 }), [config]),
      'order-older-version',
    ],
    [
      'by the operator',
      signOrder(configuration({ version: 6 }), [await csu.key('operate')]),
      'order-wrong-role',
    ],
    ['by a stranger', signOrder(configuration({ version: 7 }), [stranger()]), 'order-bad-signature'],
    [
      'of another box',
      signOrder(configuration({ version: 8, aud: '57463-autre' }), [config]),
      'order-wrong-audience',
    ],
    [
      'expired',
      signOrder(configuration({ version: 9, iat: nowS() - 99, exp: nowS() - 1 }), [config]),
      'order-expired',
    ],
    [
      'wrong inside',
      signOrder(configuration({ version: 10, config: { cameras: 1 } }), [config]),
      'order-invalid',
    ],
    ['a command', signOrder(ping(), [config]), 'order-invalid'],
  ];
  for (const [what, text, cause] of tries) {
    const told = refusals(scene).length;
    await desired(scene, text);
    t.equal((await scene.csu.until(what, () => refusals(scene)[told])).cause, cause, what);
  }
  await scene.csu.publish(desiredConfigTopic(SITE), '', { retain: true });
  await desired(scene, first);
  await works(scene);
  const { config: inForce, ordersRefused } = await scene.box.status();
  t.equal(inForce.appliedVersion, 5);
  t.ok(ordersRefused >= tries.length, 'what the broker holds is heard again with each connection');
  await scene.csu.until('each refusal', () => refusals(scene).length === ordersRefused);
  await desired(scene, signOrder(configuration({ version: 1_000_000 }), [config]));
  await scene.box.until('a jump', ({ config: { appliedVersion } }) => appliedVersion === 1_000_000);
});

t.test('configuration: the retained one comes again at each reconnect and changes nothing', async (t) => {
  const scene = await running(t);
  const { jws } = await signConfiguration(scene.centre.csu, { site: SITE, configuration: {} });
  await desired(scene, jws);
  await scene.box.until('version 1', ({ config }) => config.appliedVersion === 1);
  const { length } = scene.csu.json('/state/config');
  for (let cut = 1; cut <= 3; cut += 1) {
    const { link } = await scene.box.status();
    await scene.centre.broker.kill();
    await scene.centre.broker.restart();
    await scene.box.until('a new link', (now) => now.link.connected && now.link.session > link.session);
    await scene.csu.publish(desiredConfigTopic(SITE), jws, { retain: true });
    await works(scene);
  }
  t.match(await scene.box.status(), { config: { appliedVersion: 1 }, ordersRefused: 0 });
  t.ok(scene.csu.json('/state/config').length >= length);
});

t.test('keyring: a revoked key orders nothing more; an older keyring is not taken', async (t) => {
  const scene = await running(t);
  const { csu } = scene.centre;
  await scene.push({});
  await scene.box.until('version 1', ({ config }) => config.appliedVersion === 1);
  await scene.box.stop();
  const file = join(scene.box.folder, PATHS.keyring);
  const old = await readFile(file, 'utf8');
  const next = stranger();
  const keys = [
    { role: 'config', ...publicOf(await csu.key('config')) },
    { role: 'operate', ...publicOf(next) },
  ];
  const ring = (version: number) =>
    csu.key('authority').then((key) => signOrder({ typ: 'keyring', version, iat: nowS(), keys }, [key]));
  await writeFile(file, await ring(2));
  scene.box.start();
  await scene.box.until('version 1', ({ config, link }) => config.appliedVersion === 1 && link.connected);
  const { jws } = await signCommand(csu, { site: SITE, command: 'agent.ping' });
  await command(scene, jws);
  await scene.csu.until('the refusal', () =>
    refusals(scene).some(({ cause }) => cause === 'order-bad-signature'),
  );
  const order = ping() as CommandOrder;
  await command(scene, signOrder(order, [next]));
  await scene.csu.until('the new key', () => statuses(scene, order.jti).includes('successful'));
  await scene.box.stop();
  await writeFile(file, old);
  scene.box.start();
  await until(async () => (await readFile(scene.box.logFile, 'utf8')).includes('keyring-invalid'));
  await writeFile(file, await ring(3));
  await scene.box.until('the agent lives and goes on', ({ link }) => link.connected);
  t.same(statuses(scene, order.jti), ['accepted', 'executing', 'successful']);
});

t.test('keyring: a new authority begins with its own numbers', async (t) => {
  const scene = await running(t);
  await scene.box.stop();
  const authority = stranger();
  const key = stranger();
  const write = async (version: number, signer: SigningKey) => {
    const keys = ROLES.filter((role) => role !== 'authority').map((role) => ({ role, ...publicOf(key) }));
    const text = signOrder({ typ: 'keyring', version, iat: nowS(), keys }, [signer]);
    await writeFile(join(scene.box.folder, PATHS.keyring), text);
    await writeFile(join(scene.box.folder, PATHS.authority), JSON.stringify(signer.publicJwk));
  };
  await write(9, authority);
  scene.box.start();
  await scene.box.until('the link', ({ link }) => link.connected);
  await scene.box.stop();
  await write(1, stranger());
  scene.box.start();
  await scene.box.until('the link', ({ link }) => link.connected);
  const order = ping() as CommandOrder;
  await command(scene, signOrder(order, [key]));
  await scene.csu.until('the answer', () => statuses(scene, order.jti).includes('successful'));
  t.same(statuses(scene, order.jti), ['accepted', 'executing', 'successful']);
});

function publicOf({ kid, publicJwk }: SigningKey): object {
  return { kid, label: 'test', key: publicJwk };
}
