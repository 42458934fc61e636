import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { systemClock } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import { SystemdNotifier } from '../../agent/cli/systemd.ts';
import { addBox } from '../../provisioning/box.ts';
import { createCsu } from '../../provisioning/csu.ts';
import { freePort } from '../support/port.ts';
import { childrenOf } from '../support/processes.ts';
import { Manager } from '../support/systemd-manager.ts';
import { until } from '../support/until.ts';

const LAUNCHER = join(import.meta.dirname, '../../agent/beffroi');
const WATCHDOG_MS = 1500;
interface Started {
  readonly manager: Manager;
  readonly service: ChildProcess;
  readonly boxFile: string;
  /** Where the manager listens. */
  readonly socket: string;
}

async function start(t: Test, command: readonly string[], watchdogMs: number, wrong = ''): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'bfr-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const csu = await createCsu(join(folder, 'csu'), { brokerHosts: ['localhost'] });
  const brokers = [`mqtts://localhost:${await freePort()}`];
  const folders = { stateFolder: join(folder, 'state'), runtimeFolder: join(folder, 'run') };
  await addBox(csu, { site: '57463-mairie', brokers, ...folders, clock: 'host' }, join(folder, 'box'));
  const boxFile = join(folder, 'box/box.json');
  await appendFile(boxFile, wrong);
  const socket = join(folder, 'notify');
  const manager = await Manager.start(t, socket);
  const service = spawn(LAUNCHER, [...command, '--config', boxFile], {
    stdio: 'ignore',
    env: { ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: String(watchdogMs * 1000) },
  });
  t.teardown(() => service.kill('SIGKILL'));
  return { manager, service, boxFile, socket };
}

for (const command of [['run', '--video', 'external'], ['video']]) {
  t.test(`systemd: beffroi ${command[0]} says READY, feeds the watchdog, and says STOPPING`, async (t) => {
    const { manager, service } = await start(t, command, 2 * WATCHDOG_MS);
    await manager.until((heard) => heard.some((line) => line.includes('READY=1')));
    const before = manager.count('WATCHDOG=1');
    await manager.until(() => manager.count('WATCHDOG=1') >= before + 3);
    service.kill('SIGTERM');
    await once(service, 'exit');
    t.equal(service.exitCode, 0);
    await manager.until((heard) => heard.some((line) => line.includes('STOPPING=1')));
    const order = ['READY=1', 'WATCHDOG=1', 'STOPPING=1'].map((message) =>
      manager.heard.findIndex((line) => line.includes(message)),
    );
    t.same(
      order.toSorted((a, b) => a - b),
      order,
      'in this order',
    );
  });
}

t.test('systemd: an agent whose event loop hangs feeds the watchdog no more', async (t) => {
  const { manager, service, socket } = await start(t, ['run', '--video', 'external'], WATCHDOG_MS);
  await manager.until(() => manager.count('WATCHDOG=1') >= 2);
  process.kill(service.pid ?? 0, 'SIGSTOP');
  await until(async () => (await stateOf(service.pid ?? 0)) === 'T');
  for (const under of await childrenOf(service.pid ?? 0))
    await until(async () => (await stateOf(under)) === 'Z');
  await promisify(execFile)('systemd-notify', ['--status=now'], {
    env: { ...process.env, NOTIFY_SOCKET: socket },
  });
  await manager.until(() => manager.count('STATUS=now') > 0);
  const fed = manager.count('WATCHDOG=1');
  await beats(t, 4);
  t.equal(manager.count('WATCHDOG=1'), fed, 'all that was under way was heard before');
});

/** `T` when it is stopped. @see proc_pid_stat(5) */
async function stateOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2)[0];
}

/** Resolves when somebody who works has fed a watchdog of the same time so often. */
async function beats(t: Test, count: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bfr-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const socket = join(folder, 'notify');
  const manager = await Manager.start(t, socket);
  const log = createLog('error', { write: () => undefined });
  const environment = { ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: String(WATCHDOG_MS * 1000) };
  const beside = new SystemdNotifier({ clock: systemClock, log, parts: [] }, environment);
  await beside.start();
  await manager.until(() => manager.count('WATCHDOG=1') >= count);
  await beside.stop();
}

for (const command of [['run', '--video', 'external'], ['video']]) {
  t.test(
    `systemd: with a wrong box file beffroi ${command[0]} goes on starting, says why, and is READY when it is corrected`,
    async (t) => {
      const { manager, service, boxFile } = await start(t, command, 2 * WATCHDOG_MS, 'x');
      const waits = () => manager.heard.filter((line) => line.includes('EXTEND_TIMEOUT_USEC=30000000'));
      await manager.until(() => waits().length >= 2);
      t.match(waits()[0], /STATUS=waiting for a correction: box-file-invalid: .*box\.json: expected JSON/);
      t.equal(manager.count('READY=1'), 0);
      t.equal(service.exitCode, null);
      await writeFile(boxFile, (await readFile(boxFile, 'utf8')).slice(0, -1));
      await manager.until(() => manager.count('READY=1') === 1);
      t.match(
        manager.heard.find((line) => line.includes('READY=1')),
        /STATUS=running/,
      );
    },
  );
}
