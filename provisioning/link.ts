import { randomBytes } from 'node:crypto';
import { systemClock } from '../agent/base/clock.ts';
import { UplinkError } from '../agent/base/errors.ts';
import { limited } from '../agent/base/limit.ts';
import { createLog, type Log } from '../agent/base/log.ts';
import { BrokerClient } from '../agent/uplink/client.ts';

/** Largest message of a box that the CSU's side takes, in bytes: a fragment with a key frame. Source: guess. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 15_000;

/** Who connects: a user of the broker, with the files of its certificate. */
export interface BrokerIdentity {
  readonly user: string;
  readonly authorities: string;
  readonly certificate: string;
  readonly key: string;
}

export interface LinkOptions {
  /** `mqtts://host[:port]`; `mqtt://` to a loopback address. */
  readonly broker: string;
  readonly subscriptions: readonly string[];
  readonly onMessage: (topic: string, payload: Buffer, retain: boolean) => void;
}

/**
 * Connects to the broker, runs `work` and disconnects.
 * @throws UplinkError when the first connection fails; ConfigurationError for a wrong address or unusable files
 */
export async function withBroker<T>(
  who: BrokerIdentity,
  options: LinkOptions,
  signal: AbortSignal,
  work: (client: BrokerClient) => Promise<T>,
): Promise<T> {
  const { broker, subscriptions } = options;
  const log = createLog('error', process.stderr);
  const client = createClient(who, { broker, subscriptions, maxBytes: MAX_MESSAGE_BYTES, log });
  client.onMessage((topic, payload, { retain }) => options.onMessage(topic, payload, retain));
  const connected = firstConnection(client);
  await client.start(signal);
  try {
    const late = () => new UplinkError('broker-silent', `${options.broker}: no connection in time`);
    await limited(systemClock, CONNECT_TIMEOUT_MS, signal, late, () => connected);
    return await work(client);
  } finally {
    await client.stop();
  }
}

interface ClientOptions {
  readonly broker: string;
  readonly subscriptions: readonly string[];
  /** Largest message that is taken. */
  readonly maxBytes: number;
  readonly log: Log;
}

/** A client of the broker, not yet started. */
export function createClient(
  { user, ...tls }: BrokerIdentity,
  { broker, subscriptions, maxBytes, log }: ClientOptions,
): BrokerClient {
  return new BrokerClient(
    { clock: systemClock, log, random: Math.random },
    {
      brokers: [broker],
      plainLoopback: true,
      clientId: `${user}-${randomBytes(6).toString('hex')}`,
      tls,
      subscriptions,
      maxDownBytes: maxBytes,
    },
  );
}

async function firstConnection(client: BrokerClient): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  client.listen({ up: () => resolve(), down: reject });
  promise.catch(() => undefined);
  await promise;
}
