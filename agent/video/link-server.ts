import { once } from 'node:events';
import { unlink } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import type { Clock, ClockTrust } from '../base/clock.ts';
import { asBeffroiError, ConfigurationError, InternalError, systemCode } from '../base/errors.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Log } from '../base/log.ts';
import type {
  AgentToVideo,
  BackboneOrder,
  LeaseOpening,
  PictureReport,
  VideoCamera,
  VideoToAgent,
} from '../contract/video-link.ts';
import type { OpenView } from '../contract/viewing.ts';
import { LineSocket } from './line-socket.ts';
import { agentSays, videoSays } from './link-shapes.ts';
import { PermitCounter, type PermitSource } from './permit-counter.ts';

/** Silence after which the video process counts as stuck; it says `alive` at least every 5 s. */
const SILENCE_LIMIT_MS = 15_000;
const SILENCE_CHECK_MS = 1_000;

export type StreamReport = Omit<Extract<VideoToAgent, { type: 'stream' }>, 'type'>;
export type MeasureReport = Omit<Extract<VideoToAgent, { type: 'measure' }>, 'type'>;
export type DestinationReport = Omit<Extract<VideoToAgent, { type: 'destination' }>, 'type'>;
export type PauseReport = Omit<Extract<VideoToAgent, { type: 'pause' }>, 'type'>;
type ReachedReport = Omit<Extract<VideoToAgent, { type: 'reached' }>, 'type'>;
export type GapReport = Omit<Extract<VideoToAgent, { type: 'gap' }>, 'type'>;
export type ChannelReport = Omit<Extract<VideoToAgent, { type: 'channel' }>, 'type'>;
export type EventTrackReport = Omit<Extract<VideoToAgent, { type: 'event-track' }>, 'type'>;
export type CameraEventsReport = Omit<Extract<VideoToAgent, { type: 'camera-events' }>, 'type'>;
type AliveReport = Omit<Extract<VideoToAgent, { type: 'alive' }>, 'type'>;

export interface VideoLinkNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly permits: PermitSource;
  /** What the video process says. */
  readonly handlers: {
    stream(report: StreamReport): void;
    measure(report: MeasureReport): void;
    destination(report: DestinationReport): void;
    reached(report: ReachedReport): void;
    /** @param number rises by one within a start of the video process; the same gap may be told again. */
    gap(report: GapReport, number: number): void;
    pause(report: PauseReport): void;
    channel(report: ChannelReport): void;
    eventTrack(report: EventTrackReport): void;
    cameraEvents(report: CameraEventsReport): void;
    alive(report: AliveReport): void;
    picture(report: PictureReport): void;
    connected(): void;
    disconnected(): void;
    /** The video process is there but says nothing any more; told before `disconnected`. */
    silent?(): void;
  };
}

export interface VideoLinkOptions {
  readonly socketPath: string;
}

interface Peer {
  readonly link: LineSocket<VideoToAgent, AgentToVideo>;
  readonly counter: PermitCounter;
  heardMs: number;
  /** Which start of the video process it is; empty before its hello. */
  run: string;
  /** Number of the next gap that it tells. */
  nextGap: number;
}

/** The agent's end of the link to the video process. One video process counts: the one that said hello last. */
export class VideoLink implements Service {
  readonly name = 'video link';
  readonly #needs: VideoLinkNeeds;
  readonly #options: VideoLinkOptions;
  readonly #connections = new Set<LineSocket<VideoToAgent, AgentToVideo>>();
  readonly #stopping = new AbortController();
  #cameras: readonly VideoCamera[] | undefined;
  #server: Server | undefined;
  #peer: Peer | undefined;
  #watching: Promise<void> | undefined;

  constructor(needs: VideoLinkNeeds, options: VideoLinkOptions) {
    this.#needs = needs;
    this.#options = options;
  }

  /** A video process is there. */
  get connected(): boolean {
    return this.#peer !== undefined;
  }

  /** Which start of the video process is there; undefined when none is. */
  get process(): string | undefined {
    return this.#peer?.run;
  }

  /** The whole list of open views. */
  setViews(views: readonly OpenView[]): void {
    this.#peer?.link.send({ type: 'views', views: [...views] });
  }

  /** @returns false when no video process is there */
  openLease(opening: LeaseOpening): boolean {
    this.#peer?.link.send({ type: 'lease-open', opening });
    return this.#peer !== undefined;
  }

  /** The leases that stand: every other one is closed at once. */
  holdLeases(standing: readonly string[], clock: ClockTrust): void {
    this.#peer?.link.send({ type: 'leases', standing: [...standing], clock });
  }

  /** The whole list of cameras to pull; kept and told to every video process that comes. */
  setCameras(cameras: readonly VideoCamera[]): void {
    this.#cameras = cameras;
    this.#peer?.link.send({ type: 'cameras', cameras: [...cameras] });
  }

  /** Budget, priorities and missions as a whole. */
  setBackbone(order: BackboneOrder): void {
    this.#peer?.link.send({ type: 'backbone', order });
  }

  /** The gaps of this start of the video process up to this number outlive the agent. */
  keptGaps(run: string, upTo: number): void {
    if (this.#peer?.run === run) this.#peer.link.send({ type: 'gaps-kept', upTo });
  }

  /** Pulls one camera anew. @returns false when no video process is there */
  restart(camera: string): boolean {
    this.#peer?.link.send({ type: 'restart', camera });
    return this.#peer !== undefined;
  }

  /** Looks at the next key frame of a camera. @returns false when no video process is there */
  look(camera: string, confirms: boolean): boolean {
    this.#peer?.link.send({ type: 'look', camera, confirms });
    return this.#peer !== undefined;
  }

  /**
   * @throws InternalError when another agent listens on the socket
   * @throws ConfigurationError `box-file-invalid` when the path is too long for a socket
   */
  async start(signal: AbortSignal): Promise<void> {
    checkPath(this.#options.socketPath);
    await removeStaleSocket(this.#options.socketPath);
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    listenPrivately(server, this.#options.socketPath);
    await once(server, 'listening', { signal });
    this.#watching = this.#watch(AbortSignal.any([signal, this.#stopping.signal]));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const closed = this.#server && new Promise((resolve) => this.#server?.close(resolve));
    for (const link of this.#connections) link.end(new InternalError('internal', 'the agent stops'));
    await closed;
    await this.#watching;
  }

  #accept(socket: Socket): void {
    const counter = new PermitCounter(this.#needs.permits, (answer) => link.send(answer));
    const link: LineSocket<VideoToAgent, AgentToVideo> = new LineSocket(
      socket,
      { incoming: videoSays, outgoing: agentSays },
      {
        message: (message) => this.#take(peer, message),
        closed: (why) => this.#closed(peer, why),
      },
    );
    const peer: Peer = { link, counter, heardMs: this.#needs.clock.monotonicMs(), run: '', nextGap: 1 };
    this.#connections.add(link);
  }

  #take(peer: Peer, message: VideoToAgent): void {
    peer.heardMs = this.#needs.clock.monotonicMs();
    if (message.type === 'hello') this.#hello(peer, message);
    else if (peer !== this.#peer)
      peer.link.end(new InternalError('internal', 'the link was not opened by hello'));
    else this.#dispatch(peer, message);
  }

  #hello(peer: Peer, { pid, run, software, firstGap }: Extract<VideoToAgent, { type: 'hello' }>): void {
    const older = this.#peer;
    if (older === peer) return;
    older?.link.end(new InternalError('internal', 'a newer video process took the link'));
    this.#peer = peer;
    peer.run = run;
    peer.nextGap = firstGap;
    this.#needs.log.info({ pid, software }, 'video process connected');
    // Before the agent knows its cameras, a video process goes on with what it has.
    if (this.#cameras) peer.link.send({ type: 'cameras', cameras: [...this.#cameras] });
    this.#needs.handlers.connected();
  }

  #dispatch(peer: Peer, message: Exclude<VideoToAgent, { type: 'hello' }>): void {
    const { handlers } = this.#needs;
    if (message.type === 'stream') handlers.stream(withoutType(message));
    else if (message.type === 'measure') handlers.measure(withoutType(message));
    else if (message.type === 'destination') handlers.destination(withoutType(message));
    else if (message.type === 'reached') handlers.reached(withoutType(message));
    else if (message.type === 'gap') this.#gap(peer, withoutType(message));
    else if (message.type === 'pause') handlers.pause(withoutType(message));
    else if (message.type === 'channel') handlers.channel(withoutType(message));
    else if (message.type === 'event-track') handlers.eventTrack(withoutType(message));
    else if (message.type === 'camera-events') handlers.cameraEvents(withoutType(message));
    else if (message.type === 'alive') handlers.alive(withoutType(message));
    else if (message.type === 'picture') handlers.picture(message);
    else peer.counter.take(message);
  }

  #gap(peer: Peer, gap: GapReport): void {
    peer.nextGap += 1;
    this.#needs.handlers.gap(gap, peer.nextGap - 1);
  }

  #closed(peer: Peer, why: Error): void {
    this.#connections.delete(peer.link);
    peer.counter.releaseAll();
    if (peer !== this.#peer) return;
    this.#peer = undefined;
    if (!this.#stopping.signal.aborted) this.#needs.log.warn({ err: why }, 'video process disconnected');
    this.#needs.handlers.disconnected();
  }

  /** Cuts a video process that fell silent. */
  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#needs.clock.sleep(SILENCE_CHECK_MS, signal).catch(() => undefined);
      const silentMs = this.#needs.clock.monotonicMs() - (this.#peer?.heardMs ?? Number.POSITIVE_INFINITY);
      if (silentMs < SILENCE_LIMIT_MS) continue;
      const why = `the video process said nothing for ${Math.round(silentMs)} ms`;
      this.#needs.handlers.silent?.();
      this.#peer?.link.end(new InternalError('video-process-down', why));
    }
  }
}

function withoutType<T extends { type: string }>({ type: _, ...rest }: T): Omit<T, 'type'> {
  return rest;
}

/** @see unix(7): sun_path has 108 bytes with its final zero */
const MAX_SOCKET_PATH_BYTES = 107;

function checkPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_SOCKET_PATH_BYTES) return;
  throw new ConfigurationError(
    'box-file-invalid',
    `runtimeFolder: a socket path has at most ${MAX_SOCKET_PATH_BYTES} bytes, ${path} has ${bytes}`,
  );
}

/** The socket is made for this user alone: it carries credentials. */
function listenPrivately(server: Server, path: string): void {
  const before = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(before);
  }
}

/** A socket file that nobody listens on was left by a process that was killed. */
async function removeStaleSocket(path: string): Promise<void> {
  const probe = createConnection(path);
  const outcome = await once(probe, 'connect').then(
    () => 'alive',
    (thrown: unknown) => systemCode(thrown),
  );
  probe.destroy();
  if (outcome === 'alive') throw new InternalError('internal', `another agent listens on ${path}`);
  if (outcome === 'ENOENT') return;
  await unlink(path).catch((cause: unknown) => {
    throw new InternalError('internal', `${path}: ${asBeffroiError(cause).message}`, { cause });
  });
}
