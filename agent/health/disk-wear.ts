import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readAtMost } from '../base/files.ts';

/** A disk on a disk on a disk: encrypted, logical volumes, a RAID. Source: guess. */
const MAX_LAYERS = 8;
/** A page, as all of them. @see Linux Documentation/filesystems/sysfs.rst */
const MAX_LINE_BYTES = 4096;

/**
 * Life of the disk below a folder that is used up, percent, rounded up to tens: the worst of the disks where there are
 * several. An eMMC says it in `life_time`; what NVMe and SATA disks know of it takes rights that the agent has not.
 * @returns undefined where the kernel does not say it
 * @see Linux Documentation/driver-api/mmc/mmc-dev-attrs.rst; JEDEC JESD84-B51, DEVICE_LIFE_TIME_EST_TYP_A and _B
 */
export async function diskWearPercent(folder: string, sys = '/sys'): Promise<number | undefined> {
  try {
    const { dev } = await stat(folder);
    const disks = await disksBelow(await realpath(join(sys, 'dev/block', numbersOf(dev))), 0);
    const worn = await Promise.all(disks.map(wearOf));
    const known = worn.filter((percent) => percent !== undefined);
    return known.length > 0 ? Math.max(...known) : undefined;
  } catch {
    return undefined;
  }
}

/** `MAJOR:MINOR`. @see makedev(3), gnu_dev_major */
function numbersOf(dev: number): string {
  const bits = BigInt(dev);
  const major = ((bits >> 8n) & 0xfffn) | ((bits >> 32n) & 0xfffff000n);
  const minor = (bits & 0xffn) | ((bits >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

/** Whole disks that a block device stands on: a partition lies in its disk's folder, a mapped one names its slaves. */
async function disksBelow(device: string, layer: number): Promise<string[]> {
  if (layer > MAX_LAYERS) return [];
  const isPartition = await stat(join(device, 'partition')).then(
    () => true,
    () => false,
  );
  if (isPartition) return await disksBelow(dirname(device), layer + 1);
  const slaves = await readdir(join(device, 'slaves')).catch(() => []);
  if (slaves.length === 0) return [device];
  const below = slaves.map(async (name) =>
    disksBelow(await realpath(join(device, 'slaves', name)), layer + 1),
  );
  return (await Promise.all(below)).flat();
}

/** `0x01 0x03`: tenths of its life, of two kinds of memory; 0x0b is more than all of it, 0x00 is not said. */
async function wearOf(disk: string): Promise<number | undefined> {
  const text = await readAtMost(join(disk, 'device/life_time'), MAX_LINE_BYTES).catch(() => undefined);
  const tenths = (text?.toString('ascii') ?? '').trim().split(/\s+/).map(Number);
  const known = tenths.filter((tenth) => Number.isInteger(tenth) && tenth >= 1 && tenth <= 0x0b);
  return known.length > 0 ? Math.min(100, 10 * Math.max(...known)) : undefined;
}
