import { readdir, readFile } from 'node:fs/promises';

/** Proportional set size of a process, MB. @see proc(5), smaps_rollup */
export async function pssMb(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kb = Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1]);
  return Math.round(kb / 102.4) / 10;
}

/**
 * What the process would have as its proportional set size if the program and libraries that it maps were shared with
 * one other process and no more, MB: the two planes on a box.
 */
export async function aloneMb(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]);
  return (kb('Anonymous') + (kb('Rss') - kb('Anonymous')) / 2) / 1024;
}

/** Clock ticks per second of `/proc`, the same on every Linux that Node runs on. @see sysconf(3), _SC_CLK_TCK */
const TICKS_PER_SECOND = 100;

/** Processor time used so far, seconds. @see proc(5), stat: utime, stime */
export async function cpuSeconds(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Processor time of the process and of its children that have ended, seconds. @see proc(5), stat: cutime, cstime */
export async function familyCpuSeconds(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0) / TICKS_PER_SECOND;
}

/** The children of a process. */
export async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(pids.map(parentOf));
  return pids.filter((_, index) => parents[index] === parent);
}

/** The video process of an agent, if it runs now; an agent has other children from time to time. */
export async function videoOf(agent: number): Promise<number | undefined> {
  for (const pid of await childrenOf(agent)) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
    if (line.includes('video-main')) return pid;
  }
  return undefined;
}

async function parentOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
}
