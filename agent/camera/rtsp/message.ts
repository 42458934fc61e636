/** Header fields of a message; names compare without case. */
export class Headers {
  readonly #fields: readonly (readonly [name: string, value: string])[];

  constructor(fields: readonly (readonly [name: string, value: string])[]) {
    this.#fields = fields;
  }

  /** The first value of a field. */
  get(name: string): string | undefined {
    return this.#fields.find(([field]) => field === name.toLowerCase())?.[1];
  }

  /** Every value of a field, in order. */
  all(name: string): string[] {
    return this.#fields.filter(([field]) => field === name.toLowerCase()).map(([, value]) => value);
  }
}

export interface Reply {
  readonly kind: 'reply';
  readonly status: number;
  readonly reason: string;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** A request of the server to us. */
export interface ServerRequest {
  readonly kind: 'request';
  readonly method: string;
  readonly headers: Headers;
  readonly body: Buffer;
}

export type RtspMessage = Reply | ServerRequest;

const STATUS_LINE = /^RTSP\/\d\.\d +(\d{3})(?: +(.*))?$/;
const REQUEST_LINE = /^([A-Z_]{3,20}) +\S+ +RTSP\/\d\.\d$/;

export type StartLine =
  | { readonly kind: 'reply'; readonly status: number; readonly reason: string }
  | { readonly kind: 'request'; readonly method: string };

/** @see RFC 2326 §6.1, §7.1 */
export function parseStartLine(line: string): StartLine | undefined {
  const trimmed = line.trimEnd();
  const status = STATUS_LINE.exec(trimmed);
  if (status) return { kind: 'reply', status: Number(status[1]), reason: status[2] ?? '' };
  const request = REQUEST_LINE.exec(trimmed);
  return request?.[1] ? { kind: 'request', method: request[1] } : undefined;
}

/** Lines without a colon are left out; a line that begins with a blank continues the one before. */
export function parseHeaders(lines: readonly string[]): Headers {
  const fields: [name: string, value: string][] = [];
  for (const line of lines) {
    const last = fields.at(-1);
    const colon = line.indexOf(':');
    if (/^[ \t]/.test(line) && last) last[1] = `${last[1]} ${line.trim()}`.trim();
    else if (colon > 0)
      fields.push([line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]);
  }
  return new Headers(fields);
}

/** The length that a message gives its body; 0 when the field is missing or makes no sense. */
export function bodyLength(headers: Headers): number {
  const text = headers.get('content-length') ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
