import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';

export interface RawPacket {
  readonly channel: number;
  readonly payload: Buffer;
}

/** RTSP by hand, one request after the other, against cameras without login. */
export class RawClient {
  readonly #socket: Socket;
  readonly #url: string;
  #buffer = Buffer.alloc(0);
  #cseq = 0;
  session = '';
  /** Interleaved frames, oldest first. */
  readonly packets: RawPacket[] = [];
  #replies: string[] = [];
  #news: () => void = () => undefined;
  closed = false;

  private constructor(socket: Socket, url: string) {
    this.#socket = socket;
    this.#url = url;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.#news();
    });
  }

  static async connect(url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const socket = createConnection({ host: hostname, port: Number(port) });
    await once(socket, 'connect');
    return new RawClient(socket, url);
  }

  write(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  send(method: string, headers: readonly string[] = [], suffix = ''): void {
    this.#cseq += 1;
    const session = this.session === '' ? [] : [`Session: ${this.session}`];
    const lines = [`${method} ${this.#url}${suffix} RTSP/1.0`, `CSeq: ${this.#cseq}`, ...session, ...headers];
    this.write(`${lines.join('\r\n')}\r\n\r\n`);
  }

  /** Sends a request; resolves with the reply's head and body. */
  async ask(method: string, headers: readonly string[] = [], suffix = ''): Promise<string> {
    this.send(method, headers, suffix);
    await this.until(() => this.#replies.length > 0);
    const reply = this.#replies.shift() ?? '';
    this.session = /Session: (\w+)/.exec(reply)?.[1] ?? this.session;
    return reply;
  }

  async setup(track = 'trackID=0', channel = 0): Promise<string> {
    const transport = `Transport: RTP/AVP/TCP;unicast;interleaved=${channel}-${channel + 1}`;
    return this.ask('SETUP', [transport], `/${track}`);
  }

  /** Resolves when `condition` holds; it is looked at whenever something comes. @throws when nothing comes any more */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.closed) throw new Error('the camera has closed');
      await new Promise<void>((resolve) => (this.#news = resolve));
    }
  }

  /** Video packets so far. */
  get rtp(): Buffer[] {
    return this.packets.filter(({ channel }) => channel === 0).map(({ payload }) => payload);
  }

  /** RTCP packets so far. */
  get rtcp(): Buffer[] {
    return this.packets.filter(({ channel }) => channel === 1).map(({ payload }) => payload);
  }

  /** What came and is neither a frame nor a whole reply. */
  get unread(): Buffer {
    return this.#buffer;
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    while (this.#frame() || this.#reply());
    this.#news();
  }

  #frame(): boolean {
    if (this.#buffer[0] !== 0x24 || this.#buffer.length < 4) return false;
    const end = 4 + this.#buffer.readUInt16BE(2);
    if (this.#buffer.length < end) return false;
    this.packets.push({ channel: this.#buffer[1] ?? 0, payload: this.#buffer.subarray(4, end) });
    this.#buffer = this.#buffer.subarray(end);
    return true;
  }

  #reply(): boolean {
    const end = this.#buffer.indexOf('\r\n\r\n');
    if (this.#buffer[0] === 0x24 || end < 0) return false;
    const head = this.#buffer.toString('utf8', 0, end);
    const length = Number(/Content-Length: (\d+)/.exec(head)?.[1] ?? 0);
    if (this.#buffer.length < end + 4 + length) return false;
    this.#replies.push(`${head}\r\n\r\n${this.#buffer.toString('utf8', end + 4, end + 4 + length)}`);
    this.#buffer = this.#buffer.subarray(end + 4 + length);
    return true;
  }
}
