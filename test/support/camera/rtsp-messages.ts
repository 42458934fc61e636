/** What a client sent: a request, or an interleaved frame (its RTCP). */
export type ClientMessage =
  | { readonly kind: 'request'; readonly request: RtspRequest }
  | { readonly kind: 'frame'; readonly channel: number; readonly payload: Buffer }
  | { readonly kind: 'nonsense' };

export interface RtspRequest {
  readonly method: string;
  readonly uri: string;
  readonly headers: ReadonlyMap<string, string>;
}

const MAX_REQUEST_BYTES = 65_536;

/** Cuts the bytes of a connection into messages. @see RFC 2326 §6, §10.12 */
export class ClientMessages {
  #buffer: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): ClientMessage[] {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    const messages: ClientMessage[] = [];
    for (let message = this.#next(); message; message = this.#next()) {
      messages.push(message);
      if (message.kind === 'nonsense') break;
    }
    return messages;
  }

  #next(): ClientMessage | undefined {
    if (this.#buffer.length === 0) return undefined;
    return this.#buffer[0] === 0x24 ? this.#frame() : this.#request();
  }

  #frame(): ClientMessage | undefined {
    if (this.#buffer.length < 4) return undefined;
    const end = 4 + this.#buffer.readUInt16BE(2);
    if (this.#buffer.length < end) return undefined;
    const [, channel = 0] = this.#buffer;
    const payload = this.#buffer.subarray(4, end);
    this.#buffer = this.#buffer.subarray(end);
    return { kind: 'frame', channel, payload };
  }

  #request(): ClientMessage | undefined {
    const endOfHead = this.#buffer.indexOf('\r\n\r\n');
    if (endOfHead < 0) return this.#buffer.length > MAX_REQUEST_BYTES ? { kind: 'nonsense' } : undefined;
    const request = parseRequest(this.#buffer.toString('utf8', 0, endOfHead));
    if (!request) return { kind: 'nonsense' };
    const bodyBytes = Number(request.headers.get('content-length') ?? 0);
    if (!(bodyBytes >= 0 && bodyBytes <= MAX_REQUEST_BYTES)) return { kind: 'nonsense' };
    const end = endOfHead + 4 + bodyBytes;
    if (this.#buffer.length < end) return undefined;
    this.#buffer = this.#buffer.subarray(end);
    return { kind: 'request', request };
  }
}

function parseRequest(head: string): RtspRequest | undefined {
  const [line = '', ...lines] = head.replace(/^(\r\n)+/, '').split('\r\n');
  const [, method, uri] = /^([A-Z_]+) (\S+) RTSP\/1\.0$/.exec(line) ?? [];
  if (!method || !uri) return undefined;
  const headers = new Map<string, string>();
  for (const text of lines) {
    const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? [];
    if (!name) return undefined;
    headers.set(name.toLowerCase(), value?.trim() ?? '');
  }
  return { method, uri, headers };
}

const REASONS: Record<number, string> = {
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  404: 'Not Found',
  453: 'Not Enough Bandwidth',
  454: 'Session Not Found',
  455: 'Method Not Valid in This State',
  461: 'Unsupported Transport',
  501: 'Not Implemented',
};

export interface RtspReply {
  readonly status: number;
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** The bytes of a reply; `headers` are whole lines. */
export function replyText(reply: RtspReply, cseq: string | undefined): string {
  const head = [`RTSP/1.0 ${reply.status} ${REASONS[reply.status] ?? 'Unknown'}`];
  if (cseq !== undefined) head.push(`CSeq: ${cseq}`);
  head.push('Server: Simulated Camera/1.0', ...(reply.headers ?? []));
  if (reply.body !== undefined) head.push(`Content-Length: ${Buffer.byteLength(reply.body)}`);
  return `${head.join('\r\n')}\r\n\r\n${reply.body ?? ''}`;
}
