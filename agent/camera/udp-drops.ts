import { isIPv6 } from 'node:net';
import { readAtMostSync } from '../base/files.ts';
import { hexOfIpv4 } from './tcp-state.ts';

/** Where packets come to. */
export interface UdpEnd {
  readonly localAddress: string;
  readonly localPort: number;
}

/** Columns of the table. @see Linux net/ipv4/udp.c, udp4_seq_show */
const [LOCAL, DROPS] = [1, 12];
/** More than 20,000 sockets; a line has 130 bytes. */
const MAX_TABLE_BYTES = 4 * 1024 * 1024;

/**
 * How many packets the kernel threw away because its buffer of a UDP socket of this machine was full: it was we who did
 * not read in time. Reading takes well below a millisecond.
 * @returns since the socket was made; undefined where the kernel does not say, or does not know the socket
 */
export function udpDrops(end: UdpEnd): number | undefined {
  try {
    const file = isIPv6(end.localAddress) ? '/proc/net/udp6' : '/proc/net/udp';
    return findUdpDrops(readAtMostSync(file, MAX_TABLE_BYTES)?.toString('latin1') ?? '', end);
  } catch {
    return undefined;
  }
}

/** @param table the text of `/proc/net/udp` or `udp6` */
export function findUdpDrops(table: string, { localAddress, localPort }: UdpEnd): number | undefined {
  const port = `:${localPort.toString(16).toUpperCase().padStart(4, '0')}`;
  const local = isIPv6(localAddress) ? port : `${hexOfIpv4(localAddress)}${port}`;
  for (const line of table.split('\n')) {
    const columns = line.trim().split(/\s+/);
    if (columns[LOCAL]?.endsWith(local)) return Number(columns[DROPS]);
  }
  return undefined;
}
