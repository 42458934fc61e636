import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { type ConfigurationConsumer, ConfigurationKeeper } from '../../agent/config/keeper.ts';
import { signConfiguration } from '../../provisioning/sign.ts';
import { type Box, consentOf, enrolledBox, SITE } from './fixture.ts';

const CHILD = fileURLToPath(new URL('dying.ts', import.meta.url));

/** A configuration that differs from the others by its name. */
async function signed(box: Box, version: number, name = `v${version}`): Promise<Buffer> {
  const camera = { id: 'cam-a', name, host: '10.0.0.1', regime: 'continuous', owner: 'commune', onvif: {} };
  const request = { site: SITE, configuration: { cameras: [camera] }, version };
  return Buffer.from((await signConfiguration(box.csu, request, box.clock.wallMs())).jws);
}

interface Started {
  readonly keeper: ConfigurationKeeper;
  readonly applied: number[];
}

/** One start of the agent on this box. */
async function started(box: Box): Promise<Started> {
  const applied: number[] = [];
  const keeper = keeperOf(box, async ({ version }) => {
    applied.push(version);
  });
  await keeper.start();
  return { keeper, applied };
}

function keeperOf(box: Box, apply: ConfigurationConsumer['apply']): ConfigurationKeeper {
  const { clock, log, store, refusals, keys, reports: reporter } = box;
  return new ConfigurationKeeper({
    ...{ site: SITE, clock, log, store, refusals, reporter },
    keyring: keys.keyring,
    sealKey: keys.sealKey,
    clockTrust: () => box.clockTrust,
    consumer: { apply },
    consent: consentOf(box),
  });
}

/** The store as the next start finds it, without that this one has ended in order. */
async function dies(box: Box): Promise<void> {
  await box.restart();
}

const told = (box: Box) =>
  box.reports
    .of('config')
    .map(({ phase, version, applied_version }) => `${phase} ${version}/${applied_version}`);

/** With the time of this machine: that is what a keeper in a process of its own holds its orders against. */
async function boxOfToday(t: Test): Promise<Box> {
  const box = await enrolledBox(t);
  box.clock.jumpWall(Date.now() - box.clock.wallMs());
  return box;
}

/** Runs the keeper in a process of its own. @returns what it reported, undefined when it was killed */
function inProcess(box: Box, boxFile: string, deadly: number, order?: string): string[] | undefined {
  box.store.close();
  const args = [CHILD, boxFile, String(deadly), ...(order ? [order] : [])];
  const { stdout, signal, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (signal === 'SIGKILL') return undefined;
  if (stdout === '') throw new Error(stderr);
  const reports = JSON.parse(stdout) as Record<string, unknown>[];
  return reports.map(
    ({ phase, version, applied_version, cause }) => `${phase} ${version}/${applied_version} ${cause}`,
  );
}

async function file(t: Test, order: Buffer): Promise<string> {
  const path = join(t.testdir(), 'order.jws');
  await writeFile(path, order);
  return path;
}

t.test(
  'a configuration that kills the agent twice is given up, and the one before is in force',
  async (t) => {
    const box = await boxOfToday(t);
    const { keeper } = await started(box);
    await keeper.receive(await signed(box, 1));
    await keeper.stop();
    const deadly = await file(t, await signed(box, 2));
    const boxFile = join(box.folder, 'box.json');
    t.equal(inProcess(box, boxFile, 2, deadly), undefined, 'the process is killed while it applies');
    t.equal(inProcess(box, boxFile, 2), undefined, 'and again at its next start');
    t.strictSame(inProcess(box, boxFile, 2), [
      'applying 1/0 none',
      'applied 1/1 none',
      'failed 2/1 config-crash',
    ]);
    t.strictSame(
      inProcess(box, boxFile, 2, deadly),
      ['applying 1/0 none', 'applied 1/1 none'],
      'it is not taken again',
    );

    await box.restart();
    t.ok(box.registered().includes('config.failed config-crash'), 'the register says so');
    const again = await started(box);
    await again.keeper.receive(await signed(box, 2));
    t.match(box.reports.of('refusal').at(-1), { cause: 'order-older-version' }, 'its version is spent');
    await again.keeper.receive(await signed(box, 3));
    t.strictSame(again.applied, [1, 3]);
  },
);

t.test('a first configuration that kills the agent twice leaves the box without one', async (t) => {
  const box = await boxOfToday(t);
  const deadly = await file(t, await signed(box, 1));
  const boxFile = join(box.folder, 'box.json');
  t.equal(inProcess(box, boxFile, 1, deadly), undefined);
  t.equal(inProcess(box, boxFile, 1), undefined);
  t.strictSame(inProcess(box, boxFile, 1), ['none 0/0 none', 'failed 1/0 config-crash']);
  t.strictSame(inProcess(box, boxFile, 1), ['none 0/0 none'], 'it stays so');
  await box.restart();
  const { keeper, applied } = await started(box);
  await keeper.receive(await signed(box, 2));
  t.strictSame(applied, [2]);
});

t.test('a power cut while a configuration is applied brings it into force at the next start', async (t) => {
  const box = await boxOfToday(t);
  const order = await file(t, await signed(box, 1));
  const boxFile = join(box.folder, 'box.json');
  t.equal(inProcess(box, boxFile, 1, order), undefined);
  t.strictSame(inProcess(box, boxFile, 0), ['applying 1/0 none', 'applied 1/1 none']);
  for (let cuts = 0; cuts < 4; cuts += 1) {
    await box.restart();
    t.strictSame((await started(box)).applied, [1], `power cut ${cuts + 1} after it was in force`);
    await dies(box);
  }
});

t.test('an error that nobody caught counts while the configuration is new, and not for ever', async (t) => {
  const box = await enrolledBox(t);
  const first = await started(box);
  await first.keeper.receive(await signed(box, 1));
  await box.clock.advance(60_000);
  first.keeper.crashed();
  await dies(box);
  const second = await started(box);
  t.strictSame(second.applied, [1], 'version 1 was in force for long: it is not held responsible');
  await second.keeper.receive(await signed(box, 2));
  second.keeper.crashed();
  await dies(box);
  const third = await started(box);
  t.strictSame(third.applied, [2], 'once may be chance');
  third.keeper.crashed();
  await dies(box);
  const fourth = await started(box);
  t.strictSame(fourth.applied, [1]);
  t.strictSame(told(box), ['applying 1/0', 'applied 1/1', 'failed 2/1']);
  t.match(fourth.keeper.status, { phase: 'failed', version: 2, appliedVersion: 1 });
});

t.test('a stop in order is held against no configuration', async (t) => {
  const box = await enrolledBox(t);
  const order = await signed(box, 1);
  for (let starts = 0; starts < 5; starts += 1) {
    const { keeper } = await started(box);
    if (starts === 0) await keeper.receive(order);
    t.equal(keeper.status.appliedVersion, 1);
    await keeper.stop();
    await box.restart();
  }
});

t.test('a stop in order in the middle of it is held against none either', async (t) => {
  const box = await enrolledBox(t);
  const order = await signed(box, 1);
  const never = () => new Promise<void>(() => undefined);
  for (let starts = 0; starts < 4; starts += 1) {
    const begun = Promise.withResolvers<void>();
    const keeper = keeperOf(box, async () => {
      begun.resolve();
      await never();
    });
    const starting = keeper.start();
    if (starts === 0) void starting.then(() => keeper.receive(order));
    await begun.promise;
    await keeper.stop();
    await box.restart();
  }
  t.strictSame((await started(box)).applied, [1]);
});

t.test('a record of the trial that cannot be read is none', async (t) => {
  const box = await enrolledBox(t);
  const { keeper } = await started(box);
  await keeper.receive(await signed(box, 1));
  await keeper.stop();
  for (const text of ['', '{', '{"hash":1}', 'null']) {
    box.store.memory.set('config', 'trial', text);
    await box.restart();
    t.strictSame((await started(box)).applied, [1], JSON.stringify(text));
  }
});
