import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { rtpBytes } from './packetize.ts';

export interface Heard {
  readonly method: string;
  readonly url: string;
  /** The whole header. */
  readonly text: string;
}

/** What the camera says to one request; `undefined`: nothing. A function may use the socket itself. */
export type Script = Readonly<
  Record<string, string | ((heard: Heard, socket: Socket) => string | undefined)>
>;

const SDP = [
  'v=0',
  's=x',
  'a=control:*',
  'm=audio 0 RTP/AVP 0',
  'a=control:audio',
  'm=video 0 RTP/AVP 96',
  'a=rtpmap:96 H264/90000',
  'a=control:video',
  'm=application 0 RTP/AVP 107',
  'a=control:meta',
  '',
].join('\r\n');

/** A reply without its CSeq; the camera adds it. */
export function reply(status: string, fields: readonly string[] = [], body = ''): string {
  return [`RTSP/1.0 ${status}`, ...fields, `Content-Length: ${body.length}`, '', body].join('\r\n');
}

export const described = reply('200 OK', ['Content-Type: application/sdp'], SDP);

/** A camera that works and sends `count` pictures after PLAY. */
export function good(count = 3, channel = 0): Script {
  return {
    OPTIONS: reply('200 OK', ['Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER']),
    DESCRIBE: described,
    SETUP: reply('200 OK', ['Transport: RTP/AVP/TCP;unicast;interleaved=0-1', 'Session: s1;timeout=60']),
    PLAY: (_, socket) => {
      setImmediate(() => socket.write(pictures(count, channel)));
      return reply('200 OK', ['Session: s1']);
    },
    GET_PARAMETER: reply('200 OK'),
    TEARDOWN: reply('200 OK'),
  };
}

/** Interleaved pictures, every one a key frame of one packet. */
export function pictures(count: number, channel = 0, first = 0): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, i) => {
      const sequence = first + i;
      const payload = Buffer.from([0x65, 0x88, sequence & 0xff, 1, 2, 3]);
      return interleaved(channel, rtpBytes({ sequence, timestamp: 6000 * sequence, marker: true, payload }));
    }),
  );
}

export function interleaved(channel: number, bytes: Buffer): Buffer {
  const header = Buffer.from([0x24, channel, 0, 0]);
  header.writeUInt16BE(bytes.length, 2);
  return Buffer.concat([header, bytes]);
}

/** A camera on a raw TCP socket that does exactly what its script says. */
export class RawCamera {
  readonly port: number;
  readonly url: string;
  /** Every request, in order, over all connections. */
  readonly heard: Heard[] = [];
  /** What was received that is no request: replies of the client, interleaved data. */
  other = '';
  readonly sockets = new Set<Socket>();
  readonly #server: Server;
  #script: Script;
  #waiting: { readonly method: string; readonly count: number; readonly done: () => void }[] = [];

  static async start(script: Script, tls?: { key: string; cert: string }): Promise<RawCamera> {
    const server = tls ? createTlsServer(tls) : createServer({ noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new RawCamera(server, script, tls !== undefined);
  }

  private constructor(server: Server, script: Script, isTls: boolean) {
    this.#server = server;
    this.#script = script;
    this.port = (server.address() as AddressInfo).port;
    this.url = `${isTls ? 'rtsps' : 'rtsp'}://127.0.0.1:${this.port}/live`;
    server.on(isTls ? 'secureConnection' : 'connection', (socket: Socket) => this.#serve(socket));
  }

  script(script: Script): void {
    this.#script = script;
  }

  methods(): string[] {
    return this.heard.map(({ method }) => method);
  }

  /** Resolves when `method` was heard `count` times. */
  async hears(method: string, count = 1): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ method, count, done: resolve });
    this.#wake();
    await promise;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => this.sockets.delete(socket));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        this.#message(text.slice(0, end), socket);
        text = text.slice(end + 4);
      }
    });
  }

  #message(text: string, socket: Socket): void {
    const [, method, url] = /^([A-Z_]+) (\S+) RTSP/.exec(text) ?? [];
    if (!method || !url) {
      this.other += `${text}\n`;
      return;
    }
    const heard = { method, url, text };
    this.heard.push(heard);
    const said = this.#script[method];
    const answer = typeof said === 'function' ? said(heard, socket) : said;
    const cseq = /^CSeq: (\d+)/im.exec(text)?.[1] ?? '';
    if (answer !== undefined) socket.write(answer.replace('\r\n', `\r\nCSeq: ${cseq}\r\n`), 'latin1');
    this.#wake();
  }

  #wake(): void {
    const ready = this.#waiting.filter(
      ({ method, count }) => this.methods().filter((m) => m === method).length >= count,
    );
    this.#waiting = this.#waiting.filter((one) => !ready.includes(one));
    for (const { done } of ready) done();
  }
}
