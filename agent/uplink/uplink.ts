import type { Clock, ClockTrust } from '../base/clock.ts';
import type { BeffroiError } from '../base/errors.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Log } from '../base/log.ts';
import type { Working } from '../base/pulse.ts';
import { type Confirmation, OUTBOX_CLASSES } from '../contract/delivery.ts';
import { MAX_DOWN_BYTES } from '../contract/envelope.ts';
import { faultFields } from '../contract/side.ts';
import { commandTopic, desiredConfigTopic, receiptTopic } from '../contract/topics.ts';
import type { PathInUse, PathName, PathState } from '../contract/transmission.ts';
import type { DeliveryRules, Store } from '../store/store.ts';
import { BrokerClient } from './client.ts';
import { OutboxDrain } from './drain.ts';
import { RetainedInventory } from './inventory.ts';
import type { Line } from './link.ts';
import { Path } from './path.ts';
import { PathBook } from './path-book.ts';
import { type PathRules, Paths } from './paths.ts';
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
  /** Also the beginning of the client id, so that the broker can bind it to the certificate. */
  readonly site: string;
  readonly brokers: readonly string[];
  /** On the back-up path; none when empty. */
  readonly backupBrokers?: readonly string[];
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
  /** Whether events can leave, on whichever path. */
  readonly connected: boolean;
  /** Unix ms of the last change of the path in use. */
  readonly sinceMs: number;
  /** Of the main path. */
  readonly cause: BeffroiError['code'] | 'none';
  readonly detail: string;
  readonly session: number;
  readonly path: PathInUse;
  readonly backup: PathState;
  readonly outboxPending: number;
  readonly confirmation: Confirmation;
}

/** The way on which orders come. */
interface ControlLink {
  readonly up: boolean;
  /** When a packet came on it last, monotonic ms; `-Infinity` when none has. */
  readonly heardMs: number;
}

/** How one path is now. */
export interface PathLine {
  readonly path: PathName;
  readonly state: PathState;
  /** Absent without a connection. */
  readonly line: Line | undefined;
  /** Of the broker's answers since this was asked last, ms. */
  readonly roundTripsMs: readonly number[];
}

/** How events are delivered. */
export interface Delivery extends DeliveryRules, PathRules {
  /** Events of the backlog per second. */
  readonly backlogPerS: number;
}

/** How often losses and corrections of times are told, at most. Source: guess. */
const BOOKS_INTERVAL_MS = 5_000;
/** How often the broker is asked for the round trip: two bytes. Source: guess. */
const PING_EVERY_MS = 5_000;
const DETAIL_MAX = 500;
/**
 * Of the time of the agent: a broker of the centre that floods shall not hold up panels, inputs and the other path. It comes
 * to some 47 %, since the work of a rest is paid back at this rate. Source: guess, above what a full backlog needs.
 */
const READING_SHARE = 0.9;
/** What serves the service alone waits for the main path. */
const BACKUP_CLASSES = OUTBOX_CLASSES.filter((of) => of !== 'service');

/**
 * The agent's link to the CSU. Every session starts clean: a resumed one would not replay the retained
 * configuration. So a command sent while the link is down is lost, on purpose: who sent it sees no `accepted`.
 * On the back-up path travel alarms, their receipts and the state of the link, nothing else.
 */
export class Uplink implements Service, Working {
  readonly name = 'uplink';
  readonly reporter: MqttReporter;
  readonly #needs: UplinkNeeds;
  readonly #clients: readonly BrokerClient[];
  readonly #paths: Paths;
  readonly #states: RetainedStates;
  readonly #drain: OutboxDrain;
  readonly #kinds: ReadonlyMap<string, OrderKind>;
  readonly #stopping = new AbortController();
  #telling: Promise<void> = Promise.resolve();

  constructor(needs: UplinkNeeds, options: UplinkOptions) {
    const { clock, log, random, store, clockTrust } = needs;
    const { site } = options;
    this.#needs = needs;
    this.#kinds = new Map([
      [desiredConfigTopic(site), 'configuration'],
      [commandTopic(site), 'command'],
      [receiptTopic(site), 'receipt'],
    ]);
    const stamp = new Stamp({ clock, clockTrust }, { site, boot: store.boot });
    const inventory = new RetainedInventory(store.memory);
    const path = (name: PathName, brokers: readonly string[]) =>
      this.#path(name, brokers, options, stamp, inventory);
    const main = path('main', options.brokers);
    const backup = options.backupBrokers?.length ? path('backup', options.backupBrokers) : undefined;
    const { client } = main;
    this.#clients = [client, ...(backup ? [backup.client] : [])];
    this.#states = new RetainedStates({ clock, log, client, inventory });
    const times = new UntrustedTimes(store);
    const { outbox } = store;
    this.reporter = new MqttReporter({ log, stamp, client, states: this.#states, inventory, outbox, times });
    this.#drain = new OutboxDrain({
      clock,
      log,
      random,
      outbox,
      tooLarge: (error) => this.#tellFault(error),
    });
    this.#paths = new Paths(
      {
        clock,
        book: new PathBook({ log, store, tell: (event) => this.reporter.event('path', 'collector', event) }),
        onChosen: (chosen) => this.#carryOn(chosen),
        onMain: (up) => (up ? this.#states.connected() : this.#states.disconnected()),
      },
      main,
      backup,
    );
  }

  /** Hands over configurations, commands and receipts, unverified. A cleared configuration (empty payload) is not an order. */
  onOrder(handler: OrderHandler): void {
    for (const client of this.#clients)
      client.onMessage((topic, payload, { retain }) => {
        const kind = this.#kinds.get(topic);
        if (kind && payload.length > 0) handler(kind, payload, retain);
      });
  }

  /** Tells of messages on the topics of orders that were above `MAX_DOWN_BYTES` and thrown away unread. */
  onLargeOrder(handler: LargeOrderHandler): void {
    for (const client of this.#clients)
      client.onOversize((topic, bytes, { retain }) => {
        const kind = this.#kinds.get(topic);
        if (kind) handler(kind, bytes, retain);
      });
  }

  /** Delivers by these rules from now on; the link state says what is in force. */
  deliver({ backlogPerS, ...rules }: Delivery): void {
    this.#needs.store.outbox.rule(rules);
    this.#drain.backlogPerS = backlogPerS;
    this.#paths.rule(rules);
    this.#paths.tellLinks();
  }

  /** Begins to connect and returns: a box without link does its work all the same. */
  async start(signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, this.#stopping.signal]);
    this.#drain.watch();
    await this.#paths.start(ended);
    this.#telling = this.#tellBooks(ended);
  }

  /** Says `online: false`, then DISCONNECT; each bounded. What is not acknowledged stays in the outbox. */
  async stop(): Promise<void> {
    this.#drain.disconnected();
    this.#states.disconnected();
    await this.#paths.stop();
    this.#stopping.abort();
    await this.#telling;
    await this.#drain.ended;
  }

  /** The paths that the box file names; asking takes the round trips away. */
  takeLines(): PathLine[] {
    return this.#clients.map((client, index) => {
      const path = index === 0 ? 'main' : 'backup';
      const { line } = client;
      return { path, line, state: this.#paths.stateOf(path), roundTripsMs: client.takeRoundTrips() };
    });
  }

  /** The main path, on which orders come: the back-up brings none, so that nobody could close anything over it. */
  get control(): ControlLink {
    const [main] = this.#clients;
    return {
      up: this.#paths.stateOf('main') === 'up',
      heardMs: main?.heardMs ?? Number.NEGATIVE_INFINITY,
    };
  }

  /** Asks the broker of the main path at least this often from now on. */
  watchControl(everyMs: number): void {
    this.#clients[0]?.pingAtLeastEvery(everyMs);
  }

  /** Whether the link or the sending of events stands still by our own fault. */
  get stuck(): boolean {
    return this.#clients.some(({ stuck }) => stuck) || this.#drain.stuck;
  }

  status(): LinkStatus {
    const { inUse, sinceMs, main } = this.#paths;
    return {
      connected: inUse !== 'none',
      sinceMs,
      cause: main.error?.code ?? 'none',
      detail: main.error?.message ?? '',
      session: main.session,
      path: inUse,
      backup: this.#paths.stateOf('backup'),
      outboxPending: this.#needs.store.outbox.pending(),
      confirmation: this.#needs.store.outbox.confirmation,
    };
  }

  #path(
    name: PathName,
    brokers: readonly string[],
    { site, software, tls, plainLoopback }: UplinkOptions,
    stamp: Stamp,
    inventory: RetainedInventory,
  ): Path {
    const { clock, log, random, store } = this.#needs;
    const facts = () => ({ confirmation: store.outbox.confirmation, ...this.#paths.factsOf(name) });
    const presence = new Presence({ memory: store.memory, inventory, stamp, facts }, software);
    const client = new BrokerClient(
      { clock, log, random },
      {
        brokers,
        plainLoopback,
        ...(tls ? { tls } : {}),
        clockBelieved: () => this.#needs.clockTrust() !== 'untrusted',
        // Both paths may lead to the same broker.
        clientId: name === 'main' ? site : `${site}-backup`,
        will: (protocol) => presence.will(protocol),
        subscriptions: name === 'main' ? [...this.#kinds.keys()] : [receiptTopic(site)],
        maxDownBytes: MAX_DOWN_BYTES,
        readingShare: READING_SHARE,
        // What the back-up carries may cost: there the keep-alive is often enough.
        pingEveryMs: name === 'main' ? PING_EVERY_MS : Number.POSITIVE_INFINITY,
      },
    );
    return new Path(name, { clock, log, client, presence });
  }

  #carryOn(path: Path | undefined): void {
    this.#drain.disconnected();
    if (!path) return;
    const classes = path.name === 'main' ? OUTBOX_CLASSES : BACKUP_CLASSES;
    this.#drain.connected({ client: path.client, classes });
  }

  #tellFault({ code, message }: BeffroiError): void {
    const detail = message.slice(0, DETAIL_MAX);
    this.reporter.event('fault', 'collector', { ...faultFields(code), detail });
  }

  async #tellBooks(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for (const client of this.#clients) client.judgeAnew();
        this.reporter.losses();
        this.reporter.corrections();
      } catch (err) {
        this.#needs.log.error({ err }, 'losses and corrections could not be told');
      }
      await this.#needs.clock.sleep(BOOKS_INTERVAL_MS, signal).catch(() => undefined);
    }
  }
}
