import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import { VideoSupervisor } from '../../agent/video/supervisor.ts';
import { AgentEnd, SITE } from './plane.ts';

t.test('supervisor: a video process that dies is started again, and ends with the agent', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'supervisor-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const nowhere = createServer().listen(0, '127.0.0.1');
  await once(nowhere, 'listening');
  t.teardown(() => nowhere.close());
  const address = nowhere.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const configFile = join(folder, 'box.json');
  const box = {
    site: SITE,
    brokers: [`mqtt://127.0.0.1:${port}`],
    plainLoopback: true,
    trust: { authority: 'a', keyring: 'b', sealKey: 'c', signKey: 'd' },
    stateFolder: 'state',
    runtimeFolder: '.',
    clock: 'host',
    logLevel: 'error',
  };
  await writeFile(configFile, JSON.stringify(box));
  const agent = new AgentEnd(join(folder, 'video.sock'));
  await agent.start();
  t.teardown(() => agent.stop());
  const failures: string[] = [];
  const log = createLog('warn', { write: (line: string) => void failures.push(line) });
  const supervisor = new VideoSupervisor({ clock: systemClock, log, random: Math.random }, { configFile });
  await supervisor.start(new AbortController().signal);
  t.teardown(() => supervisor.stop());
  await agent.until(() => agent.connections === 1);
  const first = supervisor.pid ?? 0;
  supervisor.recycle();
  await agent.until(() => agent.connections === 2);
  const second = supervisor.pid ?? 0;
  t.not(second, first);
  t.match(failures.join(''), /SIGKILL/);
  await supervisor.stop();
  t.equal(supervisor.pid, undefined);
  t.throws(() => process.kill(second, 0), { code: 'ESRCH' });
});
