import { type BeffroiError, OrderRefusedError } from '../base/errors.ts';
import type { ClosedBy } from '../contract/viewing.ts';
import { type ChannelFacts, type OrderOf, viewFacts } from './facts.ts';
import type { ChannelReport, SignedOrder, ViewingConfiguration, ViewingNeeds } from './ports.ts';
import type { ChannelRecords } from './records.ts';
import { Tally } from './tally.ts';
import { type Closed, type KeptView, leftOf, ViewMemory } from './view-memory.ts';

/** Views of one camera, and of all, at the same time. Source: guess. */
const MAX_VIEWS_OF_CAMERA = 8;
const MAX_VIEWS = 64;
/** How often what was counted is kept, ms: so much is uncounted after a power cut. Source: guess. */
const KEEP_INTERVAL_MS = 30_000;
/** How long a view that has ended waits for what the video process counted last, ms. Source: guess. */
const COUNT_TIMEOUT_MS = 2_000;
/** The same after a start of the agent, which a video process that stayed has to find first, ms. Source: guess. */
export const FOUND_AGAIN_MS = 5_000;

interface View {
  readonly order: OrderOf<'view.open'>;
  readonly signer: string;
  readonly openedMs: number;
  readonly tally: Tally;
  endMs: number;
  deadlineMs: number;
  keptAtMs: number;
  /** Set once it is closed; it waits for the last count until `countedByMs`. */
  closed?: Closed;
  countedByMs: number;
  /** The video process has told what it counted last. */
  counted?: boolean;
}

/** The views of cameras delivered on demand: opened by an operator, closed at their end whatever happens. */
export class Views {
  readonly #needs: ViewingNeeds;
  readonly #records: ChannelRecords;
  readonly #memory: ViewMemory;
  readonly #views = new Map<string, View>();
  /** Views that an earlier start of the agent had opened. */
  readonly #restored = new Set<string>();

  constructor(needs: ViewingNeeds, records: ChannelRecords) {
    this.#needs = needs;
    this.#records = records;
    this.#memory = new ViewMemory(needs.store.memory);
  }

  /** Takes up what an earlier start of the agent left open. */
  restore(): void {
    const { clock, clockTrust, machine } = this.#needs;
    const wallMs = clockTrust() === 'untrusted' ? undefined : clock.wallMs();
    for (const kept of this.#memory.left()) this.#take(kept, leftOf(kept, machine, wallMs));
  }

  #take({ order, signer, openedMs, endMs, tally, closed }: KeptView, leftMs: number): void {
    const nowMs = this.#needs.clock.monotonicMs();
    this.#views.set(order.jti, {
      ...{ order, signer, openedMs, endMs, tally: new Tally(tally) },
      ...{ deadlineMs: nowMs + leftMs, keptAtMs: nowMs, countedByMs: nowMs + FOUND_AGAIN_MS },
      ...(closed ? { closed } : {}),
    });
    this.#restored.add(order.jti);
  }

  /** Why the order cannot be carried out. */
  obstacle(
    order: SignedOrder['order'],
    { cameras, maxViewMinutes }: ViewingConfiguration,
  ): BeffroiError | undefined {
    if (order.command === 'view.open') {
      const camera = cameras.get(order.camera);
      if (camera?.regime !== 'continuous' || camera.delivery !== 'on-demand')
        return refused('order-wrong-regime', `${order.camera} is not delivered on demand`);
      return this.#endObstacle(order.end, maxViewMinutes) ?? this.#roomObstacle(order.camera);
    }
    if (order.command !== 'view.extend' && order.command !== 'view.close') return undefined;
    const view = this.#standing(order.view);
    if (view?.order.camera !== order.camera)
      return refused('order-unknown-channel', `no view ${order.view} of ${order.camera} is open`);
    return order.command === 'view.extend' ? this.#endObstacle(order.end, maxViewMinutes) : undefined;
  }

  /** Whether an earlier start of the agent has done this. */
  isApplied(order: SignedOrder['order'], signer: string): boolean {
    if (order.command === 'view.open') return this.#restored.has(order.jti);
    if (order.command !== 'view.extend' && order.command !== 'view.close') return false;
    const view = this.#views.get(order.view);
    if (order.command === 'view.extend') return view?.endMs === order.end * 1000;
    return view?.closed?.by === 'order' && view.closed.who === signer;
  }

  open({ signer }: SignedOrder, order: OrderOf<'view.open'>): string {
    const nowMs = this.#needs.clock.wallMs();
    const view: View = {
      ...{ order, signer, openedMs: nowMs, tally: new Tally() },
      ...this.#until(order.end),
      keptAtMs: this.#needs.clock.monotonicMs(),
      countedByMs: 0,
    };
    this.#needs.store.transaction(() => {
      this.#keep(view);
      this.#records.write({ action: 'view.opened', who: signer, facts: factsOf(view) });
    });
    this.#views.set(order.jti, view);
    this.tellVideo();
    return `${order.camera}: view ${order.jti} is open until ${iso(view.endMs)}`;
  }

  extend({ signer }: SignedOrder, { view: id, end, operator, reason }: OrderOf<'view.extend'>): string {
    const view = this.#standing(id);
    if (!view) throw refused('order-unknown-channel', `no view ${id} is open`);
    Object.assign(view, this.#until(end));
    this.#needs.store.transaction(() => {
      this.#keep(view);
      const facts = { ...factsOf(view), operator, reason };
      const counts = view.tally.total;
      this.#records.write({ action: 'view.extended', who: signer, facts, counts });
    });
    this.tellVideo();
    return `${view.order.camera}: view ${id} is open until ${iso(view.endMs)}`;
  }

  close({ signer }: SignedOrder, { view: id, operator }: OrderOf<'view.close'>): string {
    const view = this.#standing(id);
    if (!view) throw refused('order-unknown-channel', `no view ${id} is open`);
    this.#close(view, 'order', signer);
    this.tellVideo();
    return `${view.order.camera}: view ${id} is closed by ${operator}`;
  }

  /** Closes the views of cameras that are not delivered on demand any more. */
  apply({ cameras }: ViewingConfiguration): void {
    for (const view of this.#views.values()) {
      const camera = cameras.get(view.order.camera);
      const stays = camera?.regime === 'continuous' && camera.delivery === 'on-demand';
      if (!stays) this.#close(view, 'configuration', 'box');
    }
    this.tellVideo();
  }

  /** Closes what has come to its end. */
  tick(): void {
    const nowMs = this.#needs.clock.monotonicMs();
    const over = [...this.#views.values()].filter(({ closed, deadlineMs }) => !closed && nowMs >= deadlineMs);
    for (const view of over) this.#close(view, 'end', 'box');
    if (over.length > 0) this.tellVideo();
    for (const view of this.#views.values()) {
      if (view.closed && nowMs >= view.countedByMs) this.#told(view);
      else if (!view.closed && nowMs - view.keptAtMs >= KEEP_INTERVAL_MS) this.#keep(view);
    }
  }

  /** What the video process says; nothing for a channel that is no view. */
  onReport({ channel, open, bytes, frames }: ChannelReport): void {
    const view = this.#views.get(channel);
    if (!view) return;
    view.tally.take(this.#needs.video.process ?? '', { bytes, frames });
    view.counted = !open;
    if (view.counted && view.closed) this.#told(view);
  }

  /** The video process is there, perhaps another one than before, or went away. */
  onVideo(): void {
    for (const view of this.#views.values()) this.#keep(view);
    this.tellVideo();
  }

  /** What was counted is kept; the views stand when the agent is back. */
  stop(): void {
    for (const view of this.#views.values()) this.#keep(view);
  }

  tellVideo(): void {
    const nowMs = this.#needs.clock.monotonicMs();
    const open = [...this.#views.values()].filter(({ closed }) => !closed);
    this.#needs.video.setViews(
      open.map(({ order, deadlineMs }) => ({
        view: order.jti,
        camera: order.camera,
        leftMs: Math.max(0, Math.round(deadlineMs - nowMs)),
      })),
    );
  }

  *status(): Iterable<ChannelFacts & { readonly bytes: number; readonly frames: number }> {
    for (const view of this.#views.values())
      if (!view.closed) yield { ...factsOf(view), ...view.tally.total };
  }

  #standing(id: string): View | undefined {
    const view = this.#views.get(id);
    return view?.closed ? undefined : view;
  }

  #until(endS: number): Pick<View, 'endMs' | 'deadlineMs'> {
    const { clock } = this.#needs;
    const endMs = endS * 1000;
    return { endMs, deadlineMs: clock.monotonicMs() + Math.max(0, endMs - clock.wallMs()) };
  }

  #endObstacle(endS: number, maxViewMinutes: number): BeffroiError | undefined {
    const leftS = endS - this.#needs.clock.wallMs() / 1000;
    if (leftS <= 0) return refused('channel-over', `it ended ${iso(endS * 1000)}`);
    if (leftS <= maxViewMinutes * 60) return undefined;
    return refused(
      'channel-too-long',
      `expected an end within ${maxViewMinutes} minutes, came ${iso(endS * 1000)}`,
    );
  }

  #roomObstacle(camera: string): BeffroiError | undefined {
    const ofCamera = [...this.#views.values()].filter(({ order }) => order.camera === camera).length;
    if (ofCamera < MAX_VIEWS_OF_CAMERA && this.#views.size < MAX_VIEWS) return undefined;
    return refused(
      'channel-open',
      `expected fewer than ${MAX_VIEWS_OF_CAMERA} views of ${camera} and ${MAX_VIEWS} of all cameras`,
    );
  }

  #keep(view: View): void {
    const { clock, machine } = this.#needs;
    const { order, signer, openedMs, endMs, deadlineMs, tally, closed } = view;
    const { bootId } = machine;
    const endUptimeMs = machine.uptimeMs() + deadlineMs - clock.monotonicMs();
    this.#memory.keep({
      ...{ order, signer, openedMs, endMs, bootId, endUptimeMs, tally: tally.kept },
      ...(closed ? { closed } : {}),
    });
    view.keptAtMs = clock.monotonicMs();
  }

  /** It is closed from here on, durably; its line follows when the video process has told what it counted. */
  #close(view: View, by: ClosedBy, who: string): void {
    if (view.closed) return;
    const { clock, video } = this.#needs;
    // One that ended while the agent was away ended at its end, and not when the agent came back.
    view.closed = { by, who, atMs: by === 'end' ? view.endMs : clock.wallMs() };
    const waits = video.process !== undefined && !view.counted;
    const countedByMs = clock.monotonicMs() + (waits ? COUNT_TIMEOUT_MS : 0);
    view.countedByMs = view.counted ? countedByMs : Math.max(view.countedByMs, countedByMs);
    this.#keep(view);
  }

  #told(view: View): void {
    if (!view.closed) return;
    const { by, who, atMs } = view.closed;
    this.#needs.store.transaction(() => {
      this.#memory.forget(view.order.jti);
      const facts = { ...factsOf(view), endMs: atMs };
      this.#records.write({ action: 'view.closed', who, facts, closedBy: by, counts: view.tally.total });
    });
    this.#views.delete(view.order.jti);
  }
}

function factsOf({ order, openedMs, endMs }: View): ChannelFacts {
  return viewFacts(order, openedMs, endMs);
}

function refused(
  code: 'order-wrong-regime' | 'order-unknown-channel' | 'channel-over' | 'channel-too-long' | 'channel-open',
  message: string,
): OrderRefusedError {
  return new OrderRefusedError(code, message);
}

function iso(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
