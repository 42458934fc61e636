import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { asBeffroiError, type BeffroiError, DeviceError, PeerProtocolError } from '../base/errors.ts';
import { limited } from '../base/limit.ts';
import type { BrokerAddress } from './address.ts';
import { Link, LoginRefusedError, mayBeVersion, type Protocol, type SessionOptions } from './link.ts';
import { readPublish } from './publish-packet.ts';

/** A broker of a building, whose messages the box hears and which hears nothing of the box. */
export interface LocalBroker {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** Plain when left out. */
  readonly tls?: { readonly authorities: string; readonly serverName?: string | undefined } | undefined;
  readonly credentials?: { readonly user: string; readonly password: string } | undefined;
  /** Longer messages are thrown away. */
  readonly maxPayloadBytes: number;
}

export interface LocalHandler {
  /**
   * Every topic that is not refused is heard from now on.
   * @param leave unsubscribes from one of them; resolves when nothing of it comes any more, and ends the connection when
   *   the broker does not say so in time
   */
  readonly subscribed: (refused: readonly string[], leave: (topic: string) => Promise<void>) => void;
  /**
   * @param retained whether the broker kept it: nobody knows how old it is
   * @returns whether it was acted upon, which happens at a bounded pace
   */
  readonly message: (topic: string, payload: Buffer, retained: boolean) => boolean;
  readonly tooLarge: (topic: string, bytes: number) => void;
}

/** Source of all three: guess; a broker of the building is near. */
const CONNECT_TIMEOUT_MS = 5_000;
const SUBSCRIBE_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_S = 5;
/** Of the time of the agent: a broker that floods shall not make the alarms of others late. Source: guess. */
const READING_SHARE = 0.2;
/** Of a connection that a topic has for itself; there are few. Source: guess. */
const READING_SHARE_OWN = 0.05;

/** What one connection hears, and as whom. */
export interface LocalHearing {
  /** The same for each connection, so that a dead connection makes way for the next one. */
  readonly clientId: string;
  readonly topics: readonly string[];
  /** A connection that its topic has for itself, beside the common one. */
  readonly own?: boolean;
}

/**
 * Hears these topics and no others, until the connection ends. Nothing is ever published, there is no last will, and
 * nothing of the session stays at the broker.
 * @throws DeviceError `equipment-…`, PeerProtocolError `equipment-protocol`; the reason of the signal
 */
export async function listenToBroker(
  clock: Clock,
  broker: LocalBroker,
  hearing: LocalHearing,
  handler: LocalHandler,
  signal: AbortSignal,
): Promise<void> {
  const run = (protocol: Protocol, accepted: () => void) =>
    runOnce(clock, broker, protocol, hearing, { ...handler, accepted }, signal);
  let isNew = false;
  const accepted = () => {
    isNew = true;
  };
  try {
    await run('mqtt5', accepted).catch((thrown: unknown) => {
      if (isNew || !mayBeVersion(thrown)) throw thrown;
      return run('mqtt311', accepted);
    });
  } catch (thrown) {
    signal.throwIfAborted();
    throw localError(broker, thrown);
  }
}

/**
 * Another one for each connection to a broker. At most 23 characters, which every server takes (MQTT 3.1.1 §3.1.3.1).
 * @param heard the common connection when left out
 */
export function localClientId(
  site: string,
  broker: string,
  { topics, own }: Omit<LocalHearing, 'clientId'> = { topics: [] },
): string {
  const place = [site, broker, ...(own ? topics : [])].join('/');
  const digest = createHash('sha256').update(place).digest('hex');
  return `beffroi-${digest.slice(0, 12)}`;
}

async function runOnce(
  clock: Clock,
  broker: LocalBroker,
  protocol: Protocol,
  hearing: LocalHearing,
  handler: LocalHandler & { readonly accepted: () => void },
  signal: AbortSignal,
): Promise<void> {
  let raised: BeffroiError | undefined;
  const events = {
    // Those with QoS 0 are published below: what comes here costs an answer that nobody has asked for.
    message: () => {
      const what = 'expected messages with QoS 0, as subscribed [MQTT 5 §3.8.4], came one with more';
      raised ??= new PeerProtocolError('equipment-protocol', `${place(broker)}: ${what}`);
      link.destroy();
    },
    oversize: ({ topic, bytes }: { topic: string; bytes: number }) => handler.tooLarge(topic, bytes),
    publish: (first: number, body: Buffer) => {
      const { topic, payload, retain } = readPublish(first, body, protocol);
      if (take(broker, handler, topic, payload, retain)) link.stream.freeReading();
    },
  };
  const link = await Link.open(
    clock,
    addressOf(broker),
    protocol,
    optionsOf(broker, hearing),
    events,
    signal,
  );
  const cut = () => link.destroy();
  signal.addEventListener('abort', cut, { once: true });
  try {
    const late = (what: string, ms: number) => () =>
      new DeviceError('equipment-silent', `${place(broker)}: no ${what} within ${ms} ms`);
    await limited(clock, CONNECT_TIMEOUT_MS, signal, late('CONNACK', CONNECT_TIMEOUT_MS), (inner) =>
      link.accepted(inner),
    );
    handler.accepted();
    const refused = await limited(
      clock,
      SUBSCRIBE_TIMEOUT_MS,
      signal,
      late('SUBACK', SUBSCRIBE_TIMEOUT_MS),
      (inner) => link.subscribeEach(hearing.topics, inner),
    );
    handler.subscribed(refused, (topic) =>
      leaving(clock, link, topic, late('UNSUBACK', SUBSCRIBE_TIMEOUT_MS)(), signal).catch((thrown) => {
        if (thrown instanceof DeviceError) raised ??= thrown;
        link.destroy();
        throw thrown;
      }),
    );
    const closed = await link.closed;
    throw raised ?? closed;
  } finally {
    signal.removeEventListener('abort', cut);
    link.destroy();
  }
}

/**
 * An answer that waits behind what is not read yet is waited for, as that to a PING is.
 * @throws `silent`
 */
async function leaving(
  clock: Clock,
  link: Link,
  topic: string,
  silent: DeviceError,
  signal: AbortSignal,
): Promise<void> {
  const left = link.unsubscribe(topic);
  left.catch(() => undefined);
  const late = () => silent;
  for (;;) {
    try {
      return await limited(clock, SUBSCRIBE_TIMEOUT_MS, signal, late, () => left);
    } catch (thrown) {
      if (thrown !== silent || !link.stream.isBehind) throw thrown;
    }
  }
}

function take(
  { maxPayloadBytes }: LocalBroker,
  handler: LocalHandler,
  topic: string,
  payload: Buffer,
  retain: boolean,
): boolean {
  if (payload.length <= maxPayloadBytes) return handler.message(topic, payload, retain);
  handler.tooLarge(topic, payload.length);
  return false;
}

function addressOf({ host, port, tls }: LocalBroker): BrokerAddress {
  const secure = tls !== undefined;
  return { label: `${secure ? 'mqtts' : 'mqtt'}://${host}:${port}`, host, port, secure };
}

function optionsOf(
  { tls, credentials, maxPayloadBytes }: LocalBroker,
  { clientId, own = false }: LocalHearing,
): SessionOptions {
  return {
    clientId,
    ...(tls ? { tls: { trusted: tls.authorities, serverName: tls.serverName } } : {}),
    ...(credentials ? { login: credentials } : {}),
    subscriptions: [],
    maxInflight: 1,
    keepAliveS: KEEP_ALIVE_S,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    ackTimeoutMs: CONNECT_TIMEOUT_MS,
    maxDownBytes: maxPayloadBytes,
    readingShare: own ? READING_SHARE_OWN : READING_SHARE,
    highWaterBytes: 0,
    pingEveryMs: 0,
  };
}

function place({ id, host, port }: LocalBroker): string {
  return `${id} at ${host}:${port}`;
}

const CODES = {
  'broker-unreachable': 'equipment-unreachable',
  'broker-silent': 'equipment-silent',
  'broker-refused': 'equipment-refused',
  'broker-tls-refused': 'equipment-tls-refused',
  'broker-closed': 'equipment-closed',
} as const;

/** The same failure in the words of what stands in the building: it is not the backbone that is at fault. */
function localError(broker: LocalBroker, thrown: unknown): BeffroiError {
  const error = asBeffroiError(thrown);
  const message = `${broker.id}: ${error.message}`;
  if (thrown instanceof LoginRefusedError)
    return new DeviceError('equipment-login-refused', message, { cause: thrown });
  if (error.code === 'broker-protocol')
    return new PeerProtocolError('equipment-protocol', message, { cause: thrown });
  if (error instanceof PeerProtocolError || error.fault === 'device') return error;
  if (error.code === 'broker-unreachable' && message.endsWith('ECONNREFUSED'))
    return new DeviceError('equipment-port-closed', message, { cause: thrown });
  const code = CODES[error.code as keyof typeof CODES];
  return code ? new DeviceError(code, message, { cause: thrown }) : error;
}
