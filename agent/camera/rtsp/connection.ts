import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import {
  asBeffroiError,
  type BeffroiError,
  DeviceError,
  PeerProtocolError,
  systemCode,
} from '../../base/errors.ts';
import { type Left, SendQueue } from '../../base/send-queue.ts';
import type { TcpEnds } from '../tcp-state.ts';
import type { Reply, RtspMessage, ServerRequest } from './message.ts';
import { type ReaderEvents, StreamReader } from './reader.ts';

export type Field = readonly [name: string, value: string];

export interface Outgoing {
  readonly method: string;
  readonly url: string;
  readonly fields: readonly Field[];
  readonly timeoutMs: number;
  readonly body?: string;
  /** Goes behind the media that was handed over, and not before it. */
  readonly afterMedia?: boolean;
}

interface Pending {
  readonly sentMs: number;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: BeffroiError) => void;
}

/** Requests of a server to us that are answered with 200; all others with 501. */
const ANSWERED_OK = new Set(['OPTIONS', 'GET_PARAMETER', 'SET_PARAMETER', 'ANNOUNCE', 'TEARDOWN']);
/** Answers that a server does not read are not heaped up. */
const MAX_UNSENT_BYTES = 64 * 1024;
/** Messages of a server that are read in a second: a flood would hold up every other camera. Source: guess; a handful come. */
const MAX_MESSAGES_PER_S = 256;
/** Replies that were waited for in vain and may still come. */
const MAX_LATE = 16;

/** Keys of the lanes: media that a server does not read keeps no request waiting. */
const MEDIA = {};
const MESSAGES = {};

/** Requests and replies over one RTSP connection, with interleaved frames between them. */
export class RtspConnection {
  readonly #camera: string;
  readonly #socket: Socket;
  readonly #queue: SendQueue;
  readonly #clock: Clock;
  readonly #reader: StreamReader;
  readonly #pending = new Map<number, Pending>();
  readonly #late = new Set<number>();
  readonly #failed = Promise.withResolvers<never>();
  #error: BeffroiError | undefined;
  #sequence = 0;
  #goneFrames = 0;
  #closedByUs = false;
  #heardMs: number | undefined;
  /** Messages since then. */
  #messages = { sinceMs: Number.NEGATIVE_INFINITY, count: 0 };
  #shortestAnswerMs = Number.POSITIVE_INFINITY;
  #onFrame: ReaderEvents['frame'] = () => undefined;

  constructor(camera: string, socket: Socket, clock: Clock) {
    this.#camera = camera;
    this.#socket = socket;
    this.#queue = new SendQueue(socket);
    this.#clock = clock;
    this.#reader = new StreamReader(camera, {
      frame: (channel, bytes, from, until) => this.#onFrame(channel, bytes, from, until),
      message: (message) => this.#message(message),
    });
    this.#failed.promise.catch(() => undefined);
    socket.on('data', (chunk: Buffer) => this.#data(chunk));
    socket.on('error', (cause) => this.#fail(this.#closedError(cause)));
    socket.on('close', () => this.#fail(this.#closedError()));
    socket.on('end', () => this.#fail(this.#closedError()));
  }

  /** Rejects when the connection is lost or the peer breaks the protocol; never resolves. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Bytes that were neither message nor frame. */
  get skipped(): number {
    return this.#reader.skipped;
  }

  /** Undefined when it is closed. */
  get ends(): TcpEnds | undefined {
    const { localAddress, localPort, remoteAddress, remotePort } = this.#socket;
    if (localAddress === undefined || remoteAddress === undefined) return undefined;
    return { localAddress, localPort: localPort ?? 0, remoteAddress, remotePort: remotePort ?? 0 };
  }

  /** When anything last came, monotonic; undefined before. */
  get heardMs(): number | undefined {
    return this.#heardMs;
  }

  /** From a request to its answer, at best: the way there and back, and what the camera needs. */
  get shortestAnswerMs(): number {
    return this.#shortestAnswerMs;
  }

  /** What was not answered then may have been taken all the same. */
  get closedByUs(): boolean {
    return this.#closedByUs;
  }

  onFrame(listener: ReaderEvents['frame']): void {
    this.#onFrame = listener;
  }

  /** @throws DeviceError `camera-silent`, `camera-slow`, `camera-closed`; PeerProtocolError `camera-protocol`, `camera-too-large` */
  async request(outgoing: Outgoing): Promise<Reply> {
    if (this.#error) throw this.#error;
    this.#sequence += 1;
    const sequence = this.#sequence;
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#pending.set(sequence, { sentMs: this.#clock.monotonicMs(), resolve, reject });
    const fields: Field[] = [['CSeq', String(sequence)], ...outgoing.fields];
    const lane = outgoing.afterMedia ? MEDIA : MESSAGES;
    this.#send(lane, `${outgoing.method} ${outgoing.url} RTSP/1.0`, fields, outgoing.body);
    const timer = new AbortController();
    this.#clock.sleep(outgoing.timeoutMs, timer.signal).then(
      () => this.#giveUp(sequence, outgoing),
      () => undefined,
    );
    return promise.finally(() => timer.abort());
  }

  /** How many calls of `write` have left the process. */
  get goneFrames(): number {
    return this.#goneFrames;
  }

  /** Bytes of `write` that were handed over and have not left. */
  get waitingBytes(): number {
    return this.#queue.waitingBytes(MEDIA);
  }

  /**
   * Hands interleaved frames over, without a copy; they must not change until `left` is told.
   * @returns false when the connection is lost
   */
  write(parts: readonly Buffer[], left: Left): boolean {
    return this.#queue.send(MEDIA, parts, (gone, mayHaveGone) => {
      if (gone) this.#goneFrames += 1;
      left(gone, mayHaveGone);
    });
  }

  /** What of `write` has not begun to leave never does. */
  withdraw(): void {
    this.#queue.withdraw(MEDIA);
  }

  close(): void {
    this.#closedByUs = this.#error === undefined;
    this.#fail(new DeviceError('camera-closed', `${this.#camera}: the connection was closed by us`));
  }

  /** @param body in ASCII */
  #send(lane: object, firstLine: string, fields: readonly Field[], body = ''): void {
    const length: Field[] = body === '' ? [] : [['Content-Length', String(body.length)]];
    const lines = [
      firstLine,
      ...[...fields, ...length].map(([name, value]) => `${name}: ${value}`),
      '',
      body,
    ];
    this.#queue.send(lane, [Buffer.from(lines.join('\r\n'), 'latin1')], () => undefined);
  }

  #data(chunk: Buffer): void {
    if (this.#error) return;
    this.#heardMs = this.#clock.monotonicMs();
    try {
      this.#reader.feed(chunk);
    } catch (thrown) {
      this.#fail(asBeffroiError(thrown));
    }
  }

  /** @throws PeerProtocolError `camera-protocol` */
  #message(message: RtspMessage): void {
    this.#countMessage();
    if (message.kind === 'request') this.#answer(message);
    else this.#reply(message);
  }

  #countMessage(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#messages.sinceMs >= 1_000) this.#messages = { sinceMs: nowMs, count: 0 };
    this.#messages.count += 1;
    if (this.#messages.count <= MAX_MESSAGES_PER_S) return;
    const expected = `${this.#camera}: expected a few RTSP messages`;
    throw new PeerProtocolError(
      'camera-protocol',
      `${expected}, came more than ${MAX_MESSAGES_PER_S} in a second`,
    );
  }

  /** A reply without a number, or with one that was never given, answers the oldest request. @see RFC 2326 §12.17 */
  #reply(reply: Reply): void {
    const sequence = Number.parseInt(reply.headers.get('cseq') ?? '', 10);
    if (this.#late.delete(sequence)) return;
    const known = this.#pending.has(sequence) ? sequence : this.#pending.keys().next().value;
    if (known === undefined) return;
    const pending = this.#pending.get(known);
    this.#pending.delete(known);
    if (!pending) return;
    this.#shortestAnswerMs = Math.min(this.#shortestAnswerMs, this.#clock.monotonicMs() - pending.sentMs);
    pending.resolve(reply);
  }

  #answer({ method, headers }: ServerRequest): void {
    if (this.#queue.waitingBytes(MESSAGES) > MAX_UNSENT_BYTES) return;
    const status = ANSWERED_OK.has(method) ? '200 OK' : '501 Not Implemented';
    const cseq = (headers.get('cseq') ?? '').replace(/[^\x20-\x7e]/g, '');
    this.#send(MESSAGES, `RTSP/1.0 ${status}`, [['CSeq', cseq]]);
  }

  #giveUp(sequence: number, { method, timeoutMs }: Outgoing): void {
    const pending = this.#pending.get(sequence);
    this.#pending.delete(sequence);
    if (this.#late.size < MAX_LATE) this.#late.add(sequence);
    pending?.reject(this.#silentError(method, timeoutMs));
  }

  #silentError(method: string, timeoutMs: number): BeffroiError {
    const expected = `${this.#camera}: expected an answer to ${method} within ${timeoutMs} ms`;
    if (this.#reader.midMessage) return new DeviceError('camera-slow', `${expected}, the begin of one came`);
    if (this.#reader.skipped === 0) return new DeviceError('camera-silent', `${expected}, none came`);
    return new PeerProtocolError('camera-protocol', `${expected}, came ${this.#reader.garbage}`);
  }

  #closedError(cause?: Error): BeffroiError {
    const why = systemCode(cause) ?? 'end of stream';
    const garbage = this.#reader.skipped > 0 ? ` after ${this.#reader.garbage}` : '';
    const message = `${this.#camera}: the connection was closed by the other end (${why})${garbage}`;
    return new DeviceError('camera-closed', message, cause ? { cause } : {});
  }

  #fail(error: BeffroiError): void {
    if (this.#error) return;
    this.#error = error;
    this.#socket.destroy();
    this.#queue.end();
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#failed.reject(error);
  }
}
