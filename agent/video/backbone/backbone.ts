import type { Clock } from '../../base/clock.ts';
import type { Service } from '../../base/lifecycle.ts';
import type { Log } from '../../base/log.ts';
import type { BackboneOrder, Budget, ChannelClass, VideoToAgent } from '../../contract/video-link.ts';
import { type Demand, type Limit, limitKbps, overflow } from './plan.ts';
import { Priorities } from './priorities.ts';
import { Rate } from './rate.ts';

const TICK_MS = 1_000;
/** Who was paused comes back when the budget has held it for so long without a break. Source: guess. */
const RETURN_AFTER_MS = 10_000;

type PauseReport = Extract<VideoToAgent, { type: 'pause' }>;

/** What a channel is told. */
export interface Paused {
  /** Why, in words. */
  readonly detail: string;
}

/** The place of one channel in the budget. */
export interface Place {
  /** So much would go out, or does: told while the channel is connected, paused or not. */
  offered(bytes: number): void;
  leave(): void;
}

export interface ChannelOptions {
  readonly camera: string;
  readonly destination: string;
  readonly kind: ChannelClass;
  /** Pauses or, with undefined, lets through again. */
  readonly pause: (paused: Paused | undefined) => void;
}

export interface BackboneNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly report: (message: VideoToAgent) => void;
}

interface Channel {
  readonly options: ChannelOptions;
  readonly rate: Rate;
  paused: Limit | undefined;
  /** Since when the budget would hold a paused one, monotonic. */
  fitsSinceMs: number | undefined;
}

const NO_LIMIT: Budget = { boxKbps: 0, brokerKbps: 0, serverKbps: 0 };

/**
 * Keeps the video of the box within its budget on the backbone: when it is short, the channels of the lowest priority
 * pause, one by one, and come back when there is room again. What cannot be measured ahead is let through first.
 */
export class Backbone implements Service {
  readonly name = 'backbone budget';
  readonly #needs: BackboneNeeds;
  readonly #channels = new Map<string, Channel>();
  readonly #fixed = new Rate();
  readonly #priorities = new Priorities();
  readonly #stopping = new AbortController();
  #budget: Budget = NO_LIMIT;
  #ticking: Promise<void> = Promise.resolve();

  constructor(needs: BackboneNeeds) {
    this.#needs = needs;
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    this.#ticking = this.#tick(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ticking;
  }

  /** Budget, priorities and missions as a whole: who comes first by them does so at once. */
  set(order: BackboneOrder): void {
    this.#budget = order.budget;
    this.#priorities.take(order, this.#needs.clock.monotonicMs());
    this.#review(true);
  }

  join(options: ChannelOptions): Place {
    const key = `${options.camera} ${options.destination}`;
    const channel: Channel = { options, rate: new Rate(), paused: undefined, fitsSinceMs: undefined };
    this.#channels.set(key, channel);
    return {
      offered: (bytes) => channel.rate.add(bytes),
      leave: () => {
        if (this.#channels.get(key) === channel) this.#channels.delete(key);
        if (channel.paused) this.#tell(channel, channel.paused, false);
      },
    };
  }

  /** Went out on a lease: goes first and is never paused. */
  leased(bytes: number): void {
    this.#fixed.add(bytes);
  }

  /** What an agent that comes back must know. */
  *standing(): Iterable<VideoToAgent> {
    for (const channel of this.#channels.values())
      if (channel.paused) yield this.#reportOf(channel, channel.paused, true);
  }

  async #tick(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#needs.clock.sleep(TICK_MS, signal).catch(() => undefined);
      for (const { rate } of this.#channels.values()) rate.tick();
      this.#fixed.tick();
      const ended = this.#priorities.expire(this.#needs.clock.monotonicMs());
      if (!signal.aborted) this.#review(ended);
    }
  }

  /** @param atOnce the order of priority is another one: who comes first by it waits for nothing */
  #review(atOnce: boolean): void {
    const demands = this.#demands();
    const full = overflow(demands, this.#budget);
    for (const [key, channel] of this.#channels)
      if (channel.paused) this.#mayReturn(channel, full.has(key), atOnce);
    const running = demands.filter(({ key }) => !this.#channels.get(key)?.paused);
    for (const [key, limit] of overflow(running, this.#budget)) {
      const channel = this.#channels.get(key);
      if (channel) this.#pause(channel, limit);
    }
  }

  #mayReturn(channel: Channel, isFull: boolean, atOnce: boolean): void {
    const nowMs = this.#needs.clock.monotonicMs();
    channel.fitsSinceMs = isFull ? undefined : (channel.fitsSinceMs ?? nowMs);
    if (channel.fitsSinceMs === undefined) return;
    if (atOnce || nowMs - channel.fitsSinceMs >= RETURN_AFTER_MS) this.#resume(channel);
  }

  #pause(channel: Channel, limit: Limit): void {
    channel.paused = limit;
    channel.fitsSinceMs = undefined;
    channel.options.pause({ detail: this.#words(channel, limit) });
    this.#tell(channel, limit, true);
  }

  #resume(channel: Channel): void {
    const limit = channel.paused ?? 'box';
    channel.paused = undefined;
    channel.options.pause(undefined);
    this.#tell(channel, limit, false);
  }

  #words(channel: Channel, limit: Limit): string {
    const { priority, budgetKbps, neededKbps } = this.#reportOf(channel, limit, true);
    const whose = limit === 'box' ? 'the video of the box' : 'its class of destinations';
    return `expected at most ${budgetKbps} kbit/s for ${whose}, ${neededKbps} are needed; priority ${priority} of 9 is not among those that fit`;
  }

  #tell(channel: Channel, limit: Limit, paused: boolean): void {
    const report = this.#reportOf(channel, limit, paused);
    const { type: _, ...facts } = report;
    this.#needs.log.info(facts, paused ? 'channel paused for the budget of the backbone' : 'channel goes on');
    this.#needs.report(report);
  }

  #reportOf({ options }: Channel, limit: Limit, paused: boolean): PauseReport {
    const { camera, destination, kind } = options;
    const which = limit === 'box' ? 'box' : kind;
    const needed = this.#demands().filter((demand) => which === 'box' || demand.kind === which);
    return {
      ...{ type: 'pause', camera, destination, paused, limit, kind },
      priority: this.#priorities.of(camera).priority,
      budgetKbps: limitKbps(this.#budget, which),
      neededKbps: Math.round(needed.reduce((sum, { kbps }) => sum + kbps, 0)),
    };
  }

  #demands(): Demand[] {
    const leased: Demand = {
      ...{ key: '', kind: 'mqtt', priority: 0, order: 0, fixed: true },
      kbps: this.#fixed.kbps,
    };
    const channels = [...this.#channels].map(([key, { options, rate }]) => ({
      ...{ key, kind: options.kind, kbps: rate.kbps, fixed: false },
      ...this.#priorities.of(options.camera),
    }));
    return [leased, ...channels];
  }
}
