import { statfs } from 'node:fs/promises';
import { uptime } from 'node:os';
import { cpuTemperature, currentLoad, mem } from 'systeminformation';
import type { Fields } from '../contract/messages.ts';
import { diskWearPercent } from './disk-wear.ts';

const MB = 1024 * 1024;

/** Vitals of the box. The first call takes half a second: it spawns processes. @param folder a folder of the disk to measure */
export async function readVitals(folder: string): Promise<Fields<'vitals'>> {
  const [load, memory, temperature, diskFreeMb, wear] = await Promise.all([
    currentLoad(),
    mem(),
    temperatureC(),
    freeMb(folder),
    diskWearPercent(folder),
  ]);
  return {
    cpu_percent: round(load.currentLoad),
    memory_used_mb: round(memory.active / MB),
    memory_total_mb: round(memory.total / MB),
    ...(diskFreeMb === undefined ? {} : { disk_free_mb: round(diskFreeMb) }),
    ...(wear === undefined
      ? { disk_wear: 'not-verifiable' as const }
      : { disk_wear: 'measured' as const, disk_wear_percent: wear }),
    ...(temperature === undefined ? {} : { temperature_c: temperature }),
    uptime_s: Math.round(uptime()),
    agent_rss_mb: round(process.memoryUsage.rss() / MB),
  };
}

/** The temperature of the processor; undefined where there is no sensor. */
export async function temperatureC(): Promise<number | undefined> {
  const { main } = await cpuTemperature();
  return typeof main === 'number' ? round(main) : undefined;
}

/** @returns undefined when the file system does not say */
export async function freeMb(folder: string): Promise<number | undefined> {
  return await statfs(folder).then(
    ({ bavail, bsize }) => (bavail * bsize) / MB,
    () => undefined,
  );
}

function round(value: number): number {
  return Number.isFinite(value) ? Math.max(0, Math.round(value * 10) / 10) : 0;
}
