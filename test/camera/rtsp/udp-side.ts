import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Test } from 'tap';
import { rtpBytes } from './packetize.ts';
import { good, type Heard, reply, type Script } from './raw-camera.ts';

/** What a camera over UDP is asked for and answers. */
export class UdpSide {
  readonly rtp: UdpSocket;
  readonly rtcp: UdpSocket;
  /** What came at the two ports. */
  readonly heard: { readonly at: 'rtp' | 'rtcp'; readonly bytes: Buffer }[] = [];
  ports: readonly [number, number] = [0, 0];
  #wake: () => void = () => undefined;

  private constructor(rtp: UdpSocket, rtcp: UdpSocket) {
    this.rtp = rtp;
    this.rtcp = rtcp;
    for (const [at, socket] of [
      ['rtp', rtp],
      ['rtcp', rtcp],
    ] as const) {
      socket.on('message', (bytes) => {
        this.heard.push({ at, bytes });
        this.#wake();
      });
    }
  }

  static async open(t: Test): Promise<UdpSide> {
    return new UdpSide(await socketAt(t, '127.0.0.1'), await socketAt(t, '127.0.0.1'));
  }

  async hears(done: () => boolean): Promise<void> {
    while (!done()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  /** Answers for UDP whatever is asked, then `play` sends. */
  script(play: () => void): Script {
    return {
      ...good(0),
      SETUP: ({ text }: Heard) => {
        this.ports = clientPorts(text);
        const server = `${this.rtp.address().port}-${this.rtcp.address().port}`;
        return reply('200 OK', [
          `Transport: RTP/AVP;unicast;client_port=${this.ports.join('-')};server_port=${server}`,
          'Session: s1;timeout=60',
        ]);
      },
      PLAY: () => {
        setImmediate(play);
        return reply('200 OK', ['Session: s1']);
      },
    };
  }

  send(sequence: number, from = this.rtp): void {
    from.send(picture(sequence), this.ports[0], '127.0.0.1');
  }

  /** One of so many bytes; resolves when it is on its way. */
  async sendLarge(sequence: number, bytes: number): Promise<void> {
    const packet = Buffer.concat([picture(sequence), Buffer.alloc(bytes)]);
    await new Promise((resolve) => this.rtp.send(packet, this.ports[0], '127.0.0.1', resolve));
  }
}

export async function socketAt(t: Test, address: string): Promise<UdpSocket> {
  const socket = createSocket('udp4').bind(0, address);
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  return socket;
}

export function clientPorts(text: string): [number, number] {
  const [, rtp, rtcp] = /client_port=(\d+)-(\d+)/.exec(text) ?? [];
  return [Number(rtp), Number(rtcp)];
}

/** A key picture of one packet. */
export function picture(sequence: number): Buffer {
  const payload = Buffer.from([0x65, 0x88, sequence & 0xff, 1, 2, 3]);
  return rtpBytes({ sequence, timestamp: 6000 * sequence, marker: true, payload });
}
