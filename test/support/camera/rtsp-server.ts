import type { Socket } from 'node:net';
import type { Clip } from '../clips.ts';
import { Broadcast } from './broadcast.ts';
import { DigestDoor } from './digest.ts';
import { Listener } from './listener.ts';
import { seededRandom } from './random.ts';
import { RtspConnection, type RtspHost } from './rtsp-connection.ts';
import { noRtspCounts, noRtspFaults, RTSP_DEFAULTS, type RtspOptions } from './rtsp-options.ts';

const SEED = 7;
const GARBAGE_SEED = 11;

export interface RtspServerNeeds {
  /** Address of loopback; `127.0.0.1` when left out. */
  readonly host?: string;
  readonly clip: Clip;
  readonly name: string;
  readonly login: { readonly user: string; readonly password: string };
  /** Wall time of the camera, Unix milliseconds. */
  readonly wallMs: () => number;
}

/** An RTSP server as cameras have it: one stream, RTP interleaved in the RTSP connection. */
export class RtspServer {
  readonly options: RtspOptions;
  readonly faults = noRtspFaults();
  readonly counters = noRtspCounts();
  readonly #needs: RtspServerNeeds;
  readonly #broadcast: Broadcast;
  readonly #door: DigestDoor;
  readonly #listener: Listener;
  readonly #connections = new Set<RtspConnection>();
  readonly #host: RtspHost;

  constructor(needs: RtspServerNeeds, options: Partial<RtspOptions> = {}) {
    this.#needs = needs;
    this.options = { ...RTSP_DEFAULTS, ...options };
    this.#broadcast = new Broadcast(needs.clip, {
      options: this.options,
      faults: this.faults,
      wallMs: needs.wallMs,
      cname: needs.name,
    });
    const { login, nonceLifetimeMs } = this.options;
    const offer = login === 'basic' || login === 'none' ? 'md5' : login;
    this.#door = new DigestDoor({ realm: 'Simulated Camera', offer, nonceLifetimeMs });
    this.#listener = new Listener((socket) => this.#accept(socket), needs.host);
    this.#host = this.#makeHost();
  }

  get port(): number {
    return this.#listener.port;
  }

  /** `rtsp://` address without credentials. */
  get url(): string {
    return `rtsp://127.0.0.1:${this.port}${this.options.path}`;
  }

  /** Connections open now. */
  get openConnections(): number {
    return this.#connections.size;
  }

  /** Sessions open now: without one nothing is sent. */
  get openSessions(): number {
    return [...this.#connections].filter((connection) => connection.hasSession).length;
  }

  /** Requests that repeated a nonce count. */
  get nonceCountsRepeated(): number {
    return this.#door.countsRepeated;
  }

  /** Listens; after the first time on the same port again. */
  async listen(): Promise<void> {
    await this.#listener.listen();
  }

  /** Stops listening and resets every connection. */
  async close(): Promise<void> {
    const closed = this.#listener.close();
    for (const connection of this.#connections) connection.cut();
    await closed;
  }

  /** With `silent`, what is open stays open and nothing comes any more. */
  setSilent(silent: boolean): void {
    this.faults.silent = silent;
    if (silent) for (const connection of this.#connections) connection.freeze();
  }

  /** Cuts every connection, politely. */
  closeConnections(): void {
    for (const connection of this.#connections) connection.cut(true);
  }

  /** Random bytes into every stream that plays. */
  injectGarbage(bytes: number): void {
    const random = seededRandom(GARBAGE_SEED);
    const garbage = Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256)));
    for (const connection of this.#connections) connection.inject(garbage);
  }

  jumpTimestamps(ticks: number): void {
    this.#broadcast.jump(ticks);
  }

  changeParameterSets(): void {
    this.#broadcast.changeParameterSets();
  }

  /** Another film, from the next picture on. */
  show(clip: Clip): void {
    this.#broadcast.show(clip);
  }

  expireNonces(): void {
    this.#door.expireNonces();
  }

  #makeHost(): RtspHost {
    return {
      options: this.options,
      faults: this.faults,
      counters: this.counters,
      broadcast: this.#broadcast,
      door: this.#door,
      random: seededRandom(SEED),
      login: this.#needs.login,
      sessions: () => this.openSessions,
    };
  }

  #accept(socket: Socket): void {
    this.counters.connections += 1;
    const connection = new RtspConnection(this.#host, socket);
    this.#connections.add(connection);
    socket.on('close', () => this.#connections.delete(connection));
  }
}
