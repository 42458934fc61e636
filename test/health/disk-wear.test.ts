import { statSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { diskWearPercent } from '../../agent/health/disk-wear.ts';

/** A `/sys` in which the folder of the test lies on a partition of `mmcblk0`, through so many mapped devices. */
async function sysOf(t: Test, lifeTime: string | undefined, mapped = 0): Promise<string> {
  const sys = t.testdir();
  const disk = join(sys, 'devices/mmcblk0');
  const partition = join(disk, 'mmcblk0p2');
  await mkdir(join(disk, 'device'), { recursive: true });
  await mkdir(partition, { recursive: true });
  await writeFile(join(partition, 'partition'), '2\n');
  if (lifeTime !== undefined) await writeFile(join(disk, 'device/life_time'), lifeTime);
  let top = partition;
  for (let n = 0; n < mapped; n += 1) {
    const device = join(sys, `devices/dm-${n}`);
    await mkdir(join(device, 'slaves'), { recursive: true });
    await symlink(top, join(device, 'slaves/below'));
    top = device;
  }
  await mkdir(join(sys, 'dev/block'), { recursive: true });
  await symlink(top, join(sys, 'dev/block', numbers(statSync(t.testdirName).dev)));
  return sys;
}

/** As stat(1) prints it. */
function numbers(dev: number): string {
  const bits = BigInt(dev);
  const major = ((bits >> 8n) & 0xfffn) | ((bits >> 32n) & 0xfffff000n);
  return `${major}:${(bits & 0xffn) | ((bits >> 12n) & 0xffffff00n)}`;
}

for (const [said, percent] of [
  ['0x01 0x01\n', 10],
  ['0x02 0x05\n', 50],
  ['0x0b 0x01\n', 100],
  ['0x00 0x03\n', 30],
  ['0x00 0x00\n', undefined],
  ['0xff nonsense', undefined],
  ['', undefined],
  [undefined, undefined],
] as const) {
  t.test(`disk wear: an eMMC that says ${JSON.stringify(said)} has used ${percent} percent`, async (t) => {
    const sys = await sysOf(t, said);
    t.equal(await diskWearPercent(t.testdirName, sys), percent);
  });
}

t.test('disk wear: the disk is found below encrypted and logical volumes, and not in circles', async (t) => {
  const sys = await sysOf(t, '0x04 0x02\n', 2);
  t.equal(await diskWearPercent(t.testdirName, sys), 40);
  await symlink(join(sys, 'devices/dm-1'), join(sys, 'devices/dm-0/slaves/again'));
  t.equal(await diskWearPercent(t.testdirName, sys), 40);
});

t.test('disk wear: what the kernel does not say is unknown', async (t) => {
  t.equal(await diskWearPercent(t.testdir(), '/nonexistent'), undefined);
  t.equal(await diskWearPercent('/nonexistent'), undefined);
});
