import { DeviceError, PeerProtocolError } from '../../base/errors.ts';
import { quoted } from '../../base/text.ts';
import type { Credentials } from '../types.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { digestResponse } from './digest-response.ts';

export interface LoginOptions {
  /** Name of the camera, for messages. */
  readonly camera: string;
  /**
   * True when the connection is TLS and its certificate was checked: only then may Basic be used. Whoever stands between
   * could else ask for the password in clear under a certificate of his own.
   */
  readonly peerKnown: boolean;
  readonly randomBytes: (count: number) => Buffer;
}

/** How many new nonces in a row a peer may ask for with `stale=true` before it counts as a refusal. Source: guess. */
const MAX_STALE_IN_A_ROW = 2;

interface Digest {
  readonly kind: 'digest';
  readonly challenge: Challenge;
  readonly hash: 'md5' | 'sha256';
  readonly session: boolean;
  readonly qop: boolean;
  readonly cnonce: string;
}

type Scheme = Digest | { readonly kind: 'basic' };

/**
 * The login of one client at one peer by HTTP or RTSP authentication: Digest with SHA-256 or MD5 (also `-sess`),
 * with `qop=auth` or in the legacy form; Basic only to a peer that TLS has proven. Knows nothing of the transport:
 *
 * - put `authorize(method, uri)` on each request as `Authorization`, when it gives one;
 * - on a 401 hand `challenge()` every `WWW-Authenticate` header: send the request again, or give up;
 * - on any reply that is not a 401 call `accepted()`.
 *
 * A first challenge, a stale nonce and one new nonce after a login that had been accepted are no refusals; a peer
 * that goes on asking is. `refusals` is how many logins the peer has refused since the last accepted one.
 * @see RFC 7616, RFC 2617, RFC 2069
 */
export class Login {
  readonly #credentials: Credentials;
  readonly #options: LoginOptions;
  #scheme: Scheme | undefined;
  #nonceCount = 0;
  #sent = false;
  #wasAccepted = false;
  #staleInARow = 0;
  #refusals = 0;

  constructor(credentials: Credentials, options: LoginOptions) {
    this.#credentials = credentials;
    this.#options = options;
  }

  /** Logins refused by the peer since the last accepted one. */
  get refusals(): number {
    return this.#refusals;
  }

  /** Whether the peer has asked for a login that can be given. */
  get challenged(): boolean {
    return this.#scheme !== undefined;
  }

  /** Whether credentials went out since the last challenge or acceptance. */
  get sent(): boolean {
    return this.#sent;
  }

  /**
   * Takes the challenges of a 401.
   * @param headers every `WWW-Authenticate` value
   * @returns `retry`: send the request again with `authorize()`; `refused`: the peer does not take the credentials
   * @throws DeviceError `camera-insecure-login` when only Basic is offered and the peer is not known,
   * `camera-unsupported` when no known scheme is offered
   * @throws PeerProtocolError `camera-protocol` when there is no challenge at all
   */
  challenge(headers: readonly string[]): 'retry' | 'refused' {
    const offered = parseChallenges(headers);
    const before = this.#scheme;
    const verdict = this.#sent ? this.#judge(offered, before) : 'retry';
    this.#sent = false;
    if (verdict === 'refused') return verdict;
    this.#scheme = this.#choose(offered);
    this.#nonceCount = 0;
    return verdict;
  }

  /**
   * The value of `Authorization`, undefined before the first challenge. Text outside ASCII is UTF-8, one character
   * per byte: write it as `latin1`. Holds a secret when the scheme is Basic: never log it.
   */
  authorize(method: string, uri: string): string | undefined {
    if (!this.#scheme) return undefined;
    this.#sent = true;
    return this.#scheme.kind === 'basic' ? this.#basic() : this.#digest(this.#scheme, method, uri);
  }

  /** The peer answered with something else than 401: what was sent, if anything, was good. */
  accepted(): void {
    if (!this.#sent) return;
    this.#sent = false;
    this.#wasAccepted = true;
    this.#staleInARow = 0;
    this.#refusals = 0;
  }

  /** Credentials were sent and a 401 came back. */
  #judge(offered: readonly Challenge[], before: Scheme | undefined): 'retry' | 'refused' {
    if (!hasNewNonce(offered, before)) return this.#refuse();
    if (offered.some(isStale) && this.#staleInARow < MAX_STALE_IN_A_ROW) {
      this.#staleInARow += 1;
      return 'retry';
    }
    const firstDoubt = this.#wasAccepted;
    this.#wasAccepted = false;
    this.#refusals += 1;
    return firstDoubt ? 'retry' : 'refused';
  }

  #refuse(): 'refused' {
    this.#wasAccepted = false;
    this.#refusals += 1;
    return 'refused';
  }

  #choose(offered: readonly Challenge[]): Scheme {
    if (offered.length === 0) {
      throw new PeerProtocolError('camera-protocol', `${this.#options.camera}: 401 without a challenge`);
    }
    const digests = offered.flatMap((challenge) => this.#asDigest(challenge));
    const best = digests.find(({ hash }) => hash === 'sha256') ?? digests[0];
    if (best) return best;
    if (!offered.some(({ scheme }) => scheme === 'basic')) throw this.#unknown(offered);
    if (!this.#options.peerKnown) throw this.#insecure();
    return { kind: 'basic' };
  }

  #asDigest(challenge: Challenge): Digest[] {
    const algorithm = (challenge.params.get('algorithm') ?? 'md5').trim().toLowerCase();
    const known = /^(md5|sha-?256)(-sess)?$/.exec(algorithm);
    const qops = qopsOf(challenge);
    const usable =
      challenge.scheme === 'digest' && challenge.params.has('nonce') && known && canReturn(challenge);
    if (!usable || (qops.length > 0 && !qops.includes('auth'))) return [];
    return [
      {
        kind: 'digest',
        challenge,
        hash: known[1] === 'md5' ? 'md5' : 'sha256',
        session: known[2] !== undefined,
        qop: qops.length > 0,
        cnonce: this.#options.randomBytes(16).toString('hex'),
      },
    ];
  }

  #basic(): string {
    const { user, password } = this.#credentials;
    return `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`;
  }

  #digest(scheme: Digest, method: string, uri: string): string {
    this.#nonceCount += 1;
    const nonceCount = this.#nonceCount.toString(16).padStart(8, '0');
    const { params } = scheme.challenge;
    const { hash, session, cnonce } = scheme;
    const [realm, nonce] = [params.get('realm') ?? '', params.get('nonce') ?? ''];
    const [user, password] = [bytesOf(this.#credentials.user), bytesOf(this.#credentials.password)];
    const auth = scheme.qop ? { auth: { cnonce, nonceCount } } : {};
    const input = { hash, session, user, password, realm, nonce, method, uri, cnonce, ...auth };
    return [
      `Digest username="${escapeQuoted(user)}"`,
      `realm="${realm}"`,
      `nonce="${nonce}"`,
      `uri="${uri}"`,
      `response="${digestResponse(input)}"`,
      ...echo('algorithm', params.get('algorithm')),
      ...(scheme.qop ? ['qop=auth', `nc=${nonceCount}`] : []),
      ...(scheme.qop || session ? [`cnonce="${cnonce}"`] : []),
      ...(params.has('opaque') ? [`opaque="${params.get('opaque')}"`] : []),
    ].join(', ');
  }

  #unknown(offered: readonly Challenge[]): DeviceError {
    const names = offered.map(({ scheme, params }) => `${scheme} ${params.get('algorithm') ?? ''}`.trim());
    const message = `${this.#options.camera}: expected a Digest login by MD5 or SHA-256, offered ${quoted(names.join(', '))}`;
    return new DeviceError('camera-unsupported', message);
  }

  #insecure(): DeviceError {
    const message = `${this.#options.camera}: asks for the password in clear (Basic), expected TLS with a pinned certificate for that`;
    return new DeviceError('camera-insecure-login', message);
  }
}

/** Whether a header can carry what is to be sent back. @see RFC 9110 §5.5 */
function canReturn({ params }: Challenge): boolean {
  return ['realm', 'nonce', 'opaque', 'algorithm'].every((name) => !/[\0\r\n]/.test(params.get(name) ?? ''));
}

function isStale({ params }: Challenge): boolean {
  return params.get('stale')?.trim().toLowerCase() === 'true';
}

function hasNewNonce(offered: readonly Challenge[], before: Scheme | undefined): boolean {
  if (before?.kind !== 'digest') return false;
  const old = before.challenge.params.get('nonce');
  return offered.some(({ params }) => params.has('nonce') && params.get('nonce') !== old);
}

function qopsOf({ params }: Challenge): string[] {
  const words = (params.get('qop') ?? '').toLowerCase().split(/[\s,]+/);
  return words.filter((word) => word !== '');
}

function echo(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`${name}=${value.trim()}`];
}

function escapeQuoted(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f]/g, '').replace(/["\\]/g, '\\$&');
}

/** As UTF-8, one character for each byte. */
function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
