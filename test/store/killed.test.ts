import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { lineHash } from '../../agent/store/register-chain.ts';
import { seededRandom } from '../support/camera/random.ts';
import { SEED } from '../support/seed.ts';
import { until } from '../support/until.ts';
import { openFor, temporaryFolder, texts } from './support.ts';

const APPENDER = fileURLToPath(new URL('appender.ts', import.meta.url));
const KILLS = 6;
const random = seededRandom(SEED);

/** Runs the appending process until it has acknowledged some, then kills it. @returns the last acknowledged number */
async function appendAndKill(folder: string, from: number, acknowledgements: number): Promise<number> {
  const child = spawn(process.execPath, [APPENDER, folder, String(from)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  let last = from - 1;
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    count += 1;
    if (count !== acknowledgements) continue;
    await delay(random() * 5); // any moment will do, another one each time
    child.kill('SIGKILL');
  }
  const [code, signal] = await ended;
  if (signal !== 'SIGKILL') throw new RangeError(`the appending process ended by itself: ${code}`);
  return last;
}

t.test('what was acknowledged before kill -9 is there, in order, none twice', async (t) => {
  const folder = temporaryFolder(t);
  let from = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const last = await appendAndKill(folder, from, 20 + kill * 37);
    const { store, faults } = openFor(folder);
    const got = texts(store).map(Number);
    t.same(faults, []);
    t.ok(got.length > last, `acknowledged up to ${last}, found ${got.length}`);
    t.same(
      got,
      got.map((_, n) => n),
    );
    const lines = store.register.lines(1, 1_000_000);
    t.equal(lines.length, got.length, 'event and line of one transaction come together or not at all');
    t.ok(
      lines.every(
        (line, n) => line.hash === lineHash(line) && line.previous === (lines[n - 1]?.hash ?? line.previous),
      ),
    );
    from = got.length;
    store.close();
  }
});

/** What a process that appends so many events asks of the kernel, in order. Needs the Debian package strace. */
async function callsOfAppending(t: Test, count: number): Promise<string[]> {
  const file = join(temporaryFolder(t), 'calls');
  const calls = 'trace=write,fsync,fdatasync';
  const strace = ['-D', '-f', '-y', '--seccomp-bpf', '-o', file, '-e', calls];
  const folder = temporaryFolder(t);
  const command = [...strace, process.execPath, APPENDER, folder, '0', String(count - 1)];
  const child = spawn('strace', command, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout }))
    if (Number(line) === count - 1) child.kill('SIGKILL');
  const trace = () => readFileSync(file, 'latin1');
  await until(() => trace().includes('+++ killed'));
  return trace().split('\n');
}

t.test('whoever is told that it is durable, the disk was asked to keep it before', async (t) => {
  const appends = 20;
  let synced = 0;
  const before: number[] = [];
  for (const call of await callsOfAppending(t, appends)) {
    if (/ f(data)?sync\(\d+<[^>]*beffroi\.db-wal>/.test(call)) synced += 1;
    if (!/ write\(1</.test(call)) continue;
    before.push(synced);
    synced = 0;
  }
  t.equal(before.length, appends);
  t.ok(
    before.every((count) => count >= 1),
    `a power cut after an answer loses nothing: ${before.join(' ')} syncs of the write-ahead log`,
  );
});
