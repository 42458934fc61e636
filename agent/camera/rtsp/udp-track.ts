import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { DeviceError } from '../../base/errors.ts';
import { udpDrops } from '../udp-drops.ts';
import { PUNCH, receiverReport } from './receiver-report.ts';

/** Where the packets of a track come from and go to. */
export interface UdpEnds {
  /** The address of the box on the way to the camera. */
  readonly localAddress: string;
  readonly remoteAddress: string;
}

export interface ServerPorts {
  readonly rtp: number;
  readonly rtcp: number;
}

/** Takes one packet; the bytes are its own. */
export type TakePacket = (channel: number, bytes: Buffer, from: number, until: number) => void;

/** The kernel keeps at most this for us, or what `net.core.rmem_max` allows. Source: a key frame of 4K at once. */
const RECEIVE_BUFFER_BYTES = 2 * 1024 * 1024;
/** Pairs of ports that are tried. Source: guess; one in two succeeds at once. */
const MAX_TRIES = 32;

/**
 * RTP and RTCP of one track over UDP, on two neighbouring ports of the address by which the box reaches the camera.
 * Nothing is taken but from the address of the camera. Cameras name one port in SETUP and send from another: any port of
 * it will do, until packets come from the one that was named.
 * @see RFC 2326 §12.39, RFC 3550 §11
 */
export class UdpTrack {
  readonly #sockets: readonly [rtp: Socket, rtcp: Socket];
  readonly #remote: string;
  /** Of RTP; RTCP has the next one. Numbers like those of interleaved frames. */
  readonly #channel: number;
  readonly #take: TakePacket;
  #named: ServerPorts | undefined;
  #namedSends = false;
  #strangers = 0;
  #packets = 0;

  /** @throws DeviceError `camera-udp-blocked` when the box has no pair of ports for it */
  static async open(camera: string, ends: UdpEnds, channel: number, take: TakePacket): Promise<UdpTrack> {
    const cause: unknown[] = [];
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const pair = await bindPair(ends.localAddress).catch((error: unknown) => void cause.push(error));
      if (pair) return new UdpTrack(pair, ends.remoteAddress, channel, take);
    }
    const message = `${camera}: expected two neighbouring UDP ports on ${ends.localAddress}, found none in ${MAX_TRIES} tries`;
    throw new DeviceError('camera-udp-blocked', message, { cause: cause.at(-1) });
  }

  private constructor(sockets: [Socket, Socket], remote: string, channel: number, take: TakePacket) {
    this.#sockets = sockets;
    this.#remote = remote;
    this.#channel = channel;
    this.#take = take;
    for (const [index, socket] of sockets.entries()) {
      socket.on('message', (bytes, from) => this.#message(index, bytes, from));
      socket.on('error', () => undefined); // such as an ICMP answer to a packet of ours: silence tells the rest
    }
  }

  /** What the camera is told in SETUP. */
  get ports(): readonly [rtp: number, rtcp: number] {
    const [rtp, rtcp] = this.#sockets;
    return [rtp.address().port, rtcp.address().port];
  }

  /** Packets of the camera so far, RTP and RTCP. */
  get packets(): number {
    return this.#packets;
  }

  /** Packets of RTP that came and were thrown away by the kernel, since we did not read them in time. */
  get unread(): number {
    const { address, port } = this.#sockets[0].address();
    return udpDrops({ localAddress: address, localPort: port }) ?? 0;
  }

  /** Packets of others, which were dropped. */
  get strangers(): number {
    return this.#strangers;
  }

  /** The ports that the camera named: filters on the way let through what answers a packet of ours. */
  reach(named: ServerPorts | undefined): void {
    this.#named = named;
    this.#send(0, PUNCH);
    this.report(0);
  }

  /** Says to the camera that somebody listens. @param ssrc ours */
  report(ssrc: number): void {
    this.#send(1, receiverReport(ssrc));
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }

  #send(index: 0 | 1, bytes: Buffer): void {
    const port = index === 0 ? this.#named?.rtp : this.#named?.rtcp;
    if (port) this.#sockets[index].send(bytes, port, this.#remote, () => undefined);
  }

  #message(index: number, bytes: Buffer, { address, port }: RemoteInfo): void {
    const isNamed = port === (index === 0 ? this.#named?.rtp : this.#named?.rtcp);
    if (address !== this.#remote || (this.#namedSends && !isNamed)) {
      this.#strangers += 1;
      return;
    }
    if (index === 0 && isNamed) this.#namedSends = true;
    this.#packets += 1;
    this.#take(this.#channel + index, bytes, 0, bytes.length);
  }
}

/** An even port that the system gives, and the next one. @see RFC 3550 §11 */
async function bindPair(address: string): Promise<[Socket, Socket]> {
  const one = await bind(address, 0);
  const { port } = one.address();
  const isEven = port % 2 === 0;
  try {
    const other = await bind(address, isEven ? port + 1 : port - 1);
    return isEven ? [one, other] : [other, one];
  } catch (thrown) {
    one.close();
    throw thrown;
  }
}

async function bind(address: string, port: number): Promise<Socket> {
  const type = isIPv6(address) ? 'udp6' : 'udp4';
  const socket = createSocket({ type, recvBufferSize: RECEIVE_BUFFER_BYTES });
  try {
    socket.bind({ address, port, exclusive: true });
    await once(socket, 'listening');
    return socket;
  } catch (thrown) {
    socket.close(); // the kernel keeps it all the same
    throw thrown;
  }
}
