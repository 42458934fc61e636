import type { Clock, ClockTrust } from '../base/clock.ts';
import { type BeffroiError, UplinkError } from '../base/errors.ts';
import type { Service } from '../base/lifecycle.ts';
import { limited } from '../base/limit.ts';
import type { Log } from '../base/log.ts';
import type { Working } from '../base/pulse.ts';
import type { Confirmation } from '../contract/delivery.ts';
import { MAX_DOWN_BYTES } from '../contract/envelope.ts';
import { commandTopic, desiredConfigTopic, receiptTopic } from '../contract/topics.ts';
import type { DeliveryRules, Store } from '../store/store.ts';
import { BrokerClient } from './client.ts';
import { OutboxDrain } from './drain.ts';
import { RetainedInventory } from './inventory.ts';
import { Presence } from './presence.ts';
import { MqttReporter } from './reporter.ts';
import type { TlsFiles } from './socket.ts';
import { Stamp } from './stamp.ts';
import { RetainedStates } from './states.ts';
import { UntrustedTimes } from './untrusted-times.ts';

export interface UplinkNeeds {
  readonly clock: Clock;
  readonly log: Log;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly store: Pick<Store, 'boot' | 'outbox' | 'memory' | 'ranMs' | 'transaction'>;
  readonly clockTrust: () => ClockTrust;
}

export interface UplinkOptions {
  /** Also the client id, so that the broker can bind it to the certificate. */
  readonly site: string;
  readonly brokers: readonly string[];
  readonly tls?: TlsFiles;
  readonly plainLoopback: boolean;
  /** Version of the agent. */
  readonly software: string;
}

export type OrderKind = 'configuration' | 'command' | 'receipt';
export type OrderHandler = (kind: OrderKind, payload: Buffer, retained: boolean) => void;
export type LargeOrderHandler = (kind: OrderKind, bytes: number, retained: boolean) => void;

/** What the status socket tells of the link. */
export interface LinkStatus {
  readonly connected: boolean;
  /** Unix ms of the last change of `connected`. */
  readonly sinceMs: number;
  readonly cause: BeffroiError['code'] | 'none';
  readonly detail: string;
  readonly session: number;
  readonly outboxPending: number;
  readonly confirmation: Confirmation;
}

/** How events are delivered. */
export interface Delivery extends DeliveryRules {
  /** Events of the backlog per second. */
  readonly backlogPerS: number;
}

const FAREWELL_TIMEOUT_MS = 1_000;
/** How often losses and corrections of times are told, at most. Source: guess. */
const BOOKS_INTERVAL_MS = 10_000;

/**
 * The agent's link to the CSU. Every session starts clean: a resumed one would not replay the retained
 * configuration. So a command sent while the link is down is lost, on purpose: who sent it sees no `accepted`.
 */
export class Uplink implements Service, Working {
  readonly name = 'uplink';
  readonly reporter: MqttReporter;
  readonly #needs: UplinkNeeds;
  readonly #client: BrokerClient;
  readonly #presence: Presence;
  readonly #states: RetainedStates;
  readonly #drain: OutboxDrain;
  readonly #kinds: ReadonlyMap<string, OrderKind>;
  readonly #stopping = new AbortController();
  #telling: Promise<void> = Promise.resolve();
  #connection = new AbortController();
  #sinceMs = 0;
  #error: BeffroiError | undefined = new UplinkError('broker-unreachable', 'not connected yet');

  constructor(needs: UplinkNeeds, options: UplinkOptions) {
    const { clock, log, random, store, clockTrust } = needs;
    const { site, software, ...broker } = options;
    this.#needs = needs;
    this.#kinds = new Map([
      [desiredConfigTopic(site), 'configuration'],
      [commandTopic(site), 'command'],
      [receiptTopic(site), 'receipt'],
    ]);
    const stamp = new Stamp({ clock, clockTrust }, { site, boot: store.boot });
    const inventory = new RetainedInventory(store.memory);
    const confirmation = () => store.outbox.confirmation;
    const presence = new Presence({ memory: store.memory, inventory, stamp, confirmation }, software);
    const client = new BrokerClient(
      { clock, log, random },
      {
        ...broker,
        clientId: site,
        will: (protocol) => presence.will(protocol),
        subscriptions: [...this.#kinds.keys()],
        maxDownBytes: MAX_DOWN_BYTES,
      },
    );
    const states = new RetainedStates({ clock, log, client, inventory });
    const times = new UntrustedTimes(store);
    this.reporter = new MqttReporter({ log, stamp, client, states, inventory, outbox: store.outbox, times });
    this.#drain = new OutboxDrain({ clock, log, random, client, outbox: store.outbox });
    this.#client = client;
    this.#presence = presence;
    this.#states = states;
  }

  /** Hands over configurations, commands and receipts, unverified. A cleared configuration (empty payload) is not an order. */
  onOrder(handler: OrderHandler): void {
    this.#client.onMessage((topic, payload, { retain }) => {
      const kind = this.#kinds.get(topic);
      if (kind && payload.length > 0) handler(kind, payload, retain);
    });
  }

  /** Tells of messages on the topics of orders that were above `MAX_DOWN_BYTES` and thrown away unread. */
  onLargeOrder(handler: LargeOrderHandler): void {
    this.#client.onOversize((topic, bytes, { retain }) => {
      const kind = this.#kinds.get(topic);
      if (kind) handler(kind, bytes, retain);
    });
  }

  /** Delivers by these rules from now on; the link state says what is in force. */
  deliver({ backlogPerS, ...rules }: Delivery): void {
    const { outbox } = this.#needs.store;
    const before = outbox.confirmation;
    outbox.rule(rules);
    this.#drain.backlogPerS = backlogPerS;
    if (this.#client.connected && before !== outbox.confirmation) this.#birth();
  }

  /** Begins to connect and returns: a box without link does its work all the same. */
  async start(signal: AbortSignal): Promise<void> {
    this.#sinceMs = this.#needs.clock.wallMs();
    this.#drain.watch();
    this.#client.listen({ up: () => this.#up(), down: (error) => this.#down(error) });
    await this.#client.start(signal);
    this.#telling = this.#tellBooks(AbortSignal.any([signal, this.#stopping.signal]));
  }

  /** Says `online: false`, then DISCONNECT; each bounded. What is not acknowledged stays in the outbox. */
  async stop(): Promise<void> {
    this.#drain.disconnected();
    this.#states.disconnected();
    if (this.#client.connected) await this.#farewell();
    await this.#client.stop();
    this.#connection.abort();
    this.#stopping.abort();
    await this.#telling;
    await this.#drain.ended;
  }

  /** Whether the link or the sending of events stands still by our own fault. */
  get stuck(): boolean {
    return this.#client.stuck || this.#drain.stuck;
  }

  status(): LinkStatus {
    return {
      connected: this.#client.connected,
      sinceMs: this.#sinceMs,
      cause: this.#error?.code ?? 'none',
      detail: this.#error?.message ?? '',
      session: this.#presence.session,
      outboxPending: this.#needs.store.outbox.pending(),
      confirmation: this.#needs.store.outbox.confirmation,
    };
  }

  #up(): void {
    this.#sinceMs = this.#needs.clock.wallMs();
    this.#error = undefined;
    this.#connection = new AbortController();
    this.#birth();
    this.#drain.connected();
    this.#states.connected();
  }

  #birth(): void {
    this.#presence
      .birth(this.#client, this.#connection.signal)
      .catch((err: unknown) => this.#needs.log.warn({ err }, 'presence was not taken by the broker'));
  }

  async #tellBooks(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.reporter.losses();
        this.reporter.corrections();
      } catch (err) {
        this.#needs.log.error({ err }, 'losses and corrections could not be told');
      }
      await this.#needs.clock.sleep(BOOKS_INTERVAL_MS, signal).catch(() => undefined);
    }
  }

  #down(error: BeffroiError): void {
    if (!this.#error) this.#sinceMs = this.#needs.clock.wallMs();
    this.#error = error;
    this.#connection.abort();
    this.#drain.disconnected();
    this.#states.disconnected();
  }

  async #farewell(): Promise<void> {
    const late = () => new UplinkError('broker-silent', 'no PUBACK for the farewell');
    await limited(this.#needs.clock, FAREWELL_TIMEOUT_MS, this.#connection.signal, late, (inner) =>
      this.#presence.farewell(this.#client, inner),
    ).catch((err: unknown) => this.#needs.log.debug({ err }, 'no farewell'));
  }
}
