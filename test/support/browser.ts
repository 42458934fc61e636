import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** What the page says of its video element. */
export interface Played {
  readonly type: string;
  readonly supported: boolean;
  readonly appended: number;
  readonly ranges: readonly (readonly [from: number, until: number])[];
  readonly error: string;
  readonly thrown?: string;
  readonly currentTime: number;
  readonly frames: number;
  readonly videoWidth: number;
  readonly videoHeight: number;
}

const PAGE = new URL('media-source.html', import.meta.url);
const FLAGS = [
  ...['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--mute-audio'],
  ...['--no-first-run', '--disable-background-networking', '--autoplay-policy=no-user-gesture-required'],
];

/** Debian's Chromium without a window, which plays messages in Media Source Extensions. */
export class Browser {
  /** Resolves when one second was played, the type is not known, or it went wrong. */
  readonly played: Promise<Played>;
  readonly #server: Server;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #waiting: Buffer[] = [];
  #media: ServerResponse | undefined;

  private constructor(server: Server, folder: string, child: ChildProcess, played: Promise<Played>) {
    this.#server = server;
    this.#folder = folder;
    this.#child = child;
    this.played = played;
  }

  static async start(): Promise<Browser> {
    const late: { browser?: Browser } = {};
    const { promise, resolve, reject } = Promise.withResolvers<Played>();
    promise.catch(() => undefined);
    const server = createServer((request, response) => {
      const { browser } = late;
      if (browser) browser.#answer(request, response, resolve).catch(reject);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const folder = await mkdtemp(join(tmpdir(), 'browser-'));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const child = spawn('/usr/bin/chromium', [...FLAGS, `--user-data-dir=${folder}`, url], {
      stdio: 'ignore',
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`chromium ended with ${code}`)));
    late.browser = new Browser(server, folder, child, promise);
    return late.browser;
  }

  /** The next message; the first begins with an initialisation segment. */
  feed(message: Buffer): void {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(message.length);
    this.#waiting.push(length, message);
    this.#flush();
  }

  async stop(): Promise<void> {
    const exited =
      this.#child.exitCode === null && this.#child.signalCode === null && once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
    this.#server.closeAllConnections();
    this.#server.close();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 20 });
  }

  async #answer(request: IncomingMessage, response: ServerResponse, done: (played: Played) => void) {
    if (request.method === 'POST') {
      done(JSON.parse(await text(request)) as Played);
      response.end();
    } else if (request.url === '/media') {
      this.#media = response;
      this.#flush();
    } else if (request.url === '/') {
      response.setHeader('Content-Type', 'text/html').end(await readFile(PAGE));
    } else response.writeHead(404).end();
  }

  #flush(): void {
    if (this.#media) for (const part of this.#waiting.splice(0)) this.#media.write(part);
  }
}
