import { execFileSync, spawnSync } from 'node:child_process';
import { open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { desiredConfigTopic } from '../../agent/contract/topics.ts';
import { heavyClip } from '../support/heavy-clip.ts';
import { videoOf } from '../support/processes.ts';
import { configurationOf, Scene, SITE, simulatedCamera } from '../support/scene.ts';
import { MAY_MOUNT, SmallDisk } from '../support/small-disk.ts';
import { until } from '../support/until.ts';

interface Fault {
  cause: string;
  detail: string;
}

async function logged(scene: Scene, text: string): Promise<string> {
  return until(async () => {
    const log = await readFile(scene.box.logFile, 'utf8').catch(() => '');
    return log.split('\n').find((one) => one.includes(text));
  });
}

t.test(
  'bad input: a wrong key in the box file is named with its path, and the corrected file is enough to go on',
  async (t) => {
    const scene = await Scene.create(t);
    const right = await readFile(scene.box.boxFile, 'utf8');
    await writeFile(scene.box.boxFile, right.replace('"site"', '"brocker": "x", "site"'));
    scene.box.start();
    const line = await logged(scene, 'box-file-invalid');
    t.match(line, 'brocker');
    t.match(line, '"fault":"configuration"');
    await writeFile(scene.box.boxFile, right);
    await scene.box.until('the link', ({ link }) => link.connected);
    t.pass('the agent lives and goes on');
  },
);

t.test('bad input: a keyring that was altered is refused until it is mended', async (t) => {
  const scene = await Scene.create(t);
  const file = join(scene.box.folder, 'keyring.jws');
  const right = await readFile(file, 'utf8');
  const jws = JSON.parse(right) as { payload: string };
  const payload = Buffer.from(jws.payload, 'base64url').toString().replace('"operate"', '"release"');
  await writeFile(file, JSON.stringify({ ...jws, payload: Buffer.from(payload).toString('base64url') }));
  scene.box.start();
  t.match(await logged(scene, 'keyring-invalid'), 'keyring');
  await writeFile(file, right);
  await scene.box.until('the link', ({ link }) => link.connected);
});

t.test(
  'bad input: a certificate that cannot be read leaves the box without link, and is read again',
  async (t) => {
    const scene = await Scene.create(t);
    const file = join(scene.box.folder, 'box.crt.pem');
    await rename(file, `${file}.away`);
    scene.box.start();
    const { cause } = await scene.box.until(
      'the cause',
      ({ link }) => link.cause === 'key-file-unreadable' && link,
    );
    t.equal(cause, 'key-file-unreadable');
    await rename(`${file}.away`, file);
    await scene.box.until('the link', ({ link }) => link.connected);
    t.pass('the box has its link');
  },
);

t.test(
  'bad input: 10 MB on the configuration topic and pictures of 8 MB are named; a larger credit lets these through',
  async (t) => {
    const scene = await Scene.create(t);
    scene.box.start();
    await scene.box.until('the link', ({ link }) => link.connected);
    const { link } = await scene.box.status();
    await scene.csu.publish(desiredConfigTopic(SITE), Buffer.alloc(10 * 1024 * 1024, 'x'));
    const refusal = await scene.csu.until('the refusal', () => scene.csu.json<Fault>('/event/refusal')[0]);
    t.equal(refusal.cause, 'order-too-large');
    t.equal((await scene.box.status()).link.session, link.session, 'the same session');

    const camera = await simulatedCamera(t, [], heavyClip(1, 1, 8_000_000));
    const configuration = { ...configurationOf(camera), health: { pictureIntervalS: 0 } };
    await scene.push(configuration);
    const cause = 'credit-too-small';
    const told = await scene.box.until(
      'the cause',
      ({ cameras }) => cameras[0]?.cause === cause && cameras[0],
    );
    t.match(told, {
      state: 'degraded',
      side: 'centre',
      detail: /at most 4194304 bytes at once, came 8\d{6}/,
    });
    await scene.csu.until('the same at the centre', () =>
      scene.csu.json<Fault>('/cam-quai/state/health').find((one) => one.cause === cause),
    );
    await scene.push({ ...configuration, video: { creditKb: 9216 } });
    await scene.box.until('the camera well', ({ cameras }) => cameras[0]?.state === 'ok');
    await scene.csu.until('a picture sent', () =>
      scene.csu
        .json<{ state: string; bytes: number }>('/meas/destination')
        .some(({ state, bytes }) => state === 'flowing' && bytes > 8_000_000),
    );
  },
);

t.test(
  'bad input: a damaged database is set aside and reported, and the box goes on with its configuration',
  async (t) => {
    const scene = await Scene.create(t);
    const camera = await simulatedCamera(t);
    scene.box.start();
    await scene.push(configurationOf(camera));
    await scene.box.until('the configuration', ({ config }) => config.appliedVersion === 1);
    await scene.box.stop();
    const file = await open(join(scene.folder, 'state', 'beffroi.db'), 'r+');
    const { size } = await file.stat();
    await file.write(Buffer.alloc(size - 5000, 0x5a), 0, size - 5000, 3000);
    await file.close();
    scene.box.start();
    await scene.csu.until('the report', () =>
      scene.csu.json<Fault>('/event/fault').find(({ cause }) => cause === 'store-damaged'),
    );
    await scene.box.until('the configuration', ({ config }) => config.appliedVersion === 1);
    const { storageDurable } = await scene.box.status();
    t.ok(storageDurable, 'the new database is on disk');
  },
);

t.test(
  'bad input: while the disk is full alarms still reach the CSU, and the box returns to the disk',
  async (t) => {
    if (!MAY_MOUNT) return t.pass('needs root to mount a small disk', { skip: true });
    const scene = await Scene.create(t);
    const inputs = ['input-1'];
    const camera = await simulatedCamera(t, inputs);
    const disk = SmallDisk.mount(t, join(scene.folder, 'state'), 8);
    scene.box.start();
    await scene.push(configurationOf(camera, inputs));
    await scene.box.until('the point known', ({ alarms }) => alarms[0]?.state === 'cleared');
    await disk.fill();
    camera.setInput('input-1', true);
    await scene.csu.until('the alarm', () =>
      scene.csu.json('/event/alarm').find(({ transition }) => transition === 'raised'),
    );
    await scene.box.until('the fault', ({ storageDurable }) => !storageDurable);
    await disk.free();
    await scene.box.until('the disk', ({ storageDurable }) => storageDurable);
    camera.setInput('input-1', false);
    await scene.csu.until('the end', () =>
      scene.csu.json('/event/alarm').find(({ transition }) => transition === 'cleared'),
    );
    const numbers = scene.csu.json<{ seq: number }>('/event/alarm').map(({ seq }) => seq);
    t.ok(
      numbers.every((seq, index) => index === 0 || seq > (numbers[index - 1] ?? 0)),
      'the numbers rise',
    );
  },
);

/** The second account of a destination that flows comes behind how far it has come. */
function twiceTold({ csu }: Scene): boolean {
  const flowing = csu.json('/meas/destination').filter(({ state }) => state === 'flowing');
  return flowing.some(({ since }, i) => flowing.slice(0, i).some((one) => one.since === since));
}

t.test('planes: the video process is killed, comes back, and no alarm waits for it', async (t) => {
  const scene = await Scene.create(t);
  const inputs = ['input-1'];
  const camera = await simulatedCamera(t, inputs);
  scene.box.start();
  await scene.push(configurationOf(camera, inputs));
  await scene.csu.until('an account of what was sent', () => twiceTold(scene));
  const video = await until(() => videoOf(scene.box.pid ?? 0));
  process.kill(video, 'SIGKILL');
  const killedMs = Date.now();
  camera.setInput('input-1', true);
  await scene.csu.until('the alarm', () => scene.csu.json('/event/alarm')[0]);
  const next = await until(async () => {
    const pid = await videoOf(scene.box.pid ?? 0);
    return pid !== video && pid;
  });
  t.not(next, video, 'another video process runs');
  const gap = await scene.csu.until('the gap', () =>
    scene.csu.json('/event/gap').find(({ cause }) => cause === 'video-process-down'),
  );
  t.match(gap, { destination: 'mqtt', frames: 0 });
  t.ok(Number(gap.from) < killedMs && Number(gap.until) > Number(gap.from), JSON.stringify(gap));
  await scene.box.until('pictures', ({ cameras }) => cameras[0]?.state === 'ok' && cameras[0].fps > 0);
  await scene.box.kill();
  const bothMs = Date.now();
  scene.box.start();
  const other = await scene.csu.until('the gap of both', () =>
    scene.csu.json('/event/gap').find(({ from, until }) => Number(from) <= bothMs && Number(until) >= bothMs),
  );
  t.match(other, { cause: 'video-process-down', at_most: true, frames: 0 }, 'which the next agent tells');
});

t.test('box: what it leaves on disk is closed to other accounts and holds no secret in clear', async (t) => {
  const scene = await Scene.create(t);
  const camera = await simulatedCamera(t);
  scene.box.start();
  await scene.push(configurationOf(camera));
  await scene.box.until('pictures', ({ cameras }) => cameras[0]?.state === 'ok');
  // What it is about to rename would be gone before it is looked at.
  scene.box.pause();
  const state = join(scene.folder, 'state');
  const everything = execFileSync(
    'find',
    [state, join(scene.folder, 'run'), '-type', 'f', '-o', '-type', 's'],
    { encoding: 'utf8' },
  );
  for (const file of everything.trim().split('\n')) {
    t.equal((await stat(file)).mode & 0o077, 0, `${file.replace(scene.folder, '')} is closed`);
  }
  const found = spawnSync('grep', ['-rlaF', 'a long password', scene.folder], { encoding: 'utf8' });
  t.equal(found.stdout, '', 'the password stands in no file of the box or of the CSU, the log included');
});
