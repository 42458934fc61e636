import type { Clock, ClockTrust } from '../base/clock.ts';
import { asBeffroiError, type BeffroiError, OrderRefusedError } from '../base/errors.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Log } from '../base/log.ts';
import type { LeaseOpening, VideoToAgent } from '../contract/video-link.ts';
import { LEASES_SILENCE_MS } from '../contract/video-link-limits.ts';
import type { ClosedBy } from '../contract/viewing.ts';
import type { Keyring } from '../trust/keyring.ts';
import { Lease } from '../trust/lease.ts';
import type { LeaseLine } from './lease-lines.ts';
import { type LeaseCounts, LeasedDestination } from './leased-destination.ts';
import { LeasedPull, type LeasedPullNeeds, type LeasedPullOptions } from './leased-pull.ts';
import type { ChannelReport } from './views.ts';

/** How often doubts are looked at; each chunk is held against them besides. Source: guess. */
const TICK_MS = 100;
const TICKS_PER_REPORT = 10;
/** Leases that closed while no agent was there to be told. */
const MAX_ENDED = 64;
/** Orders tell the second of their issue; a process takes longer than that to follow another. */
const IAT_STEP_MS = 1_000;
/** Ids of leases that this process has opened, none of which opens again. */
const MAX_SPENT = 10_000;

interface LeaseKeys {
  readonly keyring: Keyring;
  /** With the key of the box: by that a recipient knows its pictures. */
  readonly sign: (bytes: Buffer) => Buffer;
}

export interface LeaseKeeperNeeds extends LeasedPullNeeds {
  readonly clock: Clock;
  readonly log: Log;
  /** Begins a broker connection for one lease. */
  readonly line: () => LeaseLine;
  /** Whom the box believes, and how it signs: read by this process itself. */
  readonly keys: () => Promise<LeaseKeys>;
  readonly tell: (message: VideoToAgent) => void;
}

export interface LeaseKeeperOptions extends LeasedPullOptions {
  readonly site: string;
  /** When the video process began, by its monotonic clock. */
  readonly startedMs: number;
}

interface Channel {
  readonly lease: Lease;
  readonly deadlineMs: number;
  readonly destination: LeasedDestination;
}

/**
 * The leases in the video process. It believes the agent only as far as closing goes: to open, it verifies the
 * partner's signature and the terms itself, and a lease that it cannot hold against its time, or that the agent does not
 * name for some seconds, closes.
 */
export class LeaseKeeper implements Service {
  readonly name = 'leases';
  readonly #needs: LeaseKeeperNeeds;
  readonly #options: LeaseKeeperOptions;
  readonly #channels = new Map<string, Channel>();
  readonly #pulls = new Map<string, LeasedPull>();
  /** Ends of the pulls before, which the next pull of the same camera waits for. */
  readonly #ending = new Map<string, Promise<void>>();
  readonly #spent = new Set<string>();
  readonly #stopping = new AbortController();
  /** The leases that the agent named last, with those that it has asked to open since. */
  #named = new Set<string>();
  #heardAtMs = Number.NEGATIVE_INFINITY;
  #clockTrust: ClockTrust = 'untrusted';
  #ended: ChannelReport[] = [];
  #ticking: Promise<void> | undefined;

  constructor(needs: LeaseKeeperNeeds, options: LeaseKeeperOptions) {
    this.#needs = needs;
    this.#options = options;
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#ticking = this.#tick(AbortSignal.any([signal, this.#stopping.signal]));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#named.clear();
    for (const id of [...this.#channels.keys()]) this.#close(id, 'video');
    await Promise.all([this.#ticking, ...this.#ending.values()]);
  }

  /** Opens a channel when the lease holds; the agent is told either way. */
  open(opening: LeaseOpening): void {
    this.#heard(opening.clock);
    this.#named.add(opening.lease);
    this.#open(opening).catch((thrown: unknown) => this.#refuse(opening, asBeffroiError(thrown)));
  }

  /** The leases that stand; every other one closes. */
  hold(standing: readonly string[], clock: ClockTrust): void {
    this.#heard(clock);
    this.#named = new Set(standing);
    this.#ended = [];
    for (const id of [...this.#channels.keys()]) if (!this.#named.has(id)) this.#close(id, 'order');
  }

  /** The agent is away: nobody could close what is open. */
  agentLost(): void {
    this.#named.clear();
    this.#heardAtMs = Number.NEGATIVE_INFINITY;
    for (const id of [...this.#channels.keys()]) this.#close(id, 'agent');
  }

  /** What an agent that comes back must know. */
  *standing(): Iterable<VideoToAgent> {
    yield* this.#ended;
  }

  #heard(clock: ClockTrust): void {
    this.#heardAtMs = this.#needs.clock.monotonicMs();
    this.#clockTrust = clock;
  }

  async #open(opening: LeaseOpening): Promise<void> {
    const { keyring, sign } = await this.#needs.keys();
    const lease = this.#verified(opening, keyring);
    const { clock } = this.#needs;
    const deadlineMs = clock.monotonicMs() + lease.leftMs(clock.wallMs());
    const { site } = this.#options;
    const stands = () => this.#doubt(lease, deadlineMs) === undefined;
    const counted = (sent: LeaseCounts) => this.#needs.tell(reportOf(lease, true, sent));
    const { creditBytes } = opening;
    const asked = { ...this.#needs, site, sign, stands, counted, creditBytes };
    const destination = await LeasedDestination.create(asked, lease);
    try {
      await this.#ending.get(lease.camera);
      if (!stands() || this.#stopping.signal.aborted)
        throw new OrderRefusedError('lease-none', `${lease.id} was closed`);
      this.#pullFor(opening, lease).attach(lease, destination);
    } catch (thrown) {
      await destination.end();
      throw thrown;
    }
    this.#channels.set(lease.id, { lease, deadlineMs, destination });
    this.#needs.log.info(
      { lease: lease.id, camera: lease.camera, recipient: lease.recipient },
      'lease opened',
    );
    this.#needs.tell(reportOf(lease, true, destination.sent));
  }

  /** @throws OrderRefusedError */
  #verified({ jws, terms, clock: trust, camera, lease: id }: LeaseOpening, keyring: Keyring): Lease {
    const { clock } = this.#needs;
    const now = { site: this.#options.site, nowMs: clock.wallMs(), clockTrust: trust };
    const lease = Lease.verify(jws, keyring, terms, now);
    if (lease.id !== id || lease.camera !== camera.camera)
      throw new OrderRefusedError(
        'order-unknown-target',
        `expected a lease of ${camera.camera}, came one of ${lease.camera}`,
      );
    this.#checkAge(lease);
    if (this.#spent.has(id)) throw new OrderRefusedError('order-replayed', `lease ${id} was opened before`);
    if (this.#spent.size >= MAX_SPENT) this.#spent.delete(this.#spent.values().next().value ?? '');
    this.#spent.add(id);
    return lease;
  }

  /** What this process has opened it remembers; what one before it has opened must not open again. */
  #checkAge({ id, order }: Lease): void {
    const { clock } = this.#needs;
    const ageMs = clock.wallMs() - order.iat * 1000;
    if (ageMs < clock.monotonicMs() - this.#options.startedMs + IAT_STEP_MS) return;
    throw new OrderRefusedError(
      'lease-not-safe',
      `lease ${id} was signed before this video process began, and may have been opened by the one before`,
    );
  }

  #pullFor({ camera }: LeaseOpening, lease: Lease): LeasedPull {
    const known = this.#pulls.get(lease.camera);
    if (known) return known;
    const pull = new LeasedPull(this.#needs, this.#options, camera, lease);
    this.#pulls.set(lease.camera, pull);
    return pull;
  }

  #refuse({ lease, camera }: LeaseOpening, { code, message }: BeffroiError): void {
    this.#needs.log.warn({ lease, camera: camera.camera, code }, `lease not opened: ${message}`);
    const counts = { bytes: 0, frames: 0 };
    const detail = message.slice(0, 500);
    this.#needs.tell({
      ...{ type: 'channel', channel: lease, camera: camera.camera, open: false, ...counts, code, detail },
    });
  }

  /** Why the lease may not be forwarded now; asked at each tick and for each chunk. */
  #doubt(lease: Lease, deadlineMs: number): ClosedBy | undefined {
    const { clock } = this.#needs;
    const nowMs = clock.monotonicMs();
    if (!this.#named.has(lease.id)) return 'order';
    if (nowMs - this.#heardAtMs > LEASES_SILENCE_MS) return 'agent';
    if (nowMs >= deadlineMs) return 'end';
    return lease.doubt(clock.wallMs(), this.#clockTrust);
  }

  #close(id: string, by: ClosedBy): void {
    const channel = this.#channels.get(id);
    if (!channel) return;
    const { lease, destination } = channel;
    this.#channels.delete(id);
    this.#named.delete(id);
    const pull = this.#pulls.get(lease.camera);
    if (pull?.detach(id)) this.#endPull(lease.camera, pull);
    this.#needs.log.info({ lease: id, camera: lease.camera, by }, 'lease closed');
    const closedWallMs = Math.round(this.#needs.clock.wallMs());
    const report = { ...reportOf(lease, false, destination.sent), closedBy: by, closedWallMs };
    this.#ended = [...this.#ended, report].slice(-MAX_ENDED);
    this.#needs.tell(report);
  }

  #endPull(camera: string, pull: LeasedPull): void {
    this.#pulls.delete(camera);
    const ended = pull.ended().then(() => {
      if (this.#ending.get(camera) === ended) this.#ending.delete(camera);
    });
    this.#ending.set(camera, ended);
  }

  async #tick(signal: AbortSignal): Promise<void> {
    const { clock } = this.#needs;
    for (let tick = 1; !signal.aborted; tick += 1) {
      await clock.sleep(TICK_MS, signal).catch(() => undefined);
      for (const [id, { lease, deadlineMs }] of this.#channels) {
        const by = this.#doubt(lease, deadlineMs);
        if (by) this.#close(id, by);
      }
      if (tick % TICKS_PER_REPORT === 0) this.#report();
    }
  }

  #report(): void {
    const { clock, tell } = this.#needs;
    for (const { lease, destination } of this.#channels.values())
      tell(reportOf(lease, true, destination.sent));
    for (const pull of this.#pulls.values())
      tell(pull.measure({ monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() }));
  }
}

function reportOf({ id, camera }: Lease, open: boolean, sent: LeaseCounts): ChannelReport {
  return { type: 'channel', channel: id, camera, open, ...sent };
}
