import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { addBox } from '../../provisioning/box.ts';
import { createCsu } from '../../provisioning/csu.ts';
import { freePort } from '../support/mosquitto.ts';

const LAUNCHER = join(import.meta.dirname, '../../agent/beffroi');
const WATCHDOG_MS = 1500;
/** The manager's side of sd_notify(3): a datagram socket, which Node does not have. */
const MANAGER = `
import socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1])
print('listening', flush=True)
while True: print(manager.recv(4096).decode().replace('\\n', ' '), flush=True)
`;

/** What a service tells systemd. */
class Manager {
  readonly heard: string[] = [];
  readonly #waiting = new Set<() => void>();

  static async start(t: Test, socket: string): Promise<Manager> {
    const child = spawn('/usr/bin/python3', ['-c', MANAGER, socket], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    const manager = new Manager();
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => manager.#hear(line));
    await manager.until((heard) => heard.includes('listening'));
    return manager;
  }

  count(message: string): number {
    return this.heard.filter((line) => line.includes(message)).length;
  }

  async until(enough: (heard: readonly string[]) => boolean): Promise<void> {
    while (!enough(this.heard)) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #hear(line: string): void {
    this.heard.push(line);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

interface Started {
  readonly manager: Manager;
  readonly service: ChildProcess;
}

async function start(t: Test, command: readonly string[], watchdogMs: number): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'bfr-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const csu = await createCsu(join(folder, 'csu'), { brokerHosts: ['localhost'] });
  const brokers = [`mqtts://localhost:${await freePort()}`];
  const folders = { stateFolder: join(folder, 'state'), runtimeFolder: join(folder, 'run') };
  await addBox(csu, { site: '57463-mairie', brokers, ...folders, clock: 'host' }, join(folder, 'box'));
  const socket = join(folder, 'notify');
  const manager = await Manager.start(t, socket);
  const service = spawn(LAUNCHER, [...command, '--config', join(folder, 'box/box.json')], {
    stdio: 'ignore',
    env: { ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: String(watchdogMs * 1000) },
  });
  t.teardown(() => service.kill('SIGKILL'));
  return { manager, service };
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
    t.same([...order].sort(), order, 'in this order');
  });
}

t.test('systemd: an agent whose event loop hangs feeds the watchdog no more', async (t) => {
  const { manager, service } = await start(t, ['run', '--video', 'external'], WATCHDOG_MS);
  await manager.until(() => manager.count('WATCHDOG=1') >= 2);
  process.kill(service.pid ?? 0, 'SIGSTOP');
  const fed = manager.count('WATCHDOG=1');
  await delay(2 * WATCHDOG_MS);
  t.ok(manager.count('WATCHDOG=1') <= fed + 1, 'at most what was under way');
});
