import './native-streams.ts'; // first
import { type IClientOptions, MqttClient } from 'mqtt';
import { writeToStream } from 'mqtt-packet';
import type { Clock } from '../base/clock.ts';
import { asBeffroiError, type BeffroiError, UplinkError } from '../base/errors.ts';
import { orAborted } from '../base/limit.ts';
import { quoted } from '../base/text.ts';
import type { BrokerAddress } from './address.ts';
import type { OversizePacket } from './frame-guard.ts';
import { GuardedStream } from './guarded-stream.ts';
import { RoundTrips } from './round-trips.ts';
import { type BrokerSocket, openSocket, type TlsFiles, type TlsTrust } from './socket.ts';

/** Else the package keeps a buffer for each of the 65,536 numbers of two bytes: 8 MB, which the collector goes through. */
writeToStream.cacheNumbers = false;

const PINGREQ = Buffer.from([0xc0, 0x00]);

export type Protocol = 'mqtt5' | 'mqtt311';

/** The last will of one connection. */
export interface Will {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

/** What a session is made with. */
export interface SessionOptions {
  /** With a certificate of our own, what its key makes of it is added. */
  readonly clientId: string;
  readonly tls?: TlsFiles | TlsTrust;
  /** Whether the clock can be believed; when left out, it can. */
  readonly clockBelieved?: () => boolean;
  readonly login?: { readonly user: string; readonly password: string } | undefined;
  /** Built for every connection, so that it can carry a session number. */
  readonly will?: (protocol: Protocol) => Will;
  /** Topic filters, QoS 1. */
  readonly subscriptions: readonly string[];
  /** Most QoS 1 messages without acknowledgement; the server may ask for less. */
  readonly maxInflight: number;
  readonly keepAliveS: number;
  /** For TCP, TLS, CONNACK and SUBACK each. */
  readonly connectTimeoutMs: number;
  /** A message without PUBACK for this long ends the session as silent, unless it may wait behind what is not read. */
  readonly ackTimeoutMs: number;
  /** Largest message taken on a subscribed topic, in bytes. */
  readonly maxDownBytes: number;
  /** Largest share of the time that reading may take; any when left out. */
  readonly readingShare?: number;
  /** Most bytes that may wait in the connection before `publishNow` refuses. */
  readonly highWaterBytes: number;
  /** The round trip to the broker is measured at least this often, or at each keep-alive if that is shorter; 0: never. */
  readonly pingEveryMs: number;
}

/** What the connection of now carries. */
export interface Line {
  /** Of this end. */
  readonly localPort: number;
  /** Since it was made: taken by the kernel. */
  readonly takenBytes: number;
  /** Handed over and not taken. */
  readonly waitingBytes: number;
}

export interface SessionInfo {
  readonly broker: string;
  readonly protocol: Protocol;
  /** Most QoS 1 messages in flight, agreed with the server. */
  readonly inflight: number;
  /** Largest packet that the server takes, in bytes. */
  readonly maximumPacketBytes: number;
}

export interface SessionEvents {
  /** A packet came from the broker, of whatever kind. */
  readonly heard?: () => void;
  readonly message: (topic: string, payload: Buffer, retain: boolean) => void;
  readonly oversize: (packet: OversizePacket) => void;
  /** Takes messages with QoS 0 before mqtt.js does, at a tenth of its cost. */
  readonly publish?: (first: number, body: Buffer) => void;
}

/** CONNACK said that the server does not speak this version of the protocol. */
class WrongVersionError extends UplinkError {}

/** CONNACK said that user and password are wrong, or that this user may not connect. */
export class LoginRefusedError extends UplinkError {}

/**
 * Messages up to this size are received, thrown away and reported when they are above `maxDownBytes`; the server
 * drops larger ones without a word [MQTT-3.1.2-25]. Source: guess.
 */
const MAX_ANNOUNCED_BYTES = 32 * 1024 * 1024;
/** Topic and properties beside the payload of a PUBLISH. Source: guess. */
const HEAD_ALLOWANCE_BYTES = 4096;
const PACKET_LIMIT_BYTES = 268_435_455;
/** CONNACK: unacceptable protocol version (3.1.1 §3.2.2.3) and unsupported protocol version (5 §3.2.2.2). */
const VERSION_REFUSED = [0x01, 0x84];
/** CONNACK: bad user name or password, not authorised (3.1.1 §3.2.2.3; 5 §3.2.2.2). */
const LOGIN_REFUSED = [0x04, 0x05, 0x86, 0x87];

/** Waits for a PINGRESP for as long as it is we who do not read: what was sent before it comes first. */
class PatientClient extends MqttClient {
  readonly #stream: GuardedStream;

  constructor(stream: GuardedStream, options: IClientOptions) {
    super(() => stream, options);
    this.#stream = stream;
  }

  override onKeepaliveTimeout(): void {
    if (!this.#stream.isBehind) {
      super.onKeepaliveTimeout();
      return;
    }
    this.sendPing();
    this.keepaliveManager?.reschedule();
  }
}

/** Socket, stream and mqtt.js client of one connection. */
export class Link {
  readonly stream: GuardedStream;
  /** Ends the connection, and with it what the kernel has not sent. */
  readonly reset: () => void;
  readonly mqtt: MqttClient;
  readonly closed: Promise<BeffroiError>;
  readonly roundTrips: RoundTrips;
  readonly #address: BrokerAddress;
  readonly #protocol: Protocol;
  readonly #connack: Promise<SessionInfo>;

  private constructor(
    clock: Clock,
    stream: GuardedStream,
    { explain, reset }: Omit<BrokerSocket, 'socket' | 'ownName'>,
    address: BrokerAddress,
    protocol: Protocol,
    options: SessionOptions,
    events: SessionEvents,
  ) {
    this.stream = stream;
    this.reset = reset;
    this.roundTrips = new RoundTrips(clock);
    this.#address = address;
    this.#protocol = protocol;
    let fault: BeffroiError | undefined;
    stream.on('error', (error) => {
      fault ??= explain(error);
    });
    this.mqtt = new PatientClient(stream, mqttOptions(protocol, options));
    this.mqtt.on('error', (error) => {
      fault ??= protocolError(address, error);
    });
    this.mqtt.on('disconnect', (packet) => {
      fault ??= new UplinkError('broker-closed', `${address.label}: DISCONNECT ${reason(packet.reasonCode)}`);
      stream.destroy();
    });
    this.mqtt.on('packetsend', ({ cmd }) => cmd === 'pingreq' && this.roundTrips.asked());
    this.mqtt.on('packetreceive', ({ cmd }) => {
      if (cmd === 'pingresp') this.roundTrips.answered();
      events.heard?.();
    });
    this.mqtt.on('message', (topic, payload, packet) => events.message(topic, payload, packet.retain));
    this.closed = new Promise((resolve) => {
      stream.on('close', () => {
        this.mqtt.end(true);
        const when = stream.begun ? '' : ' before CONNACK';
        resolve(fault ?? new UplinkError('broker-closed', `${address.label}: connection closed${when}`));
      });
    });
    this.#connack = this.#awaitConnack(options);
    this.#connack.catch(() => undefined);
  }

  static async open(
    clock: Clock,
    address: BrokerAddress,
    protocol: Protocol,
    options: SessionOptions,
    events: SessionEvents,
    signal: AbortSignal,
  ): Promise<Link> {
    const { socket, ownName, ...ways } = await openSocket(
      clock,
      address,
      {
        tls: options.tls,
        timeoutMs: options.connectTimeoutMs,
        clockBelieved: options.clockBelieved?.() ?? true,
      },
      signal,
    );
    const stream = new GuardedStream(clock, socket, {
      label: address.label,
      maxBytes: options.maxDownBytes + HEAD_ALLOWANCE_BYTES,
      onOversize: events.oversize,
      onPublish: events.publish,
      readingShare: options.readingShare,
    });
    const clientId = ownName(options.clientId);
    return new Link(clock, stream, ways, address, protocol, { ...options, clientId }, events);
  }

  async accepted(signal: AbortSignal): Promise<SessionInfo> {
    return await orAborted(this.#connack, signal);
  }

  async subscribe(filters: readonly string[], signal: AbortSignal): Promise<void> {
    if (filters.length === 0) return;
    // Retain as published, so that a retained command is recognised also when it comes live (MQTT 5 §3.8.3.1).
    const retainAsPublished = this.#protocol === 'mqtt5' ? { rap: true } : {};
    const granted = this.mqtt.subscribeAsync([...filters], { qos: 1, ...retainAsPublished });
    try {
      await orAborted(Promise.race([granted, this.#lost()]), signal);
    } catch (thrown) {
      if (thrown instanceof UplinkError) throw thrown;
      throw new UplinkError(
        'broker-refused',
        `${this.#address.label}: refused to subscribe ${filters.join(', ')}`,
        {
          cause: thrown,
        },
      );
    }
  }

  /** Subscribes with QoS 0, each topic by itself. @returns those that the server refuses */
  async subscribeEach(topics: readonly string[], signal: AbortSignal): Promise<string[]> {
    const refusals = topics.map((topic) =>
      this.mqtt.subscribeAsync(topic, { qos: 0 }).then(
        () => [],
        () => [topic],
      ),
    );
    const all = await orAborted(Promise.race([Promise.all(refusals), this.#lost()]), signal);
    return all.flat();
  }

  /** Resolves when the server has said that nothing of this topic comes any more. @throws why the connection has ended */
  async unsubscribe(topic: string): Promise<void> {
    await Promise.race([this.mqtt.unsubscribeAsync(topic), this.#lost()]);
  }

  /** Asks the broker whether it is there, beside the keep-alive of the package: its watch for a lost path is not put off. */
  ping(): void {
    this.roundTrips.asked();
    this.stream.write(PINGREQ);
  }

  destroy(): void {
    this.stream.destroy();
  }

  async #lost(): Promise<never> {
    throw await this.closed;
  }

  async #awaitConnack(options: SessionOptions): Promise<SessionInfo> {
    const { promise, resolve } = Promise.withResolvers<SessionInfo>();
    this.mqtt.once('connect', (packet) => {
      const server = packet.properties ?? {};
      // To ask more often than the server wants is allowed; less often would miss a dead path.
      if ((server.serverKeepAlive ?? 0) > options.keepAliveS)
        this.mqtt.keepaliveManager?.setKeepalive(options.keepAliveS);
      resolve({
        broker: this.#address.label,
        protocol: this.#protocol,
        inflight: Math.min(options.maxInflight, server.receiveMaximum ?? options.maxInflight),
        maximumPacketBytes: server.maximumPacketSize ?? PACKET_LIMIT_BYTES,
      });
    });
    return await Promise.race([promise, this.#lost()]);
  }
}

function mqttOptions(protocol: Protocol, options: SessionOptions): IClientOptions {
  const will = options.will?.(protocol);
  return {
    clientId: options.clientId,
    protocolVersion: protocol === 'mqtt5' ? 5 : 4,
    clean: true,
    keepalive: options.keepAliveS,
    connectTimeout: options.connectTimeoutMs * 2,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    timerVariant: 'native',
    ...(protocol === 'mqtt5' ? { properties: { maximumPacketSize: MAX_ANNOUNCED_BYTES } } : {}),
    ...(options.login ? { username: options.login.user, password: options.login.password } : {}),
    ...(will ? { will: { ...will, payload: Buffer.from(will.payload), qos: 1 } } : {}),
  };
}

function protocolError(address: BrokerAddress, error: Error): UplinkError {
  const code = reasonCode(error);
  const message = `${address.label}: ${quoted(error.message)}`;
  if (error.message === 'Keepalive timeout') {
    return new UplinkError('broker-silent', `${address.label}: no PINGRESP within the keep-alive`);
  }
  if (!error.message.startsWith('Connection refused')) {
    return new UplinkError('broker-protocol', `expected MQTT from ${message}`, { cause: error });
  }
  const refused = `${address.label}: CONNACK ${reason(code)}: ${quoted(error.message)}`;
  if (VERSION_REFUSED.includes(code ?? 0)) return new WrongVersionError('broker-refused', refused);
  if (LOGIN_REFUSED.includes(code ?? 0)) return new LoginRefusedError('broker-refused', refused);
  return new UplinkError('broker-refused', refused);
}

/** An old broker says so in CONNACK, closes on what it does not understand, or answers in its own version. */
export function mayBeVersion(thrown: unknown): boolean {
  const { code } = asBeffroiError(thrown);
  return thrown instanceof WrongVersionError || code === 'broker-closed' || code === 'broker-protocol';
}

export function reasonCode(error: Error): number | undefined {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'number' ? code : undefined;
}

export function reason(code: number | undefined): string {
  return code === undefined ? 'without reason' : `0x${code.toString(16).padStart(2, '0')}`;
}
