import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Clock, ClockTrust } from '../../agent/base/clock.ts';
import { systemClock } from '../../agent/base/clock.ts';
import type { BeffroiError } from '../../agent/base/errors.ts';
import { createLog, type Log } from '../../agent/base/log.ts';
import { openStore, type SqliteStore } from '../../agent/store/open-store.ts';
import { BrokerClient, type BrokerClientOptions } from '../../agent/uplink/client.ts';
import type { SessionInfo } from '../../agent/uplink/link.ts';
import { type Delivery, Uplink, type UplinkOptions } from '../../agent/uplink/uplink.ts';
import { type ForeignMessage, Mosquitto, type MosquittoOptions } from '../support/mosquitto.ts';

export const SITE = '57463-mairie';
/** What is in force when a configuration says nothing. */
export const DELIVERY: Delivery = {
  confirm: 'broker',
  resendAfterMs: 60_000,
  liveWithinMs: 60_000,
  backlogPerS: 50,
  supervisionMs: 30_000,
  backupSupervisionMs: 180_000,
  category: 'none',
};
export const NEVER = new AbortController().signal;
const HOUR_MS = 3_600_000;

/** A log whose lines can be read. */
export function quietLog(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  return { log: createLog('debug', { write: (line) => lines.push(line) }), lines };
}

/** What happened, in order, and a way to wait for it. */
export class Happenings<T> {
  readonly all: T[] = [];
  readonly #looks = new Set<() => void>();

  push(item: T): void {
    this.all.push(item);
    for (const look of [...this.#looks]) look();
  }

  /** Resolves with the first item from index `from` on that fits, of those already here or still to come. */
  async next(fits: (item: T) => boolean, from = 0): Promise<T> {
    return await new Promise((resolve) => {
      const look = () => {
        const found = this.all.slice(from).find(fits);
        if (found === undefined) return;
        this.#looks.delete(look);
        resolve(found);
      };
      this.#looks.add(look);
      look();
    });
  }
}

type LinkEvent = { up: SessionInfo } | { down: BeffroiError };

export interface WatchedClient {
  readonly client: BrokerClient;
  readonly events: Happenings<LinkEvent>;
  readonly log: string[];
  /** The next `up` after this call. */
  up(): Promise<SessionInfo>;
  /** The next `down` after this call. */
  down(): Promise<BeffroiError>;
}

/** A client that is stopped at the end of the test. */
export function watchedClient(
  t: Test,
  options: Partial<BrokerClientOptions> & Pick<BrokerClientOptions, 'brokers'>,
  { clock = systemClock, random = Math.random }: { clock?: Clock; random?: () => number } = {},
): WatchedClient {
  const { log, lines } = quietLog();
  const client = new BrokerClient(
    { clock, log, random },
    { clientId: SITE, plainLoopback: true, subscriptions: [], ...options },
  );
  const events = new Happenings<LinkEvent>();
  client.listen({ up: (up) => events.push({ up }), down: (down) => events.push({ down }) });
  t.teardown(() => client.stop());
  return {
    client,
    events,
    log: lines,
    up: async () => {
      const event = await events.next((e) => 'up' in e, events.all.length);
      return (event as { up: SessionInfo }).up;
    },
    down: async () => {
      const event = await events.next((e) => 'down' in e, events.all.length);
      return (event as { down: BeffroiError }).down;
    },
  };
}

/** A Mosquitto that is ended at the end of the test. */
export async function broker(t: Test, options: MosquittoOptions = {}): Promise<Mosquitto> {
  const folder = await mkdtemp(join(tmpdir(), 'beffroi-mosquitto-'));
  const mosquitto = await Mosquitto.start(folder, options);
  t.teardown(async () => {
    await mosquitto.kill();
    await rm(folder, { recursive: true });
  });
  return mosquitto;
}

/** The real store in a folder. With the clock of the machine its events stay live, however slow the machine is. */
export function store(folder: string, clock: Clock = systemClock): SqliteStore {
  const { privateKey } = generateKeyPairSync('ed25519');
  const held = openStore(folder, {
    clock,
    clockTrust: () => 'synced',
    log: quietLog().log,
    sign: (bytes) => sign(null, bytes, privateKey),
  });
  if (clock === systemClock) held.outbox.rule({ ...DELIVERY, liveWithinMs: HOUR_MS });
  return held;
}

export function uplink(
  t: Test,
  held: SqliteStore,
  options: Partial<UplinkOptions> & Pick<UplinkOptions, 'brokers'>,
  clock: Clock = systemClock,
  clockTrust: () => ClockTrust = () => 'synced',
): Uplink {
  const made = new Uplink(
    { clock, log: quietLog().log, random: Math.random, store: held, clockTrust },
    { site: SITE, plainLoopback: true, software: '0.1.0', ...options },
  );
  t.teardown(() => made.stop());
  return made;
}

/** The flat JSON of a message. */
export function json(message: ForeignMessage): Record<string, unknown> {
  return JSON.parse(message.payload.toString()) as Record<string, unknown>;
}
