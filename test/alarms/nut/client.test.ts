import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { NutClient, type NutUps } from '../../../agent/alarms/nut/client.ts';
import { NutServer } from '../../support/nut-server.ts';
import { freePort } from '../../support/port.ts';
import { PATIENCE_MS } from '../../support/until.ts';
import { rawServer, slowToConnect } from '../raw-server.ts';

const NEVER = new AbortController().signal;
/** Of a server that does not answer. */
const SHORT_MS = 300;
const LOGIN = { user: 'beffroi', password: 'un "mot" \\ de passe' };

async function connected(
  t: Test,
  ups: Partial<NutUps> & { port: number },
  timeoutMs = PATIENCE_MS,
): Promise<NutClient> {
  const whole = { id: 'ups-1', host: '127.0.0.1', upsName: 'onduleur', ...ups };
  const client = await NutClient.connect(whole, slowToConnect(), NEVER, timeoutMs);
  t.teardown(() => client.close());
  return client;
}

t.test('the real upsd', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'nut-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const nut = await NutServer.start(folder);
  t.teardown(() => nut.stop());
  const { port } = nut;

  await t.test('tells all variables, and what changes', async (t) => {
    const client = await connected(t, { port });
    const before = await client.variables(NEVER);
    t.equal(before.get('ups.status'), 'OL CHRG');
    t.equal(before.get('battery.charge'), '100');
    t.equal(before.get('ups.mfr'), 'A "B" C');
    await nut.set('ups.status', 'OB LB');
    t.equal((await client.variables(NEVER)).get('ups.status'), 'OB LB');
  });

  await t.test('takes name and password with spaces and quotes', async (t) => {
    const client = await connected(t, { port, credentials: LOGIN });
    t.ok((await client.variables(NEVER)).has('ups.status'));
  });

  await t.test('does not know another UPS; the connection stays good', async (t) => {
    const client = await connected(t, { port, upsName: 'autre' });
    for (let i = 0; i < 2; i += 1)
      await t.rejects(client.variables(NEVER), { code: 'ups-not-found', message: /"autre": "UNKNOWN-UPS"/ });
  });

  await t.test('says when its driver is away, and answers on the same connection after', async (t) => {
    const client = await connected(t, { port });
    await nut.stopDriver();
    await t.rejects(
      async () => {
        for (;;) await client.variables(NEVER);
      },
      { code: 'ups-data-stale' },
    );
    await nut.startDriver();
    t.ok((await client.variables(NEVER)).has('ups.status'));
  });

  await t.test('goes away', async (t) => {
    const client = await connected(t, { port });
    await client.variables(NEVER);
    await nut.stopServer();
    await t.rejects(client.variables(NEVER), { code: 'equipment-closed' });
    await t.rejects(connected(t, { port }), { code: 'equipment-port-closed' });
  });
});

t.test('a port where nothing listens', async (t) => {
  await t.rejects(connected(t, { port: await freePort() }), { code: 'equipment-port-closed' });
});

const answering = (text: string) => (socket: Socket) => void socket.on('data', () => socket.write(text));
const HOSTILE: Record<string, { code: string; serve: (socket: Socket) => void }> = {
  'is silent': { code: 'equipment-silent', serve: () => undefined },
  'hangs up': { code: 'equipment-closed', serve: (socket) => socket.on('data', () => socket.destroy()) },
  'stops in the middle': {
    code: 'equipment-silent',
    serve: answering('BEGIN LIST VAR onduleur\nVAR onduleur ups.status "OL"\n'),
  },
  'drips for ever': {
    code: 'equipment-silent',
    serve: (socket) => {
      socket.write('BEGIN LIST VAR onduleur\n');
      const timer = setInterval(() => socket.write('VAR onduleur a "b"\n'), 20);
      socket.on('close', () => clearInterval(timer));
    },
  },
  'answers for another UPS': {
    code: 'equipment-protocol',
    serve: answering('BEGIN LIST VAR onduleur\nVAR autre ups.status "OB"\nEND LIST VAR onduleur\n'),
  },
  'begins in the middle': { code: 'equipment-protocol', serve: answering('VAR onduleur ups.status "OL"\n') },
  'says more after the end': {
    code: 'equipment-protocol',
    serve: answering('BEGIN LIST VAR onduleur\nEND LIST VAR onduleur\nOK\n'),
  },
  'leaves a quote open': {
    code: 'equipment-protocol',
    serve: answering('BEGIN LIST VAR onduleur\nVAR onduleur ups.status "OL\nEND LIST VAR onduleur\n'),
  },
  'has a variable too many': {
    code: 'equipment-protocol',
    serve: answering(
      `BEGIN LIST VAR onduleur\n${Array.from({ length: 1001 }, (_, i) => `VAR onduleur a${i} "b"\n`).join('')}`,
    ),
  },
  floods: {
    code: 'equipment-protocol',
    serve: (socket) => {
      const flood = () => {
        while (!socket.destroyed && socket.write('x'.repeat(65_536)));
      };
      socket.on('drain', flood).on('data', flood);
    },
  },
  'speaks HTTP': { code: 'equipment-protocol', serve: answering('HTTP/1.1 400 Bad Request\r\n') },
  denies: { code: 'equipment-login-refused', serve: answering('ERR ACCESS-DENIED\n') },
  'refuses with a word that objects have': { code: 'ups-refused', serve: answering('ERR constructor\n') },
  'refuses otherwise': { code: 'ups-refused', serve: answering('ERR FEATURE-NOT-CONFIGURED\r\n') },
};

for (const [name, { code, serve }] of Object.entries(HOSTILE)) {
  t.test(`a server that ${name}`, async (t) => {
    const port = await rawServer(t, serve);
    const timeoutMs = code === 'equipment-silent' ? SHORT_MS : PATIENCE_MS;
    await t.rejects(async () => (await connected(t, { port }, timeoutMs)).variables(NEVER), { code });
  });
}

t.test('a server that refuses the password is not told what it was, nor is anybody else', async (t) => {
  for (const answer of ['ERR INVALID-PASSWORD', `What is ${LOGIN.password}?`]) {
    const port = await rawServer(t, answering(`${answer}\n`));
    const refused: unknown = await connected(t, { port, credentials: LOGIN }).catch(
      (error: unknown) => error,
    );
    t.match(refused, { code: /^equipment-/ });
    t.notMatch((refused as Error).message, /mot/);
  }
});

t.test('a password of two lines is no way to send another command', async (t) => {
  const heard: string[] = [];
  const port = await rawServer(t, (socket) => socket.on('data', (bytes) => heard.push(bytes.toString())));
  const credentials = { user: 'a', password: 'b\nLOGIN onduleur' };
  await t.rejects(connected(t, { port, credentials }), { code: 'equipment-login-refused' });
  t.same(heard, []);
});
