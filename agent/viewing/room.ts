import type { BeffroiError } from '../base/errors.ts';
import type { Service } from '../base/lifecycle.ts';
import type { StatusSnapshot } from '../contract/status.ts';
import type { ViewingOrder } from '../contract/viewing-orders.ts';
import { refusedFacts } from './facts.ts';
import { Leases } from './leases.ts';
import type { ChannelReport, SignedOrder, ViewingConfiguration, ViewingNeeds } from './ports.ts';
import { type ChannelRecord, ChannelRecords } from './records.ts';
import { RefusedSums } from './refused-sums.ts';
import { Views } from './views.ts';

/** How often ends and doubts are looked at; so much later a channel closes at most. Source: guess. */
const TICK_MS = 250;
/** How long a stop waits for what the video process counted last, ms. Source: guess. */
const STOP_TICKS = 4;

const NOTHING: ViewingConfiguration = { cameras: new Map(), maxViewMinutes: 0 };

/** Who may see which camera until when: views of operators and leases of partners. */
export class ViewingRoom implements Service {
  readonly name = 'viewing';
  readonly #needs: ViewingNeeds;
  readonly #records: ChannelRecords;
  readonly #refusedSums: RefusedSums;
  readonly #views: Views;
  readonly #leases: Leases;
  readonly #stopping = new AbortController();
  #configuration = NOTHING;
  #restored = false;
  #ticking: Promise<void> | undefined;

  constructor(needs: ViewingNeeds) {
    this.#needs = needs;
    const knowsCamera = (camera: string) => this.#configuration.cameras.has(camera);
    this.#records = new ChannelRecords({ ...needs, knowsCamera });
    this.#refusedSums = new RefusedSums({ clock: needs.clock, records: this.#records, knowsCamera });
    this.#views = new Views(needs, this.#records);
    this.#leases = new Leases(needs, this.#records);
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#views.restore();
    this.#leases.restore();
    this.#restored = true;
    this.onVideo();
    this.#ticking = this.#tick(AbortSignal.any([signal, this.#stopping.signal]));
  }

  /** Leases end with the agent; views stand when it is back before their end. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ticking;
    this.#views.stop();
    this.#leases.stop();
    for (let tick = 0; this.#leases.telling && tick < STOP_TICKS; tick += 1)
      await this.#needs.clock.sleep(TICK_MS);
    this.#leases.tellAll();
    this.#refusedSums.tellAll();
  }

  /** What a new configuration no longer allows is closed. */
  apply(configuration: ViewingConfiguration): void {
    this.#configuration = configuration;
    this.#views.apply(configuration);
    this.#leases.apply(configuration);
  }

  /** Why the order cannot be carried out as things stand. */
  obstacle(signed: SignedOrder): BeffroiError | undefined {
    return (
      this.#views.obstacle(signed.order, this.#configuration) ??
      this.#leases.obstacle(signed, this.#configuration)
    );
  }

  /** Carries out an order that met no obstacle. @returns what came of it, for the operator @throws BeffroiError */
  async carryOut(signed: SignedOrder, signal: AbortSignal): Promise<string> {
    const { order } = signed;
    switch (order.command) {
      case 'view.open':
        return this.#views.open(signed, order);
      case 'view.extend':
        return this.#views.extend(signed, order);
      case 'view.close':
        return this.#views.close(signed, order);
      case 'lease.open':
        return await this.#leases.open(signed, () => this.#configuration, signal);
      case 'lease.close':
        return this.#leases.close(signed, order);
      case 'lease.followup':
        return this.#leases.followup(signed, order);
    }
  }

  /** An order of a good signature was refused: that is told like everything else. */
  refused(order: ViewingOrder, signer: string, error: BeffroiError): void {
    const { action, facts } = this.#refusal(order);
    this.#records.write({ action, who: signer, facts, cause: error.code, detail: error.message });
  }

  /** One of many in short order: a line tells of all of them, so that no flood fills register and outbox. */
  refusedToo(order: ViewingOrder, signer: string, error: BeffroiError): void {
    const { action, facts } = this.#refusal(order);
    this.#refusedSums.add({ action, who: signer, facts, cause: error.code });
  }

  #refusal(order: ViewingOrder): Pick<ChannelRecord, 'action' | 'facts'> {
    const camera = this.#configuration.cameras.get(order.camera);
    const partner = camera?.regime === 'leased' ? camera.terms.partner : undefined;
    const facts = refusedFacts(order, this.#needs.clock.wallMs(), partner);
    return { action: order.command.startsWith('view.') ? 'view.refused' : 'lease.refused', facts };
  }

  /** An order that was accepted came to nothing: it is told as refused, unless a line tells that it opened and closed. */
  failed(order: ViewingOrder, signer: string, error: BeffroiError): void {
    const opened = order.command === 'lease.open' && this.#leases.knows(order.jti);
    if (!opened) this.refused(order, signer, error);
  }

  /** Whether what an order asked for is so, though the agent that carried it out did not live to say it. */
  isApplied(order: ViewingOrder, signer: string): boolean {
    if (order.command.startsWith('view.')) return this.#views.isApplied(order, signer);
    return order.command === 'lease.close' && this.#leases.isClosedBy(order.lease, signer);
  }

  onReport(report: ChannelReport): void {
    this.#views.onReport(report);
    this.#leases.onReport(report);
  }

  /** A video process has come or gone. */
  onVideo(): void {
    if (!this.#restored) return;
    this.#views.onVideo();
    this.#leases.onVideo();
  }

  /** Whether a partner's camera may be connected to for its pictures now. */
  mayPull(camera: string): boolean {
    return this.#leases.mayPull(camera);
  }

  status(): StatusSnapshot['channels'] {
    return [...this.#views.status(), ...this.#leases.status()].map(
      ({ channel, camera, operator, recipient, reason, startMs, endMs, bytes, frames, partner }) => ({
        ...{ channel, camera, operator, recipient, reason, bytes, frames },
        ...{ kind: partner === undefined ? ('view' as const) : ('lease' as const) },
        ...{ since: startMs, until: endMs },
      }),
    );
  }

  async #tick(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#needs;
    while (!signal.aborted) {
      try {
        this.#views.tick();
        this.#leases.tick();
        this.#refusedSums.tick();
      } catch (err) {
        log.error({ err }, 'views and leases could not be looked after');
      }
      await clock.sleep(TICK_MS, signal).catch(() => undefined);
    }
  }
}
