import type { Clock, ClockTrust } from '../../base/clock.ts';
import {
  asBeffroiError,
  ConfigurationError,
  DeviceError,
  InternalError,
  systemCode,
} from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { type Backoff, retryLoop } from '../../base/retry.ts';
import type { Reporter } from '../../contract/reporter.ts';
import type { Store } from '../../store/store.ts';
import type { OpenedPanel, PanelPoint } from '../ports.ts';
import type { AlarmSource, SourceListener } from '../source.ts';
import { Account } from './account.ts';
import { Complaints } from './complaints.ts';
import { Desk } from './desk.ts';
import { Pace } from './pace.ts';
import { type ListenerNeeds, TcpListener } from './tcp.ts';
import { UdpListener } from './udp.ts';

export interface PanelSourceNeeds {
  readonly clock: Clock;
  readonly clockTrust: () => ClockTrust;
  readonly random: () => number;
  readonly log: Log;
  readonly reporter: Reporter;
  readonly store: Store;
}

export interface PanelSourceOptions {
  readonly panel: OpenedPanel;
  readonly points: readonly PanelPoint[];
}

/** How often silence is looked at. */
const TICK_MS = 1_000;
/** Between two tries to open the port. Source: guess. */
const AGAIN: Backoff = { firstMs: 1_000, factor: 2, capMs: 30_000, jitter: 0.2 };
const STABLE_MS = 60_000;
/** A connection that says nothing is kept at least and at most for this long. Source: guess. */
const IDLE_MIN_MS = 300_000;
const IDLE_MAX_MS = 86_400_000;

/**
 * The receiver of one panel, or of several that share a port. A panel keeps what was not acknowledged and sends it when it
 * is back, and it repeats no states: what it said last is shown as old as it is, until it speaks of the zone again.
 */
export class PanelSource implements AlarmSource {
  readonly #needs: PanelSourceNeeds;
  readonly #panel: OpenedPanel;
  readonly #listener: SourceListener;
  readonly #accounts: ReadonlyMap<string, Account>;
  readonly #desk: Desk;
  readonly #abort = new AbortController();
  #ended: Promise<void> = Promise.resolve();
  #listening = false;

  constructor(needs: PanelSourceNeeds, { panel, points }: PanelSourceOptions, listener: SourceListener) {
    this.#needs = needs;
    this.#panel = panel;
    this.#listener = listener;
    this.#accounts = new Map(
      panel.accounts.map((account) => {
        const own = points.filter((point) => point.account === account.account);
        const zones = own.filter((point) => point.kind === 'panel-zone');
        const silences = own.filter((point) => point.kind === 'panel-silence');
        const options = { panel: panel.id, account, zones, silences };
        return [account.account, new Account(needs, options, listener)];
      }),
    );
    const complaints = new Complaints(needs, panel.id);
    const { pastS, futureS } = panel.timeWindow;
    this.#desk = new Desk(
      { clock: needs.clock, clockTrust: needs.clockTrust, store: needs.store, complaints },
      { panel: panel.id, pastS, futureS, accounts: this.#accounts },
    );
  }

  start(): void {
    const { clock, random } = this.#needs;
    const { signal } = this.#abort;
    const onFailure = (error: unknown) => this.#listener.failed(this.#described(error));
    const policy = { neverUp: AGAIN, wasUp: AGAIN, stableMs: STABLE_MS };
    const receiving = retryLoop(
      { clock, random, onFailure },
      policy,
      (up, inner) => this.#runOnce(up, inner),
      signal,
    );
    this.#ended = Promise.all([receiving, this.#supervise(signal)]).then(() => undefined);
  }

  async stop(): Promise<void> {
    if (this.#abort.signal.aborted) return await this.#ended;
    this.#abort.abort();
    await this.#ended;
    for (const account of this.#accounts.values()) account.end();
  }

  async #runOnce(up: () => void, signal: AbortSignal): Promise<void> {
    const { host, port, tcp, udp } = this.#panel.listen;
    const { clock } = this.#needs;
    const take = (bytes: Buffer, from: string) => this.#take(bytes, from);
    const isKnown = (address: string) => [...this.#accounts.values()].some((one) => one.knows(address));
    const standingOf = (bytes: Buffer) => this.#desk.standingOf(bytes);
    const pace = new Pace({ clock, isKnown });
    const needs: ListenerNeeds = { clock, pace, take, standingOf, isKnown, idleMs: this.#idleMs };
    const listeners = [
      ...(tcp ? [new TcpListener(needs)] : []),
      ...(udp ? [new UdpListener(needs, host)] : []),
    ];
    try {
      const ends: Promise<unknown>[] = [];
      for (const listener of listeners) ends.push((await listener.open(host, port, signal)).ended);
      this.#opened(up);
      await Promise.race(ends);
    } finally {
      this.#listening = false;
      await Promise.all(listeners.map((listener) => listener.close()));
      if (!signal.aborted) this.#listener.lost();
    }
  }

  /** A panel may keep its connection from one supervision message to the next. */
  get #idleMs(): number {
    const longestS = Math.max(...this.#panel.accounts.map(({ supervisionS }) => supervisionS));
    return Math.min(Math.max(longestS * 1000, IDLE_MIN_MS), IDLE_MAX_MS);
  }

  #opened(up: () => void): void {
    this.#listening = true;
    for (const account of this.#accounts.values()) account.begin();
    const { id, listen } = this.#panel;
    this.#needs.log.info({ panel: id, host: listen.host, port: listen.port }, 'listening for alarm panels');
    up();
    this.#judge();
  }

  /** Whatever fails inside, the panel hears nothing and comes again. */
  #take(bytes: Buffer, from: string): Buffer | undefined {
    try {
      const answer = this.#desk.take(bytes, from);
      this.#judge();
      return answer;
    } catch (err) {
      this.#needs.log.error({ panel: this.#panel.id, err }, 'message of a panel could not be kept');
      return undefined;
    }
  }

  async #supervise(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#listening) this.#look();
      await this.#needs.clock.sleep(TICK_MS, signal).catch(() => undefined);
    }
  }

  /** What the store refuses is looked at again at the next look. */
  #look(): void {
    try {
      for (const account of this.#accounts.values()) account.evaluate();
      this.#judge();
    } catch (err) {
      this.#needs.log.error({ panel: this.#panel.id, err }, 'silence of a panel could not be kept');
    }
  }

  /** A silent account without a point of its own that says so is a failure of the source. */
  #judge(): void {
    const silent = [...this.#accounts.values()].filter((account) => account.silent && !account.supervised);
    if (silent.length === 0) this.#listener.works();
    else {
      const names = silent.map(({ id }) => id).join(', ');
      const words = `${this.#panel.id}: nothing came from account ${names} within its supervision time`;
      this.#listener.failed(new DeviceError('panel-silent', words));
    }
  }

  #described(error: unknown): Error {
    const code = systemCode(error);
    const { id, listen } = this.#panel;
    if (error === undefined) return new InternalError('internal', `${id}: the port closed by itself`);
    if (!code?.startsWith('E')) return asBeffroiError(error);
    const words = `${id}: cannot listen on ${listen.host} port ${listen.port}: ${code}`;
    return new ConfigurationError('panel-port-unavailable', words, { cause: error });
  }
}
