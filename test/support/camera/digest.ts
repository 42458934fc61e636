import { createHash, randomBytes } from 'node:crypto';

/** What a server offers. `legacy` is RFC 2069: MD5 without qop, as many older cameras do. */
export type DigestOffer = 'md5' | 'sha256' | 'both' | 'legacy';

export interface DigestOptions {
  readonly realm: string;
  readonly offer: DigestOffer;
  /** How long a nonce is taken; after it the answer is 401 with `stale=true`. */
  readonly nonceLifetimeMs: number;
}

export type DigestVerdict = 'accepted' | 'stale' | 'refused' | 'malformed';

interface Login {
  readonly user: string;
  readonly password: string;
}

const MAX_NONCES = 1000;

/**
 * The server side of HTTP and RTSP digest logins.
 * @see RFC 7616 §3, RFC 2617 §3.2, RFC 2326 §14
 */
export class DigestDoor {
  readonly #options: DigestOptions;
  readonly #opaque = randomBytes(8).toString('hex');
  /** Nonce to the monotonic time of its making. */
  readonly #nonces = new Map<string, number>();
  /** `nonce:nc` pairs seen, to count clients that repeat one. */
  readonly #used = new Set<string>();
  /** Requests that repeated a nonce count (RFC 7616 §3.4: it rises with each request). */
  countsRepeated = 0;

  constructor(options: DigestOptions) {
    this.#options = options;
  }

  /** The values of the WWW-Authenticate headers of a 401. */
  challenges(stale: boolean): string[] {
    const { realm, offer } = this.#options;
    const nonce = this.#makeNonce();
    const end = stale ? ', stale=true' : '';
    if (offer === 'legacy') return [`Digest realm="${realm}", nonce="${nonce}"${end}`];
    const algorithms = offer === 'both' ? ['SHA-256', 'MD5'] : [offer === 'md5' ? 'MD5' : 'SHA-256'];
    return algorithms.map(
      (algorithm) =>
        `Digest realm="${realm}", nonce="${nonce}", qop="auth", algorithm=${algorithm}, opaque="${this.#opaque}"${end}`,
    );
  }

  /** Judges an Authorization header. `uris` are the forms of the request's address that the client may sign. */
  check(header: string, method: string, uris: readonly string[], login: Login): DigestVerdict {
    const fields = parseDigest(header);
    const algorithm = (fields.get('algorithm') ?? 'MD5').toUpperCase();
    if (!this.#offers(algorithm)) return 'refused';
    if (!uris.includes(fields.get('uri') ?? '')) return 'malformed';
    if (fields.get('username') !== login.user || fields.get('realm') !== this.#options.realm)
      return 'refused';
    const expected = digestResponse(fields, method, algorithm, this.#options.realm, login);
    if (fields.get('response') !== expected) return 'refused';
    return this.#nonceVerdict(fields);
  }

  /** Every nonce handed out so far becomes stale. */
  expireNonces(): void {
    this.#nonces.clear();
  }

  #offers(algorithm: string): boolean {
    const { offer } = this.#options;
    if (algorithm === 'MD5') return offer !== 'sha256';
    return algorithm === 'SHA-256' && (offer === 'sha256' || offer === 'both');
  }

  #makeNonce(): string {
    const nonce = randomBytes(16).toString('hex');
    const oldest = this.#nonces.keys().next().value;
    if (this.#nonces.size >= MAX_NONCES && oldest) this.#nonces.delete(oldest);
    this.#nonces.set(nonce, performance.now());
    return nonce;
  }

  #nonceVerdict(fields: ReadonlyMap<string, string>): DigestVerdict {
    const nonce = fields.get('nonce') ?? '';
    const madeAt = this.#nonces.get(nonce);
    if (madeAt === undefined || performance.now() - madeAt > this.#options.nonceLifetimeMs) return 'stale';
    if (fields.has('qop')) this.#countUse(`${nonce}:${fields.get('nc')}`);
    return 'accepted';
  }

  #countUse(pair: string): void {
    if (this.#used.has(pair)) this.countsRepeated += 1;
    if (this.#used.size < 100 * MAX_NONCES) this.#used.add(pair);
  }
}

function parseDigest(header: string): Map<string, string> {
  const fields = new Map<string, string>();
  const form = /([a-z0-9*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/gi;
  for (const [, name = '', quoted, plain] of header.matchAll(form)) {
    fields.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '');
  }
  return fields;
}

function digestResponse(
  fields: ReadonlyMap<string, string>,
  method: string,
  algorithm: string,
  realm: string,
  login: Login,
): string {
  const hash = (text: string) =>
    createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
      .update(text)
      .digest('hex');
  const field = (name: string) => fields.get(name) ?? '';
  const ha1 = hash(`${login.user}:${realm}:${login.password}`);
  const ha2 = hash(`${method}:${field('uri')}`);
  if (!fields.has('qop')) return hash(`${ha1}:${field('nonce')}:${ha2}`);
  return hash([ha1, field('nonce'), field('nc'), field('cnonce'), field('qop'), ha2].join(':'));
}
