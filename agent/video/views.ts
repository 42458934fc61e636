import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/lifecycle.ts';
import type { VideoToAgent } from '../contract/video-link.ts';
import type { OpenView } from '../contract/viewing.ts';

/** How often ends are looked at; so much later a view closes at most. Source: guess. */
const TICK_MS = 100;
const TICKS_PER_REPORT = 10;
/** Views that ended while no agent was there to be told. */
const MAX_ENDED = 64;

export type ChannelReport = Extract<VideoToAgent, { type: 'channel' }>;

/** What was handed to the destinations of a camera since it is pulled. */
interface Sent {
  readonly bytes: number;
  readonly frames: number;
}

export interface ViewKeeperNeeds {
  readonly clock: Clock;
  readonly engine: {
    /** Cameras delivered on demand whose pictures go out now; all others are closed. */
    setViewed(cameras: ReadonlySet<string>): void;
    sent(camera: string): Sent;
  };
  readonly report: (message: ChannelReport) => void;
}

interface View {
  readonly camera: string;
  readonly before: Sent;
  deadlineMs: number;
}

/** The open views, each with its own end: a view closes by the clock of this process also while the agent is away. */
export class ViewKeeper implements Service {
  readonly name = 'views';
  readonly #needs: ViewKeeperNeeds;
  readonly #views = new Map<string, View>();
  readonly #stopping = new AbortController();
  #ended: ChannelReport[] = [];
  #ticking: Promise<void> | undefined;

  constructor(needs: ViewKeeperNeeds) {
    this.#needs = needs;
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#ticking = this.#tick(AbortSignal.any([signal, this.#stopping.signal]));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ticking;
  }

  /** The whole list of the agent. */
  setViews(views: readonly OpenView[]): void {
    this.#ended = [];
    const wanted = new Set(views.map(({ view }) => view));
    for (const [id, view] of this.#views) if (!wanted.has(id)) this.#end(id, view);
    for (const view of views) this.#put(view);
    this.#tellEngine();
  }

  /** What an agent that comes back must know. */
  *standing(): Iterable<VideoToAgent> {
    yield* this.#ended;
    for (const [id, view] of this.#views) yield this.#reportOf(id, view, true);
  }

  #put({ view: id, camera, leftMs }: OpenView): void {
    const deadlineMs = this.#needs.clock.monotonicMs() + leftMs;
    const known = this.#views.get(id);
    if (known) known.deadlineMs = deadlineMs;
    else if (leftMs > 0) this.#views.set(id, { camera, before: this.#needs.engine.sent(camera), deadlineMs });
  }

  #end(id: string, view: View): void {
    this.#views.delete(id);
    const closedWallMs = Math.round(this.#needs.clock.wallMs());
    const report = { ...this.#reportOf(id, view, false), closedWallMs };
    this.#ended = [...this.#ended, report].slice(-MAX_ENDED);
    this.#needs.report(report);
  }

  #reportOf(channel: string, { camera, before }: View, open: boolean): ChannelReport {
    const now = this.#needs.engine.sent(camera);
    const bytes = Math.max(0, now.bytes - before.bytes);
    const frames = Math.max(0, now.frames - before.frames);
    return { type: 'channel', channel, camera, open, bytes, frames };
  }

  #tellEngine(): void {
    this.#needs.engine.setViewed(new Set([...this.#views.values()].map(({ camera }) => camera)));
  }

  async #tick(signal: AbortSignal): Promise<void> {
    const { clock, report } = this.#needs;
    for (let tick = 1; !signal.aborted; tick += 1) {
      await clock.sleep(TICK_MS, signal).catch(() => undefined);
      const over = [...this.#views].filter(([, { deadlineMs }]) => clock.monotonicMs() >= deadlineMs);
      for (const [id, view] of over) this.#end(id, view);
      if (over.length > 0) this.#tellEngine();
      if (tick % TICKS_PER_REPORT > 0) continue;
      for (const [id, view] of this.#views) report(this.#reportOf(id, view, true));
    }
  }
}
