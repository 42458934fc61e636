import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { commandTopic } from '../../agent/contract/topics.ts';
import { signCommand } from '../../provisioning/sign.ts';
import { capturedMatch, discoveryDevices } from '../support/discovery-devices.ts';
import { Scene, SITE } from '../support/scene.ts';
import { receiver } from './receiving.ts';

interface Told {
  readonly state: string;
  readonly present: number;
  readonly missing: number;
  readonly moved: number;
  readonly swapped: number;
  readonly unknown: number;
  readonly detail: string;
  readonly taken_ts: number;
}

interface Report {
  readonly finding: string;
  readonly change: string;
  readonly camera?: string;
  readonly address?: string;
}

interface Alarm {
  readonly point: string;
  readonly transition: string;
  readonly text?: string;
}

const at = (address: string, uuid: string, addresses = `http://${address}/onvif/device_service`) => ({
  address,
  answer: capturedMatch({ uuid: `${uuid}-701b-464d-a189-0060351c8ada`, addresses }),
});
const camera = (name: string, host: string) => ({
  ...{ id: `cam-${name}`, name, host, regime: 'continuous', owner: 'commune' },
  rtsp: { path: '/' },
});

t.test(
  'system: the inventory tells what is missing, moved, swapped and unknown, and alarms what is there',
  async (t) => {
    let contacted = 0;
    const trap = createServer(() => {
      contacted += 1;
    }).listen(0, '127.87.0.1');
    await once(trap, 'listening');
    t.teardown(() => trap.close());
    const { port } = trap.address() as { port: number };
    const scene = await Scene.create(t);
    const { csu, box, centre } = scene;
    const centreHears = receiver(t, { scene, archive: join(scene.folder, 'archive.db') });
    // Each answers after those before it.
    const first = await discoveryDevices(t, [
      at('127.86.0.1', 'aaaaaaaa'),
      at('127.86.0.2', 'bbbbbbbb'),
      at('127.86.0.9', 'cccccccc', `http://127.87.0.1:${port}/onvif/device_service`),
    ]);
    box.start();
    await scene.push({
      cameras: [camera('quai', '127.86.0.1'), camera('hall', '127.86.0.2'), camera('cour', 'camera.invalid')],
      delivery: { confirm: 'receipt', resendAfterS: 2 },
      inventory: { enabled: false, networks: ['127.86.0.0/16'], listenS: 1 },
      points: ['box-unknown-device', 'camera-moved'].map((kind) => ({ id: `pt-${kind}`, name: kind, kind })),
    });
    await box.until('configured', ({ config }) => config.phase === 'applied');
    const take = async () => {
      const signed = await signCommand(centre.csu, { site: SITE, command: 'inventory.run' });
      await csu.publish(commandTopic(SITE), signed.jws);
      const done = await csu.until('the order is done', () =>
        csu
          .json<{ command_id: string; status: string; detail: string }>('/event/command')
          .find((told) => told.command_id === signed.id && ['successful', 'failed'].includes(told.status)),
      );
      t.equal(done.status, 'successful', done.detail);
    };
    /** An answer may come too late on a busy machine: looks again. */
    const takeUntil = async (is: (told: Told) => boolean): Promise<Told> => {
      for (;;) {
        const before = csu.json<Told>('/collector/state/inventory').length;
        await take();
        const told = await csu.until(
          'the state',
          () => csu.json<Told>('/collector/state/inventory').slice(before)[0],
        );
        if (is(told)) return told;
      }
    };
    const reported = (report: Partial<Report>) =>
      csu.until(JSON.stringify(report), () =>
        csu
          .json<Report>('/collector/report/inventory')
          .find((one) => Object.entries(report).every(([key, value]) => one[key as keyof Report] === value)),
      );
    const alarm = (point: string, transition: string) =>
      csu.until(`${point} ${transition}`, () =>
        csu.json<Alarm>(`/${point}/event/alarm`).find((one) => one.transition === transition),
      );

    const found = await takeUntil(({ unknown }) => unknown === 1);
    t.match(found, { state: 'differs', present: 2, missing: 1, moved: 0, swapped: 0 });
    t.match(found.detail, /missing cam-cour \(camera\.invalid\); unknown 127\.86\.0\.9 HD_PREDATOR/);
    await reported({ finding: 'missing', change: 'found', camera: 'cam-cour' });
    await reported({ finding: 'unknown', change: 'found', address: '127.86.0.9' });
    t.match((await alarm('pt-box-unknown-device', 'raised')).text, '127.86.0.9');

    first.end();
    await discoveryDevices(t, [at('127.86.0.2', 'dddddddd'), at('127.86.0.5', 'aaaaaaaa')]);
    const changed = await takeUntil(
      ({ moved, swapped, unknown }) => moved === 1 && swapped === 1 && unknown === 0,
    );
    t.match(changed, { present: 0, missing: 1 });
    t.match(await reported({ finding: 'moved', change: 'found' }), {
      camera: 'cam-quai',
      address: '127.86.0.5',
    });
    await reported({ finding: 'swapped', change: 'found', camera: 'cam-hall' });
    await reported({ finding: 'unknown', change: 'settled', address: '127.86.0.9' });
    await alarm('pt-box-unknown-device', 'cleared');
    t.match((await alarm('pt-camera-moved', 'raised')).text, 'cam-quai 127.86.0.1 -> 127.86.0.5');

    const shown = (...args: string[]) =>
      new Promise<{ code: number; out: string }>((resolve) => {
        const line = ['agent/cli.ts', 'inventory', '--config', box.boxFile, '--lang', 'fr', ...args];
        execFile(process.execPath, line, (error, out) => resolve({ code: Number(error?.code ?? 0), out }));
      });
    const kept = await shown();
    t.match(kept, { code: 1, out: /déplacée +cam-quai +127\.86\.0\.1 +127\.86\.0\.5/ });
    t.match(kept.out, /échangée +cam-hall/);
    t.match((await shown('--now')).out, /absente +cam-cour +camera\.invalid/);
    await centreHears.said(/report.inventory.*"finding":"moved"/);
    await box.until('every receipt', ({ link }) => link.outboxPending === 0);
    t.equal(contacted, 0, 'nobody goes where a device says to be elsewhere');
  },
);
