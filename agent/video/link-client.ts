import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import type { Clock, ClockTrust } from '../base/clock.ts';
import { asBeffroiError } from '../base/errors.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Log } from '../base/log.ts';
import { RepeatedFault } from '../base/repeated.ts';
import { type RetryPolicy, retryLoop } from '../base/retry.ts';
import type {
  AgentToVideo,
  BackboneOrder,
  LeaseOpening,
  VideoCamera,
  VideoToAgent,
} from '../contract/video-link.ts';
import type { OpenView } from '../contract/viewing.ts';
import { LineSocket } from './line-socket.ts';
import { agentSays, videoSays } from './link-shapes.ts';
import type { PermitDesk } from './permit-desk.ts';
import { UntoldGaps } from './untold-gaps.ts';

/** The agent is on the same machine: it is there or it is not. Source: guess. */
const LINK_RETRY: RetryPolicy = {
  neverUp: { firstMs: 50, factor: 1.5, capMs: 1_000, jitter: 0.2 },
  wasUp: { firstMs: 50, factor: 1.5, capMs: 1_000, jitter: 0.2 },
  stableMs: 5_000,
};
/** The contract asks for one at least every 5 s. */
const ALIVE_INTERVAL_MS = 2_000;

export interface LinkClientNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly desk: PermitDesk;
  readonly orders: {
    setCameras(cameras: readonly VideoCamera[]): void;
    setViews(views: readonly OpenView[]): void;
    setBackbone(order: BackboneOrder): void;
    restart(camera: string): void;
  };
  readonly leases: {
    open(opening: LeaseOpening): void;
    hold(standing: readonly string[], clock: ClockTrust): void;
    /** The agent is away. */
    agentLost(): void;
  };
  readonly pictures: {
    look(camera: string, confirms: boolean): void;
    forgetAll(): void;
  };
  /** What a new agent must be told of the streams. */
  readonly standing: () => Iterable<VideoToAgent>;
  readonly alive: () => VideoToAgent;
}

export interface LinkClientOptions {
  readonly socketPath: string;
  /** Version of the software. */
  readonly software: string;
}

/** The video process's end of the link to the agent; it comes back by itself. */
export class LinkClient implements Service {
  readonly name = 'agent link';
  readonly #needs: LinkClientNeeds;
  readonly #options: LinkClientOptions;
  readonly #fault: RepeatedFault;
  readonly #stopping = new AbortController();
  readonly #untold = new UntoldGaps();
  readonly #run = randomUUID();
  #link: LineSocket<AgentToVideo, VideoToAgent> | undefined;
  #loop: Promise<void> | undefined;

  constructor(needs: LinkClientNeeds, options: LinkClientOptions) {
    this.#needs = needs;
    this.#options = options;
    this.#fault = new RepeatedFault(needs.clock);
  }

  /** Goes nowhere while the agent is away, but for a gap: that is told when it is back. */
  send(message: VideoToAgent): void {
    if (message.type !== 'gap') this.#link?.send(message);
    else {
      this.#untold.keep(message);
      this.#tellGaps();
    }
  }

  #tellGaps(): void {
    if (!this.#link) return;
    for (const gap of this.#untold.take()) this.#link.send(gap);
  }

  /** Tells at once what `alive` says, when it has changed. */
  tellAlive(): void {
    this.send(this.#needs.alive());
  }

  async start(signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, this.#stopping.signal]);
    const { clock, random } = this.#needs;
    const onFailure = (error: unknown) => this.#failed(error);
    this.#loop = retryLoop(
      { clock, random, onFailure },
      LINK_RETRY,
      (up, inner) => this.#runOnce(up, inner),
      ended,
    );
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #runOnce(up: () => void, signal: AbortSignal): Promise<void> {
    const socket = createConnection(this.#options.socketPath);
    try {
      await once(socket, 'connect', { signal });
    } catch (thrown) {
      socket.on('error', () => undefined).destroy();
      throw thrown;
    }
    const { promise: closed, resolve } = Promise.withResolvers<Error>();
    const link = new LineSocket<AgentToVideo, VideoToAgent>(
      socket,
      { incoming: agentSays, outgoing: videoSays },
      { message: (message) => this.#take(message), closed: resolve },
    );
    const stop = () => link.end(asBeffroiError(signal.reason));
    signal.addEventListener('abort', stop, { once: true });
    this.#opened(link);
    up();
    const why = await closed;
    signal.removeEventListener('abort', stop);
    this.#link = undefined;
    this.#needs.leases.agentLost();
    this.#needs.desk.disconnected();
    this.#needs.pictures.forgetAll();
    throw why;
  }

  #opened(link: LineSocket<AgentToVideo, VideoToAgent>): void {
    this.#link = link;
    const { software } = this.#options;
    link.send({ type: 'hello', pid: process.pid, run: this.#run, software, firstGap: this.#untold.first });
    for (const message of this.#needs.standing()) link.send(message);
    for (const gap of this.#untold.underWay) link.send(gap);
    this.#tellGaps();
    this.#needs.desk.connected((message) => link.send(message));
    this.#needs.log.info({ failures: this.#fault.recovered() }, 'agent connected');
    this.#keepAlive(link).catch(() => undefined);
  }

  async #keepAlive(link: LineSocket<AgentToVideo, VideoToAgent>): Promise<void> {
    while (this.#link === link) {
      link.send(this.#needs.alive());
      await this.#needs.clock.sleep(ALIVE_INTERVAL_MS, this.#stopping.signal);
    }
  }

  #take(message: AgentToVideo): void {
    const { desk, orders, leases, pictures } = this.#needs;
    if (message.type === 'permit' || message.type === 'login-leave') desk.take(message);
    else if (message.type === 'restart') orders.restart(message.camera);
    else if (message.type === 'cameras') orders.setCameras(message.cameras);
    else if (message.type === 'backbone') orders.setBackbone(message.order);
    else if (message.type === 'views') orders.setViews(message.views);
    else if (message.type === 'look') pictures.look(message.camera, message.confirms);
    else if (message.type === 'lease-open') leases.open(message.opening);
    else if (message.type === 'gaps-kept') this.#keptGaps(message.upTo);
    else leases.hold(message.standing, message.clock);
  }

  #keptGaps(upTo: number): void {
    this.#untold.kept(upTo);
    this.#tellGaps();
  }

  #failed(error: unknown): void {
    const told = this.#fault.happened('agent-away');
    if (told) this.#needs.log.warn({ err: error, count: told.count }, 'no agent on the link');
  }
}
