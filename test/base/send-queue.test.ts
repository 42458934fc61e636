import { Writable } from 'node:stream';
import t from 'tap';
import { SendQueue } from '../../agent/base/send-queue.ts';
import * as fc from '../support/properties.ts';

/** A stream that takes one write, and the next when the test has let it go. */
class Valve extends Writable {
  readonly written: Buffer[] = [];
  /** What it has let go. */
  readonly gone = new Set<Buffer>();
  #done: ((error?: Error | null) => void) | undefined;

  constructor() {
    super({ decodeStrings: false });
    this.on('error', () => undefined);
  }

  override _write(chunk: Buffer, _: string, done: (error?: Error | null) => void): void {
    this.written.push(chunk);
    this.#done = done;
  }

  /** @returns false when nothing was leaving */
  async letGo(): Promise<boolean> {
    const done = this.#done;
    this.#done = undefined;
    const last = this.written.at(-1);
    if (done && last && !this.destroyed) this.gone.add(last);
    done?.();
    await new Promise(setImmediate);
    return done !== undefined;
  }
}

const A = { lane: 'a' };
const B = { lane: 'b' };

/** Which lane each message was of, by its first byte. */
const order = (valve: Valve) => valve.written.map((part) => String.fromCharCode(part[0] ?? 0)).join('');
const message = (name: string, bytes: number) => [Buffer.alloc(bytes, name)];

t.test('send queue: who sends much waits for himself, and others do not wait for him', async (t) => {
  const valve = new Valve();
  const queue = new SendQueue(valve);
  for (let i = 0; i < 20; i += 1) queue.send(A, message('a', 1_000), () => undefined);
  for (let i = 0; i < 20; i += 1) queue.send(B, message('b', 100), () => undefined);
  while (await valve.letGo());
  t.match(order(valve), /^ab{10}ab{10}a+$/);
  t.equal(queue.waitingBytes(), 0);
});

t.test('send queue: who has had his share has no second one for having been silent meanwhile', async (t) => {
  const valve = new Valve();
  const queue = new SendQueue(valve);
  for (let i = 0; i < 6; i += 1) queue.send(A, message('a', 1_000), () => undefined);
  while (queue.waitingBytes(A) > 0) {
    if (queue.waitingBytes(B) === 0) queue.send(B, message('b', 1_000), () => undefined); // one at a time, always
    await valve.letGo();
  }
  t.match(order(valve), /^(ab){5}a/, 'in turn');
});

t.test('send queue: of every message it is told once, and rightly, whether it has left', async (t) => {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ does: fc.constant('send' as const), lane: fc.nat(2), bytes: fc.nat(50) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ does: fc.constant('go' as const), lane: fc.nat(2), bytes: fc.nat() }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ does: fc.constant('withdraw' as const), lane: fc.nat(2), bytes: fc.nat() }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const valve = new Valve();
      const queue = new SendQueue(valve);
      const lanes = [{}, {}, {}];
      const told: boolean[][] = [];
      const sent: Buffer[] = [];
      for (const { does, lane, bytes } of steps) {
        const key = lanes[lane] as object;
        if (does === 'go') await valve.letGo();
        else if (does === 'withdraw') queue.withdraw(key);
        else {
          const results: boolean[] = [];
          const part = Buffer.alloc(bytes + 1);
          told.push(results);
          sent.push(part);
          queue.send(key, [part], (gone) => results.push(gone));
        }
      }
      const { gone } = valve;
      valve.destroy();
      queue.end();
      await new Promise(setImmediate);
      return (
        told.every((results) => results.length === 1) &&
        sent.every((part, at) => told[at]?.[0] === gone.has(part)) &&
        queue.waitingBytes() === 0 &&
        !queue.send({}, [Buffer.alloc(1)], () => undefined)
      );
    }),
    { numRuns: 300 },
  );
  t.pass();
});

t.test('send queue: what was leaving as the stream was destroyed has not left', async (t) => {
  const valve = new Valve();
  const queue = new SendQueue(valve);
  const told: string[] = [];
  for (const name of ['1', '2', '3'])
    queue.send(A, message(name, 10), (...how) => told.push(`${name} ${how}`));
  await valve.letGo();
  valve.destroy();
  await valve.letGo();
  queue.end();
  t.same(told, ['1 true,true', '2 false,true', '3 false,false'], 'of what was leaving nobody knows');
});

t.test('send queue: what is withdrawn never leaves, but for what is leaving', async (t) => {
  const valve = new Valve();
  const queue = new SendQueue(valve);
  const told: string[] = [];
  for (const name of ['1', '2', '3'])
    queue.send(A, message(name, 10), (gone) => told.push(`${name} ${gone}`));
  queue.send(B, message('b', 10), (gone) => told.push(`b ${gone}`));
  queue.withdraw(B);
  queue.withdraw(A);
  t.equal(queue.waitingBytes(A), 10, 'one is leaving');
  while (await valve.letGo());
  t.same(told, ['b false', '2 false', '3 false', '1 true']);
  t.equal(order(valve), '1');
});
