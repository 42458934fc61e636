import { readFile } from 'node:fs/promises';
import { readMac } from './scopes.ts';

/** Source: guess; the kernel keeps 1024 by default. @see arp(7), gc_thresh3 */
const MAX_NEIGHBOURS = 4096;
const NOBODY = '00:00:00:00:00:00';

/** Hardware addresses by network address, as the kernel knows them now: of the same network alone. @see proc(5), net/arp */
export async function neighbours(): Promise<ReadonlyMap<string, string>> {
  const text = await readFile('/proc/net/arp', 'ascii').catch(() => '');
  const rows = text.split('\n').slice(1, MAX_NEIGHBOURS);
  const pairs = rows
    .map((row) => row.trim().split(/\s+/))
    .map((cells) => [cells[0] ?? '', readMac(cells[3] ?? '')]);
  return new Map(pairs.filter(([, mac]) => mac !== '' && mac !== NOBODY) as [string, string][]);
}
