import { isIPv6 } from 'node:net';
import { readAtMost } from '../base/files.ts';

/** The two ends of a TCP connection. */
export interface TcpEnds {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** What the kernel knows of a TCP connection and the program does not. */
export interface TcpState {
  /** The other end leaves what we sent without an acknowledgement, and it is sent again and again. */
  readonly unacknowledged: boolean;
  /** Bytes that have come and that we have not read. */
  readonly unreadBytes: number;
}

/** Of `tr`: what was sent waits for its acknowledgement. @see proc(5), Linux Documentation/networking/proc_net_tcp */
const RETRANSMIT_TIMER = '01';
/** More than 20,000 connections; a line has 150 bytes. */
const MAX_TABLE_BYTES = 4 * 1024 * 1024;

/**
 * What the kernel says of a connection of this machine.
 * @returns undefined where it does not say, or does not know the connection
 */
export async function tcpState(ends: Omit<TcpEnds, 'localAddress'>): Promise<TcpState | undefined> {
  const table = isIPv6(ends.remoteAddress) ? '/proc/net/tcp6' : '/proc/net/tcp';
  const text = await readAtMost(table, MAX_TABLE_BYTES).catch(() => undefined);
  return findTcpState(text?.toString('latin1') ?? '', ends);
}

/** @param table the text of `/proc/net/tcp` or `tcp6` */
export function findTcpState(table: string, ends: Omit<TcpEnds, 'localAddress'>): TcpState | undefined {
  for (const line of table.split('\n')) {
    const [, local = '', remote = '', , queues = '', timer = ''] = line.trim().split(/\s+/);
    if (isPort(local, ends.localPort) && isRemote(remote, ends)) return stateOf(queues, timer);
  }
  return undefined;
}

function isRemote(
  remote: string,
  { remoteAddress, remotePort }: Omit<TcpEnds, 'localAddress' | 'localPort'>,
): boolean {
  if (!isPort(remote, remotePort)) return false;
  return isIPv6(remoteAddress) || remote.startsWith(`${hexOfIpv4(remoteAddress)}:`);
}

function isPort(end: string, port: number): boolean {
  return end.endsWith(`:${port.toString(16).toUpperCase().padStart(4, '0')}`);
}

/** In the byte order of the processor, which is little-endian on all that we know. */
export function hexOfIpv4(address: string): string {
  const bytes = address.split('.').map(Number).reverse();
  return Buffer.from(bytes).toString('hex').toUpperCase();
}

function stateOf(queues: string, timer: string): TcpState {
  const [unsent = '', unread = ''] = queues.split(':');
  return {
    unacknowledged: Number.parseInt(unsent, 16) > 0 && timer.startsWith(`${RETRANSMIT_TIMER}:`),
    unreadBytes: Number.parseInt(unread, 16) || 0,
  };
}
