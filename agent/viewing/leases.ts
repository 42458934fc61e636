import { type BeffroiError, InternalError, OrderRefusedError } from '../base/errors.ts';
import { limited } from '../base/limit.ts';
import { LEASES_INTERVAL_MS } from '../contract/video-link-limits.ts';
import type { ClosedBy } from '../contract/viewing.ts';
import type { Lease } from '../trust/lease.ts';
import { type ChannelFacts, leaseFacts, type OrderOf } from './facts.ts';
import { LeaseCheck, unknownLease } from './lease-check.ts';
import { fingerprintOf, LeaseDoubts, type OpenLease } from './lease-doubts.ts';
import { type KeptLease, LeaseMemory } from './lease-memory.ts';
import type { ChannelReport, SignedOrder, ViewingConfiguration, ViewingNeeds } from './ports.ts';
import type { ChannelRecords } from './records.ts';
import { Tally } from './tally.ts';
import type { Closed } from './view-memory.ts';
import { FOUND_AGAIN_MS } from './views.ts';
import { WaitingLeases } from './waiting-leases.ts';

/** How long the video process may take to open a channel, and to tell what it counted last, ms. Source: guess. */
const OPEN_TIMEOUT_MS = 5_000;
const COUNT_TIMEOUT_MS = 2_000;
/** How often it is kept that a channel is open and what was counted, ms: so much a power cut leaves untold. Source: guess. */
const KEEP_INTERVAL_MS = 5_000;

interface Entry {
  kept: KeptLease;
  readonly tally: Tally;
  /** While it is open. It exists in the memory of this process alone: with the agent every lease ends. */
  open?: Open | undefined;
  /** Once it is closed, how long it waits for the last count. */
  countedByMs: number;
  keptAtMs: number;
  /** An earlier start of the agent had opened it: when it closed is for the video process to say. */
  readonly restored?: boolean;
  /** When the video process counted last, Unix ms, and whether that was its last count. */
  counted?: { readonly atMs: number; readonly last: boolean };
}

interface Open extends OpenLease {
  readonly opened: PromiseWithResolvers<void>;
}

/**
 * The leases of partners' cameras. Whatever is doubtful closes: the end by either clock, the clock itself, the hours,
 * the convention, the configuration, the link to the centre, the video process, and every restart.
 * @see DOMAIN S2-02 to S2-17
 */
export class Leases {
  readonly #needs: ViewingNeeds;
  readonly #records: ChannelRecords;
  readonly #memory: LeaseMemory;
  readonly #check: LeaseCheck;
  readonly #doubts: LeaseDoubts;
  readonly #entries = new Map<string, Entry>();
  readonly #waiting: WaitingLeases;
  #heldAtMs = Number.NEGATIVE_INFINITY;

  constructor(needs: ViewingNeeds, records: ChannelRecords) {
    this.#needs = needs;
    this.#records = records;
    this.#memory = new LeaseMemory(needs.store.memory);
    this.#check = new LeaseCheck(needs, this.#memory);
    this.#doubts = new LeaseDoubts(needs);
    this.#waiting = new WaitingLeases(needs.clock);
  }

  /** Nothing that an earlier start of the agent opened is open: that is told. */
  restore(): void {
    const { clock } = this.#needs;
    const keptAtMs = clock.monotonicMs();
    const countedByMs = keptAtMs + FOUND_AGAIN_MS;
    for (const kept of this.#memory.untold()) {
      const closed = kept.closed ?? lostWith(kept, clock.wallMs());
      const restored = kept.closed === undefined;
      this.#entries.set(kept.order.jti, {
        kept: { ...kept, closed },
        tally: new Tally(kept.tally),
        ...{ countedByMs, keptAtMs, restored },
        counted: { atMs: closed.atMs, last: false },
      });
    }
    this.#hold();
  }

  /** Whether it was opened, though it may be closed by now. */
  knows(id: string): boolean {
    return this.#memory.find(id) !== undefined;
  }

  /** Whether it was closed by an order of this key. */
  isClosedBy(id: string, signer: string): boolean {
    const closed = this.#memory.find(id)?.closed;
    return closed?.by === 'order' && closed.who === signer;
  }

  /** Why the order cannot be carried out. */
  obstacle(signed: SignedOrder, configuration: ViewingConfiguration): BeffroiError | undefined {
    return this.#check.obstacle(signed, configuration, this.#openLeases(), this.#waiting.all);
  }

  /**
   * Opens it, at its signed start where that is ahead.
   * @param configurationNow what is in force when it opens
   * @throws BeffroiError when it is closed before, or when the video process does not open it; then it is closed again
   */
  async open(
    signed: SignedOrder,
    configurationNow: () => ViewingConfiguration,
    signal: AbortSignal,
  ): Promise<string> {
    const taken = this.#check.openable(signed, configurationNow(), this.#openLeases());
    const { lease, opened } = await this.#waiting.atStart(taken, signal, () =>
      this.#begin(signed, configurationNow()),
    );
    this.#tellVideo(lease);
    const late = () =>
      new InternalError('video-process-down', `${lease.camera}: the channel was not opened in time`);
    try {
      await limited(this.#needs.clock, OPEN_TIMEOUT_MS, signal, late, () => opened);
    } catch (thrown) {
      this.#close(lease.id, { by: 'video', who: 'box' });
      throw thrown;
    }
    const until = new Date(lease.endMs).toISOString();
    return `${lease.camera}: lease ${lease.id} is open for ${lease.recipient} until ${until}`;
  }

  /** On disk and in the register before anything is opened, by what is in force now. @throws OrderRefusedError */
  #begin(
    signed: SignedOrder,
    configuration: ViewingConfiguration,
  ): { readonly lease: Lease; readonly opened: Promise<void> } {
    const { clock, store } = this.#needs;
    const lease = this.#check.openable(signed, configuration, this.#openLeases());
    const fingerprint = fingerprintOf(configuration, lease.camera);
    const tally = new Tally();
    const openedMs = clock.wallMs();
    const kept = keptOf(lease, openedMs);
    store.transaction(() => {
      this.#memory.keep(kept);
      this.#records.write({ action: 'lease.opened', who: lease.signer, facts: factsOf(kept) });
    });
    const opened = Promise.withResolvers<void>();
    opened.promise.catch(() => undefined);
    const open = { lease, fingerprint, deadlineMs: clock.monotonicMs() + lease.leftMs(openedMs), opened };
    this.#entries.set(lease.id, { kept, tally, open, countedByMs: 0, keptAtMs: clock.monotonicMs() });
    this.#watchLink();
    return { lease, opened: opened.promise };
  }

  #tellVideo({ jws, terms, camera, id }: Lease): void {
    const { video, clockTrust } = this.#needs;
    if (video.openLease({ lease: id, jws, terms, clock: clockTrust(), camera })) {
      this.#hold();
      return;
    }
    const why = `${camera}: no video process is there, or the address of the stream is not known yet`;
    this.#entries.get(id)?.open?.opened.reject(new InternalError('video-process-down', why));
  }

  close({ signer }: SignedOrder, order: OrderOf<'lease.close'>): string {
    const detail = `closed by ${order.operator}`;
    if (this.#cancel(order.lease, { by: 'order', who: signer, detail }))
      return `lease ${order.lease} is closed before its start`;
    if (!this.#entries.get(order.lease)?.open) throw unknownLease(order);
    this.#close(order.lease, { by: 'order', who: signer, detail });
    return `lease ${order.lease} is closed`;
  }

  /** One that waits never opens: on disk, in the register, and to the partner. @returns false when it does not wait */
  #cancel(id: string, how: Required<Omit<Closed, 'atMs'>>): boolean {
    const detail = `${how.detail} before its start`;
    const lease = this.#waiting.cancel(id, detail);
    if (lease) this.#tellCancelled(lease, { ...how, detail });
    return lease !== undefined;
  }

  #tellCancelled(lease: Lease, how: Omit<Closed, 'atMs'>): void {
    const { clock, store } = this.#needs;
    const atMs = clock.wallMs();
    const kept = { ...keptOf(lease, atMs), endMs: atMs, closed: { ...how, atMs }, told: true };
    store.transaction(() => {
      this.#memory.keep(kept);
      const { by: closedBy, ...said } = how;
      this.#records.write({ action: 'lease.closed', facts: factsOf(kept), closedBy, ...said });
    });
  }

  /** Tells the partner what was done; the intervention is over, so the channel closes. */
  followup({ signer }: SignedOrder, order: OrderOf<'lease.followup'>): string {
    const detail = `closed by the follow-up of ${order.operator}`;
    this.#cancel(order.lease, { by: 'followup', who: signer, detail });
    const kept = this.#memory.find(order.lease);
    if (!kept) throw unknownLease(order);
    this.#close(order.lease, { by: 'followup', who: signer });
    const facts = { ...factsOf(kept), operator: order.operator };
    const counts = this.#entries.get(order.lease)?.tally.total ?? new Tally(kept.tally).total;
    this.#records.write({ action: 'lease.followup', who: signer, facts, counts, detail: order.done });
    return `lease ${order.lease}: the channel is closed, the partner is told`;
  }

  /** A configuration that changed anything that a lease rests on closes it. */
  apply(configuration: ViewingConfiguration): void {
    for (const { lease, fingerprint } of this.#opened()) {
      if (fingerprint !== fingerprintOf(configuration, lease.camera))
        this.#close(lease.id, { by: 'configuration', who: 'box' });
    }
  }

  /** Closes whatever is in doubt, and tells the video process what stands. */
  tick(): void {
    const nowMs = this.#needs.clock.monotonicMs();
    this.#rememberFromNow();
    this.#watchLink();
    for (const open of this.#opened()) {
      const by = this.#doubts.of(open);
      if (by) this.#close(open.lease.id, { by, who: 'box' });
    }
    if (nowMs - this.#heldAtMs >= LEASES_INTERVAL_MS) this.#hold();
    for (const entry of [...this.#entries.values()])
      if (entry.open) this.#keepNow(entry);
      else if (nowMs >= entry.countedByMs) this.#tell(entry);
  }

  #keepNow(entry: Entry): void {
    const { clock } = this.#needs;
    const nowMs = clock.monotonicMs();
    if (nowMs - entry.keptAtMs < KEEP_INTERVAL_MS) return;
    entry.keptAtMs = nowMs;
    entry.kept = { ...entry.kept, seenMs: clock.wallMs(), tally: entry.tally.kept };
    this.#memory.keep(entry.kept);
  }

  #watchLink(): void {
    this.#doubts.watchLink([...this.#openLeases(), ...this.#waiting.all]);
  }

  /** From when on it is known which leases were taken; a clock that is not believed cannot say. */
  #rememberFromNow(): void {
    const { clock, clockTrust } = this.#needs;
    if (clockTrust() !== 'untrusted' && this.#memory.sinceMs === undefined)
      this.#memory.begin(clock.wallMs());
  }

  /** What the video process says; nothing for a channel that is no lease. */
  onReport(report: ChannelReport): void {
    const { channel, open, bytes, frames, lostFrames, closedBy, closedWallMs, code, detail } = report;
    const entry = this.#entries.get(channel);
    if (!entry) return;
    entry.tally.take(this.#needs.video.process ?? '', { bytes, frames, lostFrames });
    entry.counted = { atMs: this.#needs.clock.wallMs(), last: !open };
    if (open) {
      entry.open?.opened.resolve();
      return;
    }
    const why = [code ?? closedBy, detail].filter(Boolean).join(': ');
    entry.open?.opened.reject(new OrderRefusedError('channel-closed', why));
    this.#close(channel, { by: closedBy ?? 'video', who: 'box', ...(why ? { detail: why } : {}) });
    if (entry.restored && closedBy !== undefined && closedWallMs !== undefined)
      entry.kept = { ...entry.kept, closed: { by: closedBy, who: 'box', atMs: closedWallMs } };
    this.#tell(entry);
  }

  /** A video process has come or gone: what the one before had open is closed. */
  onVideo(): void {
    for (const { lease } of this.#opened()) this.#close(lease.id, { by: 'video', who: 'box' });
    this.#hold();
  }

  /** The agent ends, and with it every lease. */
  stop(): void {
    for (const { lease } of this.#opened()) this.#close(lease.id, { by: 'agent', who: 'box' });
  }

  /** Writes the closings that still wait for a count. */
  tellAll(): void {
    for (const entry of [...this.#entries.values()]) if (!entry.open) this.#tell(entry);
  }

  /** Whether a closing still waits for its count. */
  get telling(): boolean {
    return [...this.#entries.values()].some(({ open }) => !open);
  }

  /** Whether the camera may be connected to for its pictures now. */
  mayPull(camera: string): boolean {
    return this.#opened().some(({ lease }) => lease.camera === camera);
  }

  *status(): Iterable<ChannelFacts & { readonly bytes: number; readonly frames: number }> {
    for (const { kept, tally, open } of this.#entries.values())
      if (open) yield { ...factsOf(kept), ...tally.total };
  }

  #openLeases(): Lease[] {
    return this.#opened().map(({ lease }) => lease);
  }

  #opened(): Open[] {
    return [...this.#entries.values()].flatMap(({ open }) => open ?? []);
  }

  #hold(): void {
    const { video, clock } = this.#needs;
    this.#heldAtMs = clock.monotonicMs();
    video.holdLeases(this.#opened().map(({ lease }) => lease.id));
  }

  /** First the pictures stop, then it is written down; the line follows with what the video process counted. */
  #close(id: string, how: { by: ClosedBy; who: string; detail?: string }): void {
    const entry = this.#entries.get(id);
    const open = entry?.open;
    if (!entry || !open) return;
    const { clock, video } = this.#needs;
    entry.open = undefined;
    this.#hold();
    open.opened.reject(neverOpened(open.lease, how.by));
    entry.kept = { ...entry.kept, closed: { ...how, atMs: clock.wallMs() }, tally: entry.tally.kept };
    entry.countedByMs = clock.monotonicMs() + (video.process === undefined ? 0 : COUNT_TIMEOUT_MS);
    this.#memory.keep(entry.kept);
  }

  #tell({ kept, tally, counted }: Entry): void {
    const { closed } = kept;
    if (!closed || !this.#entries.delete(kept.order.jti)) return;
    const { by: closedBy, who, atMs } = closed;
    const detail = [closed.detail, uncounted(counted)].filter(Boolean).join('; ');
    this.#needs.store.transaction(() => {
      this.#memory.keep({ ...kept, tally: tally.kept, told: true });
      const facts = { ...factsOf(kept), endMs: atMs };
      const counts = tally.total;
      this.#records.write({ action: 'lease.closed', who, facts, closedBy, counts, detail });
    });
  }
}

/** A lease as it is kept from now on, with nothing counted. */
function keptOf({ order, signer, partner, endMs }: Lease, nowMs: number): KeptLease {
  const tally = new Tally().kept;
  return { order, signer, partner, openedMs: nowMs, seenMs: nowMs, endMs, tally, told: false };
}

/** Why a lease that closes now was never open, where it was still being opened. */
function neverOpened({ camera }: Lease, by: ClosedBy): BeffroiError {
  if (by === 'video')
    return new InternalError(
      'video-process-down',
      `${camera}: the video process ended before the channel was open`,
    );
  return new OrderRefusedError('channel-closed', `${camera}: closed before it was open: ${by}`);
}

/** What is known of a channel that closed with the agent that had it open. */
function lostWith({ seenMs }: KeptLease, nowMs: number): NonNullable<KeptLease['closed']> {
  const [from, until] = [seenMs, nowMs].map((ms) => new Date(ms).toISOString());
  const detail = `closed with the agent between ${from} and ${until}`;
  return { by: 'agent', who: 'box', atMs: seenMs, detail };
}

function factsOf({ order, openedMs, endMs, partner }: KeptLease): ChannelFacts {
  return leaseFacts(order, openedMs, endMs, partner);
}

/** Says so when the video process did not live to count what it sent last. */
function uncounted(counted: Entry['counted']): string {
  if (!counted || counted.last) return '';
  return `bytes and pictures are what the video process had told by ${new Date(counted.atMs).toISOString()}`;
}
