import type { Socket } from 'node:net';
import t, { type Test } from 'tap';
import { ModbusClient } from '../../../agent/alarms/modbus/client.ts';
import { ModbusServer } from '../../support/modbus-server.ts';
import { freePort } from '../../support/port.ts';
import { PATIENCE_MS } from '../../support/until.ts';
import { rawServer, slowToConnect } from '../raw-server.ts';

const NEVER = new AbortController().signal;
/** Of a server that does not answer. */
const SHORT_MS = 300;

async function connected(t: Test, port: number, unit = 1, timeoutMs = PATIENCE_MS): Promise<ModbusClient> {
  const module = { id: 'io-1', host: '127.0.0.1', port, unit };
  const client = await ModbusClient.connect(module, slowToConnect(), NEVER, timeoutMs);
  t.teardown(() => client.close());
  return client;
}

t.test('a foreign server: its inputs are read as it has them, zero-based', async (t) => {
  const server = await ModbusServer.start({ unit: 17, first: 190, count: 40 });
  t.teardown(() => server.stop());
  const client = await connected(t, server.port, 17);
  await server.set(196, true);
  await server.set(217, true);
  const states = await client.readDiscreteInputs({ address: 196, count: 22 }, NEVER);
  t.same(states.map((on, index) => (on ? 196 + index : 0)).filter(Boolean), [196, 217]);
  t.same(await client.readDiscreteInputs({ address: 218, count: 1 }, NEVER), [false]);
});

t.test('a foreign server: 2,000 inputs in one answer', async (t) => {
  const server = await ModbusServer.start({ count: 2000 });
  t.teardown(() => server.stop());
  await server.set(1999, true);
  const states = await (await connected(t, server.port)).readDiscreteInputs(
    { address: 0, count: 2000 },
    NEVER,
  );
  t.equal(states.length, 2000);
  t.equal(states.lastIndexOf(true), 1999);
  t.equal(states.indexOf(true), 1999);
});

t.test('a foreign server: a refusal is told with its meaning and the connection stays good', async (t) => {
  const server = await ModbusServer.start({ count: 8 });
  t.teardown(() => server.stop());
  const client = await connected(t, server.port);
  await t.rejects(client.readDiscreteInputs({ address: 4, count: 8 }, NEVER), {
    code: 'module-exception',
    message:
      'io-1: unit 1 refused inputs 4 to 11: exception 2, illegal data address: the module has no such input',
  });
  t.equal((await client.readDiscreteInputs({ address: 0, count: 8 }, NEVER)).length, 8);
  const other = await connected(t, server.port, 9, SHORT_MS);
  await t.rejects(other.readDiscreteInputs({ address: 0, count: 1 }, NEVER), { code: 'equipment-silent' });
});

t.test('a port where nothing listens', async (t) => {
  const port = await freePort();
  await t.rejects(connected(t, port), { code: 'equipment-port-closed', message: /^io-1 at "127\.0\.0\.1:/ });
});

const good = (question: Buffer) => Buffer.concat([question.subarray(0, 4), Buffer.from([0, 4, 1, 2, 1, 1])]);
const HOSTILE: Record<string, { code: string; serve: (socket: Socket) => void }> = {
  'is silent': { code: 'equipment-silent', serve: () => undefined },
  'hangs up at once': { code: 'equipment-closed', serve: (socket) => socket.end() },
  'hangs up at the question': {
    code: 'equipment-closed',
    serve: (socket) => socket.on('data', () => socket.destroy()),
  },
  'resets the connection': {
    code: 'equipment-closed',
    serve: (socket) => socket.on('data', () => socket.resetAndDestroy()),
  },
  'stops in the middle': {
    code: 'equipment-silent',
    serve: (socket) => socket.on('data', (question: Buffer) => socket.write(good(question).subarray(0, 9))),
  },
  'ends in the middle': {
    code: 'equipment-closed',
    serve: (socket) => socket.on('data', (question: Buffer) => socket.end(good(question).subarray(0, 9))),
  },
  drips: {
    code: 'equipment-silent',
    serve: (socket) =>
      socket.on('data', (question: Buffer) => {
        const bytes = [...good(question)];
        const timer = setInterval(() => socket.write(Buffer.from([bytes.shift() ?? 0])), 60);
        socket.on('close', () => clearInterval(timer));
      }),
  },
  'answers another transaction': {
    code: 'equipment-protocol',
    serve: (socket) =>
      socket.on('data', (question: Buffer) => {
        const answer = good(question);
        answer.writeUInt16BE(answer.readUInt16BE(0) ^ 1, 0);
        socket.write(answer);
      }),
  },
  'says a huge length': {
    code: 'equipment-protocol',
    serve: (socket) =>
      socket.on('data', (question: Buffer) =>
        socket.write(
          Buffer.concat([question.subarray(0, 4), Buffer.from('ffff0102', 'hex'), Buffer.alloc(1e6)]),
        ),
      ),
  },
  'speaks HTTP': {
    code: 'equipment-protocol',
    serve: (socket) => socket.on('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')),
  },
  floods: {
    code: 'equipment-protocol',
    serve: (socket) => {
      const flood = () => {
        while (!socket.destroyed && socket.write(Buffer.alloc(65_536, 0x55)));
      };
      socket.on('drain', flood).on('data', flood);
    },
  },
};

for (const [name, { code, serve }] of Object.entries(HOSTILE)) {
  t.test(`a server that ${name}`, async (t) => {
    const timeoutMs = code === 'equipment-silent' ? SHORT_MS : PATIENCE_MS;
    const client = await connected(t, await rawServer(t, serve), 1, timeoutMs);
    await t.rejects(client.readDiscreteInputs({ address: 0, count: 1 }, NEVER), { code });
    await t.rejects(
      client.readDiscreteInputs({ address: 0, count: 1 }, NEVER),
      { code: /^equipment-/ },
      'for good',
    );
  });
}

t.test('bytes that nothing asked for end the connection', async (t) => {
  const port = await rawServer(t, (socket) => {
    socket.on('data', (question: Buffer) => {
      socket.write(good(question));
      setImmediate(() => socket.write(good(question)));
    });
  });
  const client = await connected(t, port);
  await t.rejects(
    async () => {
      for (;;) await client.readDiscreteInputs({ address: 0, count: 1 }, NEVER);
    },
    { code: 'equipment-protocol' },
  );
});

t.test('transaction ids go round', async (t) => {
  const asked: number[] = [];
  const port = await rawServer(t, (socket) => {
    socket.on('data', (question: Buffer) => {
      asked.push(question.readUInt16BE(0));
      socket.write(good(question));
    });
  });
  const client = await connected(t, port);
  for (let i = 0; i < 0x10001; i += 1) await client.readDiscreteInputs({ address: 0, count: 1 }, NEVER);
  t.equal(asked.at(-1), 1);
  t.ok(asked.every((id, index) => index === 0 || id === ((asked[index - 1] ?? 0) + 1) % 0x10000));
});

t.test('an order to stop ends a question at once', async (t) => {
  const client = await connected(t, await rawServer(t, () => undefined));
  const stop = new AbortController();
  const asked = client.readDiscreteInputs({ address: 0, count: 1 }, stop.signal);
  stop.abort(new Error('stopped'));
  await t.rejects(asked, { message: 'stopped' });
});
