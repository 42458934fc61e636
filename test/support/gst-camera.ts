import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { FarNetwork } from './far-network.ts';
import { freePort } from './port.ts';

const SCRIPT = fileURLToPath(new URL('gst-camera.py', import.meta.url));
/** How long it may take to end by itself. */
const QUIT_MS = 2_000;

export interface GstCameraOptions {
  readonly codec?: 'h264' | 'h265';
  readonly user?: string;
  readonly password?: string;
  readonly fps?: number;
  readonly width?: number;
  readonly height?: number;
  /** kbit/s */
  readonly bitrate?: number;
  readonly gop?: number;
  readonly bframes?: number;
  /** Pictures that are encoded, and then looped. */
  readonly buffers?: number;
  /** Pictures that each client is sent; 0: for ever. */
  readonly frames?: number;
  /** The picture; snow fills the bit rate, the ball hardly needs any. */
  readonly pattern?: 'ball' | 'snow';
  /** An Annex B stream without B frames instead of the test picture. */
  readonly file?: string;
  /** Other streams of the same size, for `show`. */
  readonly others?: readonly string[];
  readonly port?: number;
  /** A second stream, of half the size, at `subUrl`; without login. */
  readonly sub?: boolean;
  /** A sound track beside the video. */
  readonly sound?: boolean;
  /** Whether RTP over UDP is offered. */
  readonly udp?: 'only' | 'too';
  /** Where it stands; on the loopback of this machine when absent. */
  readonly network?: FarNetwork;
  /** Tokens of digital inputs, with commas between: there is an ONVIF metadata track that tells them. */
  readonly inputs?: string;
  /** How the metadata track comes. */
  readonly metadata?: 'plain' | 'gzip' | 'silent';
}

/** A picture that was handed to the server's pipeline. */
export interface SentFrame {
  /** Which client of the server, from 1. */
  readonly client: number;
  /** From 0 for each client. */
  readonly number: number;
  /** SHA-1 of each NAL unit, hexadecimal, in order. */
  readonly nals: readonly string[];
}

type Event =
  | { event: 'ready'; port: number; frames: number }
  | ({ event: 'frame' } & SentFrame)
  | { event: 'connected' }
  | { event: 'closed'; client: number; frames: number }
  | { event: 'done'; command: string };

/**
 * A camera that the project did not write: GStreamer's RTSP server as a child process, over TCP only where nothing else is asked for.
 * Needs the Debian packages of `debian.ts`.
 */
export class GstCamera {
  readonly port: number;
  readonly url: string;
  /** Everything that was sent so far, to every client. */
  readonly sent: SentFrame[] = [];
  /** TCP connections so far. */
  connections = 0;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  #waiting: { readonly command: string; readonly done: () => void }[] = [];

  /** @throws when the server does not come up */
  static async start(options: GstCameraOptions = {}): Promise<GstCamera> {
    const { network } = options;
    const port = options.port ?? (await freePort());
    const [command = '', ...args] = [...(network?.command ?? []), '/usr/bin/python3', SCRIPT];
    const child = spawn(command, [...args, ...argumentsOf({ ...options, port })], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: '/usr/sbin:/usr/bin:/bin', HOME: '/tmp', GST_DEBUG: '0' },
    });
    const lines = createInterface({ input: child.stdout });
    const events = lines[Symbol.asyncIterator]();
    const first = await events.next();
    if (first.done) throw new Error('the GStreamer camera did not start');
    const ready = JSON.parse(first.value) as Event;
    if (ready.event !== 'ready') throw new Error(`expected ready, came ${first.value}`);
    return new GstCamera(child, `${network?.address ?? '127.0.0.1'}:${ready.port}`, events);
  }

  private constructor(
    child: ChildProcessByStdio<Writable, Readable, null>,
    place: string,
    events: AsyncIterableIterator<string>,
  ) {
    this.#child = child;
    this.port = Number(place.split(':')[1]);
    this.url = `rtsp://${place}/stream`;
    void this.#read(events);
  }

  get subUrl(): string {
    return `${this.url}-sub`;
  }

  /** No more pictures, while the connection and RTCP go on. */
  stall(): Promise<void> {
    return this.#command('stall');
  }

  resume(): Promise<void> {
    return this.#command('resume');
  }

  /** Shows another stream from its next loop on: 0 the first, 1 and so on those of `others`. */
  show(which: number): Promise<void> {
    return this.#command(`show ${which}`);
  }

  /** Closes the connection of every client. */
  cut(): Promise<void> {
    return this.#command('cut');
  }

  /** A digital input changes; told on the metadata track alone. */
  setInput(token: string, active: boolean): Promise<void> {
    return this.#command(`input ${token} ${active}`);
  }

  /** Packets of the metadata track are missing from here on, and then it goes on. */
  loseMetadata(): Promise<void> {
    return this.#command('gap');
  }

  /** Far more metadata than any camera sends. */
  floodMetadata(): Promise<void> {
    return this.#command('flood');
  }

  /** Ends the server; by SIGKILL to its process id when it does not end by itself. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), QUIT_MS);
    this.#child.stdin.end('quit\n');
    await exit;
    clearTimeout(timer);
  }

  /** As a power cut: the process dies, the port closes. */
  async kill(): Promise<void> {
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }

  #command(command: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ command, done: resolve });
    this.#child.stdin.write(`${command}\n`);
    return promise;
  }

  async #read(events: AsyncIterableIterator<string>): Promise<void> {
    for await (const line of events) this.#event(JSON.parse(line) as Event);
    for (const { done } of this.#waiting) done();
  }

  #event(event: Event): void {
    if (event.event === 'frame') this.sent.push(event);
    if (event.event === 'connected') this.connections += 1;
    if (event.event !== 'done') return;
    const at = this.#waiting.findIndex(({ command }) => command === event.command);
    if (at >= 0) this.#waiting.splice(at, 1)[0]?.done();
  }
}

function argumentsOf(options: GstCameraOptions): string[] {
  const { sound, sub, udp, network, others = [], ...valued } = options;
  const pairs = Object.entries({ ...valued, ...(network ? { host: network.address } : {}) });
  const ways = udp === undefined ? ['--tcp-only'] : udp === 'only' ? ['--udp-only'] : [];
  const flags = [...ways, ...(sound ? ['--sound'] : []), ...(sub ? ['--sub'] : [])];
  const more = others.flatMap((file) => ['--other', file]);
  return [...flags, ...pairs.flatMap(([name, value]) => [`--${name}`, String(value)]), ...more];
}
