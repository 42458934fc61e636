import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { freePort } from './port.ts';

const SCRIPT = fileURLToPath(new URL('gst-recorder.py', import.meta.url));
const PATH = '/record';

export interface GstRecorderOptions {
  readonly codec?: 'h264' | 'h265';
  readonly user?: string;
  readonly password?: string;
  readonly port?: number;
  /** `/record` when absent. */
  readonly path?: string;
  /** The file that gets the byte stream of all pictures; only for pictures made for tests. */
  readonly out?: string;
}

/** A picture that the server has taken out of the packets. */
export interface RecordedPicture {
  /** Which recording, from 1 in each process of the server. */
  readonly recording: number;
  /** Time since the recording began, ns. */
  readonly pts: number;
  /** The first eight bytes of each NAL unit, hexadecimal, and the SHA-1 of all of it. */
  readonly nals: readonly { readonly head: string; readonly sha1: string }[];
}

type Event =
  | { event: 'ready' }
  | ({ event: 'picture' } & RecordedPicture)
  | { event: 'recording' | 'ended'; recording: number }
  | { event: 'connected' };

/**
 * A media server that the project did not write: GStreamer's RTSP server in RECORD mode as a child process.
 * Needs the Debian packages of `debian.ts`.
 */
export class GstRecorder {
  /** With the time at which the test heard of it. */
  readonly pictures: (RecordedPicture & { readonly atMs: number })[] = [];
  /** TCP connections, and recordings, over all processes. */
  connections = 0;
  recordings = 0;
  ended = 0;
  port = 0;
  readonly #options: GstRecorderOptions;
  #child: ChildProcessByStdio<Writable, Readable, null> | undefined;

  private constructor(options: GstRecorderOptions) {
    this.#options = options;
  }

  static async start(options: GstRecorderOptions = {}): Promise<GstRecorder> {
    const recorder = new GstRecorder(options);
    await recorder.restart();
    return recorder;
  }

  get url(): string {
    return `rtsp://127.0.0.1:${this.port}${this.#options.path ?? PATH}`;
  }

  /** Begins again on the same port, after `kill`. */
  async restart(): Promise<void> {
    this.port ||= this.#options.port ?? (await freePort());
    const given = { ...this.#options, port: this.port };
    const args = Object.entries(given).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const child = spawn('/usr/bin/python3', [SCRIPT, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: '/usr/bin:/bin', HOME: '/tmp', GST_DEBUG: '0' },
    });
    this.#child = child;
    const ready = Promise.withResolvers<void>();
    child.once('exit', (code) => ready.reject(new Error(`the GStreamer recorder ended with ${code}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = JSON.parse(line) as Event;
      if (event.event === 'ready') ready.resolve();
      else this.#event(event);
    });
    await ready.promise;
  }

  /** It accepts connections (the kernel does) and reads nothing. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** What it had written before is counted: with its end, no more comes. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  }

  #event(event: Event): void {
    if (event.event === 'picture') this.pictures.push({ ...event, atMs: performance.now() });
    if (event.event === 'connected') this.connections += 1;
    if (event.event === 'recording') this.recordings += 1;
    if (event.event === 'ended') this.ended += 1;
  }
}
