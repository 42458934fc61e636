import { once } from 'node:events';
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { systemClock } from '../../agent/base/clock.ts';
import { limited } from '../../agent/base/limit.ts';

const NEVER = new AbortController().signal;
const LIMIT_MS = 20;

/** Says its port, answers what it is asked, and says in the memory that it shares when the kernel has the answer. */
const PEER = `
const { createServer } = require('node:net');
const { parentPort, workerData } = require('node:worker_threads');
const server = createServer((socket) => socket.on('data', () => socket.write('yes', () => {
  Atomics.store(workerData, 0, 1);
  Atomics.notify(workerData, 0);
})));
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

t.test('limit: an answer that came while the process stood still is no late one', async (t) => {
  const answered = new Int32Array(new SharedArrayBuffer(4));
  const peer = new Worker(PEER, { eval: true, workerData: answered });
  t.teardown(() => peer.terminate());
  const [port] = await once(peer, 'message');
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  const asked = limited(
    systemClock,
    LIMIT_MS,
    NEVER,
    () => new Error('late'),
    async () => {
      const answer = once(socket, 'data');
      socket.write('?');
      return String((await answer)[0]);
    },
  );
  Atomics.wait(answered, 0, 0);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * LIMIT_MS);
  t.equal(await asked, 'yes');
});

t.test('limit: without an answer it ends with its error, and what is asked is told', async (t) => {
  let told: unknown;
  const work = (signal: AbortSignal) => {
    signal.addEventListener('abort', () => {
      told = signal.reason;
    });
    return new Promise<never>(() => undefined);
  };
  await t.rejects(
    limited(systemClock, LIMIT_MS, NEVER, () => new Error('late'), work),
    { message: 'late' },
  );
  t.match(told, { message: 'late' });
});
