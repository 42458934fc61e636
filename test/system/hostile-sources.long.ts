import { readFile } from 'node:fs/promises';
import t from 'tap';
import { rawServer } from '../alarms/raw-server.ts';
import { ModbusServer } from '../support/modbus-server.ts';
import { Scene } from '../support/scene.ts';
import { type HostileSource, hostileEvents, hostileModules, hostileUps } from './hostile-sources.ts';

interface Alarm {
  readonly transition: string;
  readonly cause?: string;
  readonly source_ts?: number;
}

/** Of the good module: each changes so seldom that none chatters. */
const GOOD = Array.from({ length: 8 }, (_, address) => address);
const CHANGES = 40;
const MOST_GROWTH_MB = 100;

async function rssMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

const moduleOf = (id: string, port: number) => ({
  ...{ id: `io-${id}`, name: id, host: '127.0.0.1', port, pollMs: 100, timeoutMs: 500 },
});

function configurationOf(
  good: number,
  modules: readonly HostileSource[],
  ups: readonly HostileSource[],
  cameras: readonly HostileSource[],
): object {
  const credentials = { version: 1, user: 'beffroi', password: 'un mot de passe' };
  const input = (point: string, id: string, address: number) => ({
    ...{ id: `pt-${point}`, name: point, kind: 'module-input', module: `io-${id}`, address },
  });
  return {
    cameras: cameras.map(({ id, port }) => ({
      ...{ id: `cam-${id}`, name: id, host: '127.0.0.1', regime: 'continuous', owner: 'commune' },
      ...{ credentials, onvif: { port }, rtsp: { port: 9, path: '/' } },
    })),
    modules: [moduleOf('good', good), ...modules.map(({ id, port }) => moduleOf(id, port))],
    ups: ups.map(({ id, port }) => ({
      ...{ id: `ups-${id}`, name: id, host: '127.0.0.1', port, upsName: 'ups' },
      ...{ timeoutMs: 1000, pollMs: 500 },
    })),
    points: [
      ...GOOD.map((address) => input(`good-${address}`, 'good', address)),
      ...modules.map(({ id }) => input(id, id, 0)),
      ...ups.map(({ id }) => ({ id: `pt-${id}`, name: id, kind: 'ups-mains', ups: `ups-${id}` })),
      ...cameras.map(({ id }) => ({
        ...{ id: `pt-${id}`, name: id, kind: 'digital-input', camera: `cam-${id}` },
      })),
    ],
  };
}

t.test(
  'hostile modules, UPS and event services: alarms of a good module come all the while, each fault is told once',
  async (t) => {
    const [modules, ups, cameras] = await Promise.all([hostileModules(t), hostileUps(t), hostileEvents(t)]);
    let strangers = 0;
    const elsewhere = cameras.find(({ id }) => id === 'elsewhere');
    const stranger = () => {
      strangers += 1;
    };
    await rawServer(t, stranger, { host: '127.0.0.2', port: elsewhere?.port ?? 0 });
    const good = await ModbusServer.start({ count: GOOD.length });
    t.teardown(() => good.stop());
    const scene = await Scene.create(t);
    const { csu, box } = scene;
    box.start();
    await scene.push(configurationOf(good.port, modules, ups, cameras));
    const told = (point: string) => csu.events<Alarm>(`/pt-${point}/event/alarm`);
    const shown = (point: string) => csu.json(`/pt-${point}/state/alarm-current`).at(-1);
    await csu.until('the good module at rest', () =>
      GOOD.every((address) => shown(`good-${address}`)?.state === 'cleared'),
    );
    const pid = box.pid ?? 0;
    const firstMb = await rssMb(pid);
    for (let change = 0; change < CHANGES; change += 1) {
      const address = change % GOOD.length;
      const round = Math.floor(change / GOOD.length);
      await good.set(address, round % 2 === 0);
      await csu.until(`change ${change}`, () => told(`good-${address}`).length > round);
    }
    for (const [kind, sources] of Object.entries({ io: modules, ups, cam: cameras }))
      for (const { id, cause } of sources.filter((source) => source.cause)) {
        const failure = () => told(`source-${kind}-${id}`);
        await csu.until(`${kind}-${id}: ${cause}`, () =>
          failure().some((one) => cause?.test(one.cause ?? '')),
        );
        t.equal(failure().filter(({ transition }) => transition === 'raised').length, 1, `${id} once`);
      }
    await csu.until('chattering', () => told('storms').some(({ transition }) => transition === 'chattering'));
    t.ok(told('storms').length < 30, `${told('storms').length} of many thousands`);
    await csu.until('the alarm of 1601', () => told('past').length > 0);
    t.same(
      told('past').map(({ transition, source_ts }) => [transition, source_ts]),
      [['raised', undefined]],
    );
    t.equal(strangers, 0, 'no subscription leads to another host');
    const growthMb = (await rssMb(pid)) - firstMb;
    t.ok(growthMb < MOST_GROWTH_MB, `${growthMb.toFixed(0)} MB more`);
  },
);
