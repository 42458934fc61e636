import { createHash, timingSafeEqual } from 'node:crypto';
import { child, text, type XmlNode } from './soap.ts';

export type TokenVerdict = 'none' | 'accepted' | 'refused' | 'clock';

const MAX_NONCES = 1000;

export interface UsernameTokenOptions {
  /** How far `Created` may be from the camera's clock, either way. */
  readonly windowMs: number;
  readonly login: { readonly user: string; readonly password: string };
  readonly wallMs: () => number;
}

/**
 * Checks WS-UsernameToken: password digest, nonce not seen before, created within the window.
 * @see OASIS WSS UsernameToken Profile 1.0 §3.1, ONVIF Core §5.9.4
 */
export class UsernameTokens {
  readonly #options: UsernameTokenOptions;
  readonly #seen = new Set<string>();

  constructor(options: UsernameTokenOptions) {
    this.#options = options;
  }

  check(header: XmlNode | undefined): TokenVerdict {
    const token = child(child(header, 'Security'), 'UsernameToken');
    if (token === undefined) return 'none';
    const field = (name: string) => text(child(token, name)) ?? '';
    const nonce = field('Nonce');
    const created = field('Created');
    if (nonce === '' || created === '' || field('Username') !== this.#options.login.user) return 'refused';
    if (!this.#matches(field('Password'), nonce, created)) return 'refused';
    if (!this.#inWindow(created)) return 'clock';
    return this.#fresh(nonce) ? 'accepted' : 'refused';
  }

  #matches(digest: string, nonce: string, created: string): boolean {
    const hash = createHash('sha1');
    hash.update(Buffer.from(nonce, 'base64')).update(created).update(this.#options.login.password);
    const expected = hash.digest();
    const given = Buffer.from(digest, 'base64');
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  #inWindow(created: string): boolean {
    return Math.abs(Date.parse(created) - this.#options.wallMs()) <= this.#options.windowMs;
  }

  #fresh(nonce: string): boolean {
    if (this.#seen.has(nonce)) return false;
    const oldest = this.#seen.values().next().value;
    if (this.#seen.size >= MAX_NONCES && oldest !== undefined) this.#seen.delete(oldest);
    this.#seen.add(nonce);
    return true;
  }
}
