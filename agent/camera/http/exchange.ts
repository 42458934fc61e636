import { type ClientRequest, type IncomingMessage, request as startRequest } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { deadline } from '../../base/deadline.ts';
import { PeerProtocolError } from '../../base/errors.ts';
import { connectTo, type HttpTarget, noAnswer, place, silent, slow } from './connect.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  /** Path and query, as the peer wrote them. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Bounds of one exchange. */
export interface HttpLimits {
  /** TCP and TLS. */
  readonly connectMs: number;
  /** Longest silence once connected. */
  readonly idleMs: number;
  /** The whole exchange. */
  readonly overallMs: number;
  readonly maxBytes: number;
}

export interface HttpReply {
  readonly status: number;
  readonly contentType: string;
  /** Every `WWW-Authenticate` header. */
  readonly challenges: readonly string[];
  readonly body: Buffer;
  /** When the request had left. */
  readonly sentMonotonicMs: number;
  /** When the head of the answer came. */
  readonly answeredMonotonicMs: number;
  readonly answeredWallMs: number;
}

/** Bounds for an answer of a working camera. Source: guess; slow cameras take 3 s for a list of profiles. */
export const HTTP_LIMITS: HttpLimits = {
  connectMs: 4_000,
  idleMs: 8_000,
  overallMs: 12_000,
  maxBytes: 1 << 20,
};

/** Header bytes of an answer. Source: guess. */
const MAX_HEADER_BYTES = 32 * 1024;
/** Pieces in which an answer may come: each costs, also one of a byte. Source: guess; cameras send some hundred. */
const MAX_PIECES = 16 * 1024;

/**
 * One request on a connection of its own. Redirects are not followed; any other status is the caller's business.
 * @throws DeviceError `camera-port-closed`, `camera-unreachable`, `camera-silent`, `camera-slow`, `camera-certificate`
 * @throws PeerProtocolError `camera-protocol`, `camera-too-large`, `camera-redirected`
 * @throws the reason of `signal` when it aborts
 */
export async function exchange(
  target: HttpTarget,
  request: HttpRequest,
  limits: HttpLimits,
  clock: Clock,
  signal: AbortSignal,
): Promise<HttpReply> {
  signal.throwIfAborted();
  const until = deadline(limits.overallMs, signal);
  try {
    const socket = await connectTo(target, deadline(Math.min(limits.connectMs, limits.overallMs), signal));
    try {
      return await new Conversation(target, request, limits, clock).run(socket, until);
    } finally {
      socket.destroy();
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** The talk on one open connection. */
class Conversation {
  readonly #target: HttpTarget;
  readonly #request: HttpRequest;
  readonly #limits: HttpLimits;
  readonly #clock: Clock;
  readonly #done = Promise.withResolvers<HttpReply>();
  #sentMs = 0;
  #answered = false;

  constructor(target: HttpTarget, request: HttpRequest, limits: HttpLimits, clock: Clock) {
    this.#target = target;
    this.#request = request;
    this.#limits = limits;
    this.#clock = clock;
  }

  async run(socket: Socket, until: AbortSignal): Promise<HttpReply> {
    const fail = (error: Error) => this.#done.reject(error);
    const late = () => fail(this.#late(socket, until.reason));
    if (until.aborted) late();
    until.addEventListener('abort', late, { once: true });
    socket.setTimeout(this.#limits.idleMs, () => fail(silent(this.#target, 'answer')));
    this.#sentMs = this.#clock.monotonicMs();
    const client = this.#start(socket);
    client.once('finish', () => {
      if (!this.#answered) this.#sentMs = this.#clock.monotonicMs();
    });
    client.once('response', (answer) => this.#take(answer));
    client.on('error', (error) => fail(this.#broken(error)));
    client.on('close', () => fail(this.#broken(undefined)));
    try {
      return await this.#done.promise;
    } finally {
      until.removeEventListener('abort', late);
      client.destroy();
    }
  }

  #start(socket: Socket): ClientRequest {
    const { method, path, headers, body } = this.#request;
    const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    const client = startRequest({
      createConnection: () => socket,
      host: this.#target.host,
      port: this.#target.port,
      defaultPort: this.#target.tls ? 443 : 80,
      method,
      path: requestPath(path),
      headers: { ...headers, ...length, Connection: 'close' },
      maxHeaderSize: MAX_HEADER_BYTES,
      insecureHTTPParser: true,
    });
    client.end(body);
    return client;
  }

  #take(answer: IncomingMessage): void {
    const answeredMonotonicMs = this.#clock.monotonicMs();
    const answeredWallMs = this.#clock.wallMs();
    this.#answered = true;
    const status = answer.statusCode ?? 0;
    if (status >= 300 && status < 400) this.#done.reject(this.#redirected(status));
    const chunks: Buffer[] = [];
    let bytes = 0;
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > this.#limits.maxBytes || chunks.length >= MAX_PIECES) this.#done.reject(this.#tooLarge());
      else chunks.push(chunk);
    });
    answer.on('error', (error) => this.#done.reject(this.#broken(error)));
    answer.on('end', () => {
      if (!answer.complete) this.#done.reject(this.#broken(undefined));
      this.#done.resolve({
        status,
        contentType: answer.headers['content-type'] ?? '',
        challenges: answer.headersDistinct['www-authenticate'] ?? [],
        body: Buffer.concat(chunks),
        sentMonotonicMs: this.#sentMs,
        answeredMonotonicMs,
        answeredWallMs,
      });
    });
  }

  /** Who answers byte by byte is another than who does not answer. */
  #late(socket: Socket, cause: unknown): Error {
    const began = this.#answered || (!this.#target.tls && socket.bytesRead > 0);
    return began ? slow(this.#target, cause) : silent(this.#target, 'answer', cause);
  }

  #broken(cause: unknown): Error {
    const came = String((cause as { code?: unknown } | undefined)?.code).startsWith('HPE_')
      ? 'came something else'
      : 'the connection was cut within it';
    if (!this.#answered && came !== 'came something else') return noAnswer(this.#target, cause);
    return this.#protocol(`${place(this.#target)}: expected an HTTP answer, ${came}`, cause);
  }

  #protocol(message: string, cause: unknown): PeerProtocolError {
    return new PeerProtocolError('camera-protocol', message, { cause });
  }

  #redirected(status: number): PeerProtocolError {
    const message = `${place(this.#target)}: expected an answer, came a redirection (${status})`;
    return new PeerProtocolError('camera-redirected', message);
  }

  #tooLarge(): PeerProtocolError {
    const message = `${place(this.#target)}: expected at most ${this.#limits.maxBytes} bytes of answer in ${MAX_PIECES} pieces`;
    return new PeerProtocolError('camera-too-large', message);
  }
}

/** The path as it stands on the request line: what a request line cannot carry is percent-encoded. */
export function requestPath(path: string): string {
  return path.toWellFormed().replace(/[^\u0021-\u007e]/gu, encodeURIComponent);
}
