import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import t from 'tap';
import { systemClock } from '../../agent/base/clock.ts';
import { probe } from '../../agent/camera/probe.ts';
import { tlsFacts } from '../../agent/camera/tls-facts.ts';
import { freePort, NAMELESS } from '../support/port.ts';

const never = new AbortController().signal;

async function listening() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('no address');
  return { server, port: address.port };
}

t.test('a port that accepts is open, and the probe sends nothing', async (t) => {
  const { server, port } = await listening();
  t.teardown(() => server.close());
  const received = once(server, 'connection').then(async ([socket]) => {
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await once(socket, 'close');
    return bytes;
  });
  const answer = await probe({ host: '127.0.0.1', port }, systemClock, never);
  t.equal(answer.result, 'open');
  t.ok(answer.roundTripMs >= 0);
  t.equal(await received, 0);
});

t.test('a port that refuses is closed: the device is there', async (t) => {
  const port = await freePort();
  t.equal((await probe({ host: '127.0.0.1', port }, systemClock, never)).result, 'closed');
});

/** A port whose queue of connections is full: the kernel drops every further attempt, as a dead camera does. */
async function silent(t: { teardown(end: () => void): void }): Promise<number> {
  const script =
    'import socket, sys; s = socket.create_server(("127.0.0.1", 0), backlog=0); print(s.getsockname()[1], flush=True); sys.stdin.read()';
  const child = spawn('/usr/bin/python3', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const fillers: Socket[] = [];
  t.teardown(() => {
    for (const socket of fillers) socket.destroy();
    child.kill();
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(line.toString());
  for (let i = 0; i < 4; i += 1)
    fillers.push(connect({ host: '127.0.0.1', port }).on('error', () => undefined));
  await once(fillers[0] as Socket, 'connect');
  return port;
}

t.test('a name that nobody knows and an address that does not answer are unreachable', async (t) => {
  t.equal((await probe({ host: NAMELESS, port: 80 }, systemClock, never)).result, 'unnamed');
  const port = await silent(t);
  t.equal((await probe({ host: '127.0.0.1', port }, systemClock, never, 300)).result, 'unreachable');
});

t.test('a probe that is called off rejects with the reason', async (t) => {
  const abort = new AbortController();
  const port = await silent(t);
  const asked = probe({ host: '127.0.0.1', port }, systemClock, abort.signal);
  abort.abort(new Error('stop'));
  await t.rejects(asked, { message: 'stop' });
  await t.rejects(probe({ host: '127.0.0.1', port }, systemClock, abort.signal), { message: 'stop' });
});

t.test('the TLS of a camera that says nothing is not waited for when the end came before', async (t) => {
  const { server, port } = await listening();
  const ended = AbortSignal.abort(new Error('the survey is over'));
  t.equal(await tlsFacts({ host: '127.0.0.1', port }, ended), undefined);
  server.close();
  await once(server, 'close');
});
