import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { AlarmConfiguration } from '../../../agent/alarms/ports.ts';
import { type Call, Dialler } from '../../support/dialler.ts';
import { freePort } from '../../support/port.ts';
import { TestClock } from '../../support/test-clock.ts';
import { Watch } from '../watch.ts';

const CHILD = fileURLToPath(new URL('dying.ts', import.meta.url));
const ACCOUNT = '12345A';
/** When the panel calls, and when it calls again: however slow the machine is, soon enough for the same message. */
const CALLED_MS = Date.UTC(2026, 10, 22, 10);
const AGAIN_MS = CALLED_MS + 20_000;
/** An alarm that is raised and over, of a point that two hear; and what no point hears. */
const CALL: Call = { token: 'SIA-DCS', account: ACCOUNT, data: '#12345A|Nri1/BA005/BH005/RP009' };
/** Two tries of a panel that writes the time of each. */
const STAMPED: readonly [Call, Call] = [
  { ...CALL, stamp: true, time: '_10:00:00,11-22-2026' },
  { ...CALL, stamp: true, time: '_10:00:20,11-22-2026' },
];

function configuration(port: number): AlarmConfiguration {
  const zone = { kind: 'panel-zone', panel: 'panel-a', account: ACCOUNT, zone: '5' } as const;
  return {
    points: [
      { ...zone, id: 'pt-a', name: 'A' },
      { ...zone, id: 'pt-b', name: 'B' },
    ],
    cameras: [],
    panels: [
      {
        id: 'panel-a',
        listen: { host: '127.0.0.1', port, tcp: true, udp: false },
        timeWindow: { pastS: 40, futureS: 20 },
        accounts: [{ account: ACCOUNT, supervisionS: 3600 }],
      },
    ],
  };
}

/** The panel calls a receiver that ends after so many commits. @returns whether it got its answer */
async function callDying(
  dialler: Dialler,
  call: Call,
  told: AlarmConfiguration,
  args: readonly string[],
): Promise<boolean> {
  const [folder = '', commits = ''] = args;
  const child = spawn(process.execPath, [CHILD, folder, JSON.stringify(told), commits, String(CALLED_MS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  const { answer } = await dialler.call(call);
  child.kill('SIGKILL');
  await exited;
  return answer?.startsWith('"ACK"') ?? false;
}

/** It calls again, and is answered. @returns everything that was told */
async function callAgain(
  dialler: Dialler,
  call: Call,
  told: AlarmConfiguration,
  folder: string,
): Promise<string[]> {
  const watch = new Watch(folder, new TestClock(AGAIN_MS), () => undefined);
  await watch.begin(told);
  await dialler.deliver(call);
  const signals = watch.signals.map(({ code_sia }) => `signal ${code_sia}`);
  const all = [...watch.transitions, ...signals].toSorted();
  await watch.end();
  return all;
}

t.test('wherever a receiver is killed while it takes a message, everything is told once', async (t) => {
  const port = await freePort();
  const [dialler, configured] = [new Dialler(t, port), configuration(port)];
  let killed = 0;
  for (let answered = false; !answered; killed += answered ? 0 : 1) {
    const folder = t.testdir({ [`${killed}`]: {} });
    const [first, again] = killed % 2 === 0 ? STAMPED : [CALL, CALL];
    answered = await callDying(dialler, first, configured, [folder, `${killed + 1}`]);
    const told = await callAgain(dialler, again, configured, folder);
    const once = ['pt-a cleared', 'pt-a raised', 'pt-b cleared', 'pt-b raised', 'signal RP'];
    t.same(told, once, `killed after ${killed + 1} commits`);
  }
  t.ok(killed >= 5, `killed at ${killed} places`);
});
