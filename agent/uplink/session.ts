import type { MqttClient } from 'mqtt';
import type { Clock } from '../base/clock.ts';
import type { Code } from '../base/codes.ts';
import { type BeffroiError, InternalError, UplinkError } from '../base/errors.ts';
import { limited } from '../base/limit.ts';
import { type Left, SendQueue } from '../base/send-queue.ts';
import type { BrokerAddress } from './address.ts';
import type { GuardedStream } from './guarded-stream.ts';
import {
  type Line,
  Link,
  type Protocol,
  reason,
  reasonCode,
  type SessionEvents,
  type SessionInfo,
  type SessionOptions,
} from './link.ts';
import { publishHead } from './publish-head.ts';
import { SendWindow } from './window.ts';

const DISCONNECT = Buffer.from([0xe0, 0x00]);

/**
 * One MQTT connection, from CONNACK and SUBACK to its end. It never reconnects and never queues: an mqtt.js client
 * lives as long as its connection, because its own reconnecting queues without bound and loops.
 */
export class Session {
  readonly info: SessionInfo;
  /** Resolves with the reason when the connection has ended, whoever ended it. */
  readonly closed: Promise<BeffroiError>;
  readonly #clock: Clock;
  readonly #link: Link;
  readonly #stream: GuardedStream;
  readonly #reset: () => void;
  readonly #mqtt: MqttClient;
  readonly #options: SessionOptions;
  readonly #window: SendWindow;
  readonly #queue: SendQueue;
  #ackTimeoutMs: number;
  #fault: BeffroiError | undefined;
  #open = true;
  readonly #over = new AbortController();
  #pingEveryMs: number;
  /** Ends the wait for the next ping: they come more often from now on. */
  #sooner = new AbortController();

  private constructor(clock: Clock, link: Link, options: SessionOptions, info: SessionInfo) {
    this.#clock = clock;
    this.#link = link;
    this.#stream = link.stream;
    this.#reset = link.reset;
    this.#mqtt = link.mqtt;
    this.#options = options;
    this.info = info;
    this.#ackTimeoutMs = options.ackTimeoutMs;
    this.#queue = new SendQueue(link.stream);
    this.#window = new SendWindow(info.inflight, options.ackTimeoutMs, {
      clock,
      isBehind: () => link.stream.isBehind,
      onSilence: () => this.#silent(),
    });
    this.closed = link.closed.then((error) => this.#ended(error));
    this.#pingEveryMs = Math.min(options.pingEveryMs, options.keepAliveS * 1000);
    if (options.pingEveryMs > 0) void this.#measure();
  }

  get line(): Line {
    const { localPort, takenBytes, writableLength } = this.#stream;
    return { localPort, takenBytes, waitingBytes: this.#queue.waitingBytes() + writableLength };
  }

  /** Of the broker's answers since this was called last, ms. */
  takeRoundTrips(): readonly number[] {
    return this.#link.roundTrips.take();
  }

  /**
   * Connects, waits for CONNACK and subscribes.
   * @throws WrongVersionError, UplinkError, ConfigurationError
   */
  static async open(
    clock: Clock,
    address: BrokerAddress,
    protocol: Protocol,
    options: SessionOptions,
    events: SessionEvents,
    signal: AbortSignal,
  ): Promise<Session> {
    const link = await Link.open(clock, address, protocol, options, events, signal);
    const silent = (what: string) => () =>
      new UplinkError('broker-silent', `${address.label}: no ${what} within ${options.connectTimeoutMs} ms`);
    try {
      const info = await limited(clock, options.connectTimeoutMs, signal, silent('CONNACK'), (inner) =>
        link.accepted(inner),
      );
      await limited(clock, options.connectTimeoutMs, signal, silent('SUBACK'), (inner) =>
        link.subscribe(options.subscriptions, inner),
      );
      return new Session(clock, link, options, info);
    } catch (thrown) {
      link.destroy();
      throw thrown;
    }
  }

  /**
   * Sends with QoS 1 and resolves at PUBACK. Calls reach the wire in the order in which they were made.
   * @throws UplinkError when the connection ends first or the server refuses; InternalError `message-too-large`
   */
  async publish(
    topic: string,
    payload: string | Buffer,
    retain: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    this.#checkSize(topic, payload);
    if (!this.#open) throw this.#endedByUs();
    await this.#window.send(signal, (done) => {
      this.#mqtt.publish(topic, payload, { qos: 1, retain }, (error) => {
        // An error without reason code is the end of the connection, which the window learns by itself.
        if (!error || reasonCode(error) !== undefined) done(error && this.#refused(topic, error));
      });
    });
  }

  /** Sends with QoS 0 and never waits. @returns false when it was not sent because too much waits already or it is too large */
  publishNow(topic: string, payload: Buffer): boolean {
    if (!this.#open || packetBytes(topic, payload) > this.info.maximumPacketBytes) return false;
    const waiting = this.#stream.writableLength;
    // One message goes through whatever its size, or a key frame above the mark would never come.
    if (waiting > 0 && waiting + payload.length > this.#options.highWaterBytes) return false;
    this.#mqtt.publish(topic, payload, { qos: 0 });
    return true;
  }

  /** A PUBACK that is later than this ends the connection, from now on. */
  awaitPuback(ms: number): void {
    if (ms === this.#ackTimeoutMs) return;
    this.#ackTimeoutMs = ms;
    this.#window.awaitAtMost(ms);
  }

  /**
   * Sends with QoS 0 what lies in several buffers, without a copy, and never waits. The caller bounds what waits in its
   * lane; the lanes share the connection equally.
   * @returns why it was not taken; undefined when it was, and `left` will be told
   */
  sendNow(lane: object, topic: string, parts: readonly Buffer[], left: Left): Code | undefined {
    if (!this.#open || this.#stream.destroyed) return 'broker-closed';
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    const head = publishHead(topic, bytes, this.info.protocol);
    if (head.length + bytes > this.info.maximumPacketBytes) return 'message-too-large';
    return this.#queue.send(lane, [head, ...parts], left) ? undefined : 'broker-closed';
  }

  /** What waits in the lane never leaves. */
  withdraw(lane: object): void {
    this.#queue.withdraw(lane);
  }

  /** Waits for acknowledgements, then DISCONNECT, then cuts; at most `ms` for each half. */
  async end(ms: number): Promise<void> {
    const never = new AbortController();
    const late = () => new UplinkError('broker-silent', `${this.info.broker}: no answer at the end`);
    await limited(this.#clock, ms, never.signal, late, (inner) => this.#window.idle(inner)).catch(
      () => undefined,
    );
    this.#open = false;
    this.#stream.end(DISCONNECT);
    await limited(this.#clock, ms, never.signal, late, () => this.closed).catch(() => undefined);
    this.cut(this.#endedByUs());
  }

  /** Asks the broker at least this often, and at least as the options say. */
  pingAtLeastEvery(ms: number): void {
    const { pingEveryMs, keepAliveS } = this.#options;
    const before = this.#pingEveryMs;
    this.#pingEveryMs = Math.min(ms, pingEveryMs, keepAliveS * 1000);
    if (this.#pingEveryMs < before) this.#sooner.abort();
  }

  async #measure(): Promise<void> {
    while (!this.#over.signal.aborted) {
      this.#sooner = new AbortController();
      const wake = AbortSignal.any([this.#over.signal, this.#sooner.signal]);
      await this.#clock.sleep(this.#pingEveryMs, wake).catch(() => undefined);
      if (this.#open && !this.#over.signal.aborted) this.#link.ping();
    }
  }

  #endedByUs(): UplinkError {
    return new UplinkError('broker-closed', `${this.info.broker}: ended by the box`);
  }

  /** Ends the connection at once, without DISCONNECT: the server publishes the will. */
  cut(why: BeffroiError): void {
    this.#fault ??= why;
    this.#stream.destroy();
  }

  /** As `cut`, and what the kernel has not sent by now it never sends. */
  drop(): void {
    this.#open = false;
    this.#queue.end();
    this.#reset();
    this.cut(this.#endedByUs());
  }

  #refused(topic: string, cause: Error): UplinkError {
    const said = `PUBACK ${reason(reasonCode(cause))} for ${topic}`;
    return new UplinkError('broker-refused', `${this.info.broker}: ${said}`, { cause });
  }

  #silent(): void {
    const said = `no PUBACK within ${this.#ackTimeoutMs} ms`;
    this.cut(new UplinkError('broker-silent', `${this.info.broker}: ${said}`));
  }

  #ended(error: BeffroiError): BeffroiError {
    this.#open = false;
    this.#over.abort();
    this.#queue.end();
    const reason = this.#fault ?? error;
    this.#window.fail(reason);
    return reason;
  }

  #checkSize(topic: string, payload: string | Buffer): void {
    const bytes = packetBytes(topic, payload);
    if (bytes <= this.info.maximumPacketBytes) return;
    const limit = this.info.maximumPacketBytes;
    throw new InternalError(
      'message-too-large',
      `${topic}: ${bytes} bytes, ${this.info.broker} takes ${limit}`,
    );
  }
}

/** Size of a PUBLISH with QoS 1 and no properties, rounded up. @see MQTT 5 §3.3 */
function packetBytes(topic: string, payload: string | Buffer): number {
  return 1 + 4 + 2 + Buffer.byteLength(topic) + 2 + 1 + Buffer.byteLength(payload);
}
