import { once } from 'node:events';
import { createServer } from 'node:net';
import t from 'tap';
import { systemClock } from '../../agent/base/clock.ts';
import { probe } from '../../agent/camera/probe.ts';

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
  const { server, port } = await listening();
  server.close();
  await once(server, 'close');
  t.equal((await probe({ host: '127.0.0.1', port }, systemClock, never)).result, 'closed');
});

t.test('a name that nobody knows and an address that nobody has are unreachable', async (t) => {
  t.equal((await probe({ host: 'camera.invalid', port: 80 }, systemClock, never)).result, 'unreachable');
  t.equal((await probe({ host: '192.0.2.1', port: 80 }, systemClock, never, 200)).result, 'unreachable');
});

t.test('a probe that is called off rejects with the reason', async (t) => {
  const abort = new AbortController();
  const asked = probe({ host: '192.0.2.1', port: 80 }, systemClock, abort.signal);
  abort.abort(new Error('stop'));
  await t.rejects(asked, { message: 'stop' });
  await t.rejects(probe({ host: '192.0.2.1', port: 80 }, systemClock, abort.signal), { message: 'stop' });
});
