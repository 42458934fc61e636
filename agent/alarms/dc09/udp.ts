import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { Framer } from './framer.ts';
import type { ListenerNeeds } from './tcp.ts';

/** What may wait while the disk is slow; the system may grant less. Source: guess. */
const RECEIVE_BYTES = 1 << 20;

/** Panels that come by UDP: one message per datagram. */
export class UdpListener {
  readonly #needs: ListenerNeeds;
  readonly #socket: Socket;

  constructor(needs: ListenerNeeds, host: string) {
    this.#needs = needs;
    const type = isIPv6(host) ? 'udp6' : 'udp4';
    this.#socket = createSocket({ type, recvBufferSize: RECEIVE_BYTES });
    this.#socket.on('message', (bytes, from) => this.#take(bytes, from));
    // Whoever waits for the socket hears of it too; afterwards nobody does, and it ends all the same.
    this.#socket.on('error', () => undefined);
  }

  /** `ended` settles when the port closes, fails or the signal aborts. @throws when the port cannot be opened */
  async open(host: string, port: number, signal: AbortSignal): Promise<{ ended: Promise<unknown> }> {
    this.#socket.bind({ address: host, port, exclusive: true });
    await once(this.#socket, 'listening', { signal });
    return { ended: once(this.#socket, 'close', { signal }) };
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      try {
        this.#socket.close(() => resolve());
      } catch {
        resolve();
      }
    });
  }

  #take(datagram: Buffer, { address, port }: RemoteInfo): void {
    const { pace, take, standingOf } = this.#needs;
    const framer = new Framer();
    framer.push(datagram);
    const bytes = framer.next();
    if (!pace.allows(address, bytes && standingOf(bytes))) return;
    const answer = bytes && take(bytes, address);
    if (answer) this.#socket.send(answer, port, address, () => undefined);
  }
}
