import { readAtMost } from '../../base/files.ts';
import { readMac } from './scopes.ts';

/** Source: guess; the kernel keeps 1024 by default. @see arp(7), gc_thresh3 */
const MAX_NEIGHBOURS = 4096;
/** A line has 80 bytes. */
const MAX_TABLE_BYTES = 4 * 1024 * 1024;
/** @see arp(7), ATF_COM */
const COMPLETE = 0x02;
const NOBODY = '00:00:00:00:00:00';

/** Hardware addresses by network address, as the kernel knows them now: of the same network alone. @see proc(5), net/arp */
export async function neighbours(): Promise<ReadonlyMap<string, string>> {
  const table = await readAtMost('/proc/net/arp', MAX_TABLE_BYTES).catch(() => undefined);
  return readNeighbours(table?.toString('ascii') ?? '');
}

/** Of those that answered: an entry without the flag is what nobody has confirmed. */
export function readNeighbours(text: string): ReadonlyMap<string, string> {
  const rows = text.split('\n').slice(1, MAX_NEIGHBOURS);
  const pairs = rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , flags]) => (Number(flags) & COMPLETE) !== 0)
    .map((cells) => [cells[0] ?? '', readMac(cells[3] ?? '')]);
  return new Map(pairs.filter(([, mac]) => mac !== '' && mac !== NOBODY) as [string, string][]);
}
