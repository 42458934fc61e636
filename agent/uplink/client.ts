import type { Clock } from '../base/clock.ts';
import type { Code } from '../base/codes.ts';
import { asBeffroiError, type BeffroiError, UplinkError } from '../base/errors.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Log } from '../base/log.ts';
import { Pulse, type Working } from '../base/pulse.ts';
import { RepeatedFault } from '../base/repeated.ts';
import { retryLoop } from '../base/retry.ts';
import type { Left } from '../base/send-queue.ts';
import { quoted } from '../base/text.ts';
import { type BrokerAddress, parseBroker } from './address.ts';
import type { OversizePacket } from './frame-guard.ts';
import {
  type Line,
  mayBeVersion,
  type Protocol,
  type SessionInfo,
  type SessionOptions,
  type Will,
} from './link.ts';
import { ProtocolMemory } from './protocol-memory.ts';
import { UPLINK_RETRY } from './retry-policy.ts';
import { Session } from './session.ts';
import type { TlsFiles } from './socket.ts';

export interface BrokerClientNeeds {
  readonly clock: Clock;
  readonly log: Log;
  /** A number in [0, 1), for the jitter of the back-off. */
  readonly random: () => number;
}

export interface BrokerClientOptions {
  /** `mqtts://host[:port]` or, with `plainLoopback`, `mqtt://` to a loopback address; tried in turn. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** PEM files, read anew for each connection. */
  readonly tls?: TlsFiles;
  readonly plainLoopback: boolean;
  /** Whether the clock can be believed, by which certificates are judged; when left out, it can. */
  readonly clockBelieved?: () => boolean;
  /** Last will, built for each connection. */
  readonly will?: (protocol: Protocol) => Will;
  /** Topic filters, subscribed with QoS 1 before the client says that it is up. */
  readonly subscriptions: readonly string[];
  readonly maxInflight?: number;
  readonly keepAliveS?: number;
  readonly connectTimeoutMs?: number;
  readonly ackTimeoutMs?: number;
  readonly maxDownBytes?: number;
  readonly highWaterBytes?: number;
  /** As in `SessionOptions`; any when left out. */
  readonly readingShare?: number;
  /** As in `SessionOptions`; never when left out. */
  readonly pingEveryMs?: number;
}

export interface ConnectionListener {
  readonly up?: (info: SessionInfo) => void;
  /** The connection ends by our own wish and is made anew at once; `up` or `down` follows. */
  readonly renewing?: () => void;
  /** The connection was lost or a try failed; told for each try. */
  readonly down?: (error: BeffroiError) => void;
}

/** How soon a session notices that its broker is gone: after one and a half keep-alives, and when a PUBACK is late. */
export interface Supervision {
  readonly keepAliveS: number;
  readonly ackTimeoutMs: number;
}

export type MessageHandler = (topic: string, payload: Buffer, flags: { readonly retain: boolean }) => void;
export type OversizeHandler = (topic: string, bytes: number, flags: { readonly retain: boolean }) => void;

export interface PublishOptions {
  readonly qos: 1;
  readonly retain?: boolean;
}

/** Every figure is a guess. */
const DEFAULTS = {
  maxInflight: 64,
  keepAliveS: 15,
  connectTimeoutMs: 5_000,
  ackTimeoutMs: 10_000,
  maxDownBytes: 0,
  highWaterBytes: 4 * 1024 * 1024,
  pingEveryMs: 0,
};
/** Longer than the longest pause and a try, and far longer than the keep-alive. Source: guess. */
const LONGEST_ROUND_MS = 180_000;
/** For the outstanding acknowledgements and for DISCONNECT each. */
const END_TIMEOUT_MS = 1_000;

/**
 * A connection to one of several brokers that comes back by itself. Nothing is queued while it is down: callers
 * hold what must not be lost.
 */
export class BrokerClient implements Service, Working {
  readonly name = 'broker client';
  readonly #needs: BrokerClientNeeds;
  #options: SessionOptions;
  readonly #urls: readonly string[];
  readonly #plainLoopback: boolean;
  readonly #protocols: ProtocolMemory;
  readonly #pulse: Pulse;
  readonly #fault: RepeatedFault;
  readonly #large: RepeatedFault;
  readonly #outgoing: RepeatedFault;
  readonly #listeners = new Set<ConnectionListener>();
  readonly #handlers = new Set<MessageHandler>();
  readonly #oversizeHandlers = new Set<OversizeHandler>();
  #addresses: BrokerAddress[] = [];
  #next = 0;
  #session: Session | undefined;
  #renewing = false;
  /** When the last packet of a session in force came, monotonic ms. */
  #heardMs = Number.NEGATIVE_INFINITY;
  #pingEveryMs = Number.POSITIVE_INFINITY;
  /** The connection was made without a clock to judge the certificate of the broker by. */
  #timeless = false;
  #why: BeffroiError = new UplinkError('broker-unreachable', 'not connected yet');
  #stopping: AbortController | undefined;
  #loop: Promise<void> | undefined;

  constructor(needs: BrokerClientNeeds, options: BrokerClientOptions) {
    const { brokers, plainLoopback, ...session } = options;
    this.#needs = needs;
    this.#urls = brokers;
    this.#plainLoopback = plainLoopback;
    this.#options = { ...DEFAULTS, ...session };
    this.#protocols = new ProtocolMemory(needs.clock);
    this.#pulse = new Pulse(needs.clock, LONGEST_ROUND_MS);
    this.#fault = new RepeatedFault(needs.clock);
    this.#large = new RepeatedFault(needs.clock);
    this.#outgoing = new RepeatedFault(needs.clock);
  }

  get connected(): boolean {
    return this.#session !== undefined;
  }

  /** When a packet of whatever kind came last from a broker that was connected, monotonic ms. */
  get heardMs(): number {
    return this.#heardMs;
  }

  /** Asks the broker at least this often from now on, besides what the options say. */
  pingAtLeastEvery(ms: number): void {
    this.#pingEveryMs = ms;
    this.#session?.pingAtLeastEvery(ms);
  }

  /** Messages with QoS 1 that may be without PUBACK in the session in force. */
  get inflight(): number {
    return this.#session?.info.inflight ?? 1;
  }

  /** What the connection of now carries; undefined when there is none. */
  get line(): Line | undefined {
    return this.#session?.line;
  }

  /** Of the broker's answers in the session in force since this was called last, ms. */
  takeRoundTrips(): readonly number[] {
    return this.#session?.takeRoundTrips() ?? [];
  }

  /** Whether no try ends any more, and, while there is a connection, nothing comes from the broker: not even PINGRESP. */
  get stuck(): boolean {
    return this.#pulse.late;
  }

  /** Tells of every `up` and `down` from now on. @returns ends it */
  listen(listener: ConnectionListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Sessions are made with this from now on; the one in force begins anew only for another keep-alive. */
  supervise({ keepAliveS, ackTimeoutMs }: Supervision): void {
    const before = this.#options.keepAliveS;
    this.#options = { ...this.#options, keepAliveS, ackTimeoutMs };
    this.#session?.awaitPuback(ackTimeoutMs);
    if (keepAliveS !== before) this.#renew();
  }

  /** To be called now and then: once the clock can be believed, a connection that was made without it is made anew. */
  judgeAnew(): void {
    if (!this.#session || !this.#timeless || !this.#clockBelieved) return;
    this.#timeless = false;
    this.#renew();
  }

  get #clockBelieved(): boolean {
    return this.#options.clockBelieved?.() ?? true;
  }

  #renew(): void {
    if (!this.#session || this.#renewing) return;
    this.#renewing = true;
    for (const { renewing } of this.#listeners) this.#guard(() => renewing?.());
    void this.#session.end(END_TIMEOUT_MS);
  }

  /** Hands over every message of the subscriptions. With MQTT 3.1.1, `retain` is false for a message that comes live. */
  onMessage(handler: MessageHandler): void {
    this.#handlers.add(handler);
  }

  /** Tells of messages above `maxDownBytes`, which were acknowledged and thrown away. */
  onOversize(handler: OversizeHandler): void {
    this.#oversizeHandlers.add(handler);
  }

  /**
   * Begins to connect and returns. When `signal` aborts it connects no more; a connection in force ends by `stop`.
   * @throws ConfigurationError `box-file-invalid` for a wrong broker address
   */
  async start(signal: AbortSignal): Promise<void> {
    this.#addresses = this.#urls.map((url) => parseBroker(url, this.#plainLoopback));
    this.#stopping = new AbortController();
    const ended = AbortSignal.any([signal, this.#stopping.signal]);
    const onFailure = (error: unknown, delayMs: number) => this.#failed(asBeffroiError(error), delayMs);
    this.#loop = retryLoop(
      { clock: this.#needs.clock, random: this.#needs.random, onFailure },
      UPLINK_RETRY,
      (up, inner) => this.#runOnce(up, inner),
      ended,
    );
  }

  /** Waits shortly for acknowledgements, says DISCONNECT (so that the will is not published), and ends. */
  async stop(): Promise<void> {
    const session = this.#session;
    this.#stopping?.abort(new UplinkError('broker-closed', 'the client stops'));
    await session?.end(END_TIMEOUT_MS);
    await this.#loop;
  }

  /** Ends at once and for good, without DISCONNECT: what the machine has not sent by now it never sends. */
  drop(): void {
    this.#stopping?.abort(new UplinkError('broker-closed', 'the client was dropped'));
    this.#session?.drop();
  }

  /**
   * Sends with QoS 1 and resolves when the broker has acknowledged. Order on the wire is the order of the calls.
   * @throws UplinkError when there is no connection, it is lost first, or the broker refuses;
   *   InternalError `message-too-large`; the signal's reason when it aborts before the message is on the wire
   */
  async publish(
    topic: string,
    payload: string | Buffer,
    options: PublishOptions,
    signal: AbortSignal,
  ): Promise<void> {
    const session = this.#session;
    if (!session) throw this.#why;
    await session.publish(topic, payload, options.retain ?? false, signal);
  }

  /**
   * Sends with QoS 0, never waits, never queues beyond the high-water mark.
   * @returns false when it was not sent: no connection, too much waits already, or too large for the broker
   */
  publishNow(topic: string, payload: Buffer): boolean {
    return this.#session?.publishNow(topic, payload) ?? false;
  }

  /**
   * Sends with QoS 0 what lies in several buffers: never waits, never copies. The buffers must not change until `left`
   * is told. The caller bounds what waits in its lane; the lanes share the connection equally.
   * @returns why it was not taken; undefined when it was, and `left` will be told: of what a lost connection had not
   *   taken before its `down`
   */
  sendNow(lane: object, topic: string, parts: readonly Buffer[], left: Left): Code | undefined {
    const session = this.#session;
    if (!session) return this.#why.code;
    const refusal = session.sendNow(lane, topic, parts, left);
    if (refusal === 'message-too-large') this.#tooLarge(topic, parts, session.info.maximumPacketBytes);
    return refusal;
  }

  /** What waits in the lane never leaves. */
  withdraw(lane: object): void {
    this.#session?.withdraw(lane);
  }

  #tooLarge(topic: string, parts: readonly Buffer[], maximumPacketBytes: number): void {
    const told = this.#outgoing.happened('message-too-large');
    if (!told) return;
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    const facts = { topic, bytes, maximumPacketBytes, count: told.count };
    this.#needs.log.warn(facts, 'message above what the broker takes was not sent');
  }

  async #runOnce(up: () => void, signal: AbortSignal): Promise<void> {
    do await this.#runSession(up, signal);
    while (this.#renewed() && !signal.aborted);
    throw this.#why;
  }

  #renewed(): boolean {
    const renewed = this.#renewing;
    this.#renewing = false;
    return renewed;
  }

  async #runSession(up: () => void, signal: AbortSignal): Promise<void> {
    const { keepAliveS } = this.#options;
    this.#timeless = !this.#clockBelieved;
    const session = await this.#openAny(signal);
    if (signal.aborted) return session.cut(new UplinkError('broker-closed', 'the client stops'));
    this.#session = session;
    this.#heard();
    session.awaitPuback(this.#options.ackTimeoutMs);
    session.pingAtLeastEvery(this.#pingEveryMs);
    this.#up(session.info);
    up();
    if (keepAliveS !== this.#options.keepAliveS) this.#renew();
    this.#why = await session.closed;
    this.#session = undefined;
  }

  /** Each broker once, beginning with the one that was good last. */
  async #openAny(signal: AbortSignal): Promise<Session> {
    for (let tried = 1; ; tried += 1) {
      const address = this.#addresses[this.#next % this.#addresses.length];
      if (!address) throw new UplinkError('broker-unreachable', 'no broker is configured');
      try {
        return await this.#openOne(address, signal);
      } catch (thrown) {
        signal.throwIfAborted();
        this.#next += 1;
        if (tried >= this.#addresses.length) throw thrown;
        this.#down(asBeffroiError(thrown));
      }
    }
  }

  /** MQTT 5 first; MQTT 3.1.1 when the broker does not speak it, which is remembered for a while. */
  async #openOne(address: BrokerAddress, signal: AbortSignal): Promise<Session> {
    const protocol = this.#protocols.of(address.label);
    try {
      return await this.#open(address, protocol, signal);
    } catch (thrown) {
      signal.throwIfAborted();
      this.#protocols.forget(address.label);
      if (protocol === 'mqtt311' || !mayBeVersion(thrown)) throw thrown;
    }
    const session = await this.#open(address, 'mqtt311', signal);
    this.#protocols.onlyOld(address.label);
    return session;
  }

  #open(address: BrokerAddress, protocol: Protocol, signal: AbortSignal): Promise<Session> {
    const events = {
      heard: () => this.#heard(),
      message: (topic: string, payload: Buffer, retain: boolean) => this.#message(topic, payload, retain),
      oversize: (packet: OversizePacket) => this.#oversize(packet),
    };
    return Session.open(this.#needs.clock, address, protocol, this.#options, events, signal);
  }

  #heard(): void {
    this.#pulse.beat();
    if (this.#session) this.#heardMs = this.#needs.clock.monotonicMs();
  }

  #message(topic: string, payload: Buffer, retain: boolean): void {
    for (const handler of this.#handlers) this.#guard(() => handler(topic, payload, { retain }));
  }

  #oversize({ topic, bytes, retain }: OversizePacket): void {
    const told = this.#large.happened('message-too-large');
    if (told)
      this.#needs.log.warn(
        { topic: quoted(topic), bytes, count: told.count },
        'message above the limit was thrown away',
      );
    for (const handler of this.#oversizeHandlers) this.#guard(() => handler(topic, bytes, { retain }));
  }

  /** A handler or listener that throws must not stop the connection. */
  #guard(handle: () => void): void {
    try {
      handle();
    } catch (err) {
      this.#needs.log.error({ err }, 'a handler of the broker client failed');
    }
  }

  #up(info: SessionInfo): void {
    const failures = this.#fault.recovered();
    this.#needs.log.info({ broker: info.broker, protocol: info.protocol, failures }, 'broker connected');
    for (const { up } of this.#listeners) this.#guard(() => up?.(info));
  }

  #failed(error: BeffroiError, delayMs: number): void {
    this.#why = error;
    const told = this.#fault.happened(error.code);
    if (told)
      this.#needs.log.warn({ err: error, count: told.count, retryInMs: delayMs }, 'no link to the broker');
    this.#down(error);
  }

  #down(error: BeffroiError): void {
    this.#pulse.beat();
    for (const { down } of this.#listeners) this.#guard(() => down?.(error));
  }
}
