import { type BeffroiError, DeviceError, PeerProtocolError } from '../../base/errors.ts';
import { quoted } from '../../base/text.ts';
import type { Login } from '../auth/digest.ts';
import type { Permit } from '../types.ts';
import type { Field, RtspConnection } from './connection.ts';
import type { Reply } from './message.ts';

/** Times that one request is sent because of logins: first challenge, stale nonces, one doubt. */
const MAX_SENDS = 6;

export interface ClientNeeds {
  readonly camera: string;
  readonly connection: RtspConnection;
  readonly permit: Permit;
  /** Absent: no credentials are configured. */
  readonly login?: Login;
  readonly requestTimeoutMs: number;
}

export interface RequestMore {
  /** For each answer, where it is less than for any request. */
  readonly timeoutMs?: number;
  /** ASCII. */
  readonly body?: string;
  /** Goes behind the media that was handed over, and not before it. */
  readonly afterMedia?: boolean;
}

/** Sends requests with the login that the camera asks for, within what the permit allows. */
export class RtspClient {
  readonly #needs: ClientNeeds;
  #login: Login | undefined;

  constructor(needs: ClientNeeds) {
    this.#needs = needs;
    this.#login = needs.login;
  }

  /** From now on no credentials are sent. */
  forgetLogin(): void {
    this.#login = undefined;
  }

  /**
   * @returns the reply, whatever its status but 401 and 403
   * @throws DeviceError `camera-login-refused`, `camera-latched`, and what the connection throws
   */
  async request(
    method: string,
    url: string,
    fields: readonly Field[] = [],
    more: RequestMore = {},
  ): Promise<Reply> {
    for (let sends = 0; sends < MAX_SENDS; sends += 1) {
      const reply = await this.#send(method, url, fields, more);
      if (reply.status === 401) await this.#challenged(method, reply);
      else if (reply.status === 403) throw this.#forbidden(method);
      else return this.#answered(reply);
    }
    throw this.#refused(method);
  }

  /** Like `request`, and any status but 2xx is an error. */
  async expectOk(
    method: string,
    url: string,
    fields: readonly Field[] = [],
    more: RequestMore = {},
  ): Promise<Reply> {
    const reply = await this.request(method, url, fields, more);
    if (!isOk(reply)) throw statusError(this.#needs.camera, method, reply);
    return reply;
  }

  async #send(method: string, url: string, fields: readonly Field[], more: RequestMore): Promise<Reply> {
    const { permit, connection, requestTimeoutMs } = this.#needs;
    const login = this.#login;
    const all: Field[] = [['User-Agent', 'Beffroi'], ...fields];
    if (login?.challenged && (await permit.tryLogin())) {
      all.push(['Authorization', login.authorize(method, url) ?? '']);
    }
    const timeoutMs = Math.min(requestTimeoutMs, more.timeoutMs ?? requestTimeoutMs);
    const reply = connection.request({ ...more, method, url, fields: all, timeoutMs });
    return await reply.catch((error: unknown) => {
      if (!connection.closedByUs) permit.loginUnanswered();
      throw error;
    });
  }

  /** Returns when the request shall be sent again. */
  async #challenged(method: string, reply: Reply): Promise<void> {
    const { camera, permit } = this.#needs;
    const login = this.#login;
    if (!login) {
      throw new DeviceError('camera-login-refused', `${camera}: ${method} needs a login, none is configured`);
    }
    const before = login.refusals;
    const verdict = login.challenge(reply.headers.all('www-authenticate'));
    const isRefusal = login.refusals > before;
    if (isRefusal) permit.loginRefused();
    if (verdict === 'refused') throw this.#refused(method);
    if (await permit.tryLogin()) return;
    if (isRefusal) throw this.#refused(method);
    throw new DeviceError('camera-latched', `${camera}: ${method} needs a login, and no more are tried`);
  }

  #refused(method: string): BeffroiError {
    const { camera } = this.#needs;
    return new DeviceError('camera-login-refused', `${camera}: ${method}: the camera refused the login`);
  }

  #forbidden(method: string): BeffroiError {
    const { camera, permit } = this.#needs;
    if (this.#login?.sent) permit.loginRefused();
    return new DeviceError('camera-login-refused', `${camera}: ${method}: the camera forbids it (403)`);
  }

  #answered(reply: Reply): Reply {
    const { permit } = this.#needs;
    const login = this.#login;
    if (!login?.sent) return reply;
    if (reply.status >= 500) {
      permit.loginUndecided();
    } else {
      login.accepted();
      permit.loginAccepted();
    }
    return reply;
  }
}

export function isOk(reply: Reply): boolean {
  return reply.status >= 200 && reply.status < 300;
}

/** What a status that is no success means. @see RFC 2326 §11, RFC 7826 §17 */
export function statusError(camera: string, method: string, reply: Reply): BeffroiError {
  const { status } = reply;
  const message = `${camera}: ${method}: expected 200, came ${status} ${quoted(reply.reason)}`;
  if (status >= 300 && status < 400) {
    const location = quoted(reply.headers.get('location') ?? 'nowhere');
    return new PeerProtocolError('camera-redirected', `${message}, to ${location}`);
  }
  if (status === 404 || status === 410) return new DeviceError('camera-not-found', message);
  if (isBusy(status, method)) return new DeviceError('camera-busy', message);
  if ([405, 406, 415, 461, 501, 505, 551].includes(status))
    return new DeviceError('camera-unsupported', message);
  return new PeerProtocolError('camera-protocol', message);
}

/** Cameras at their limit of viewers say 453 or 503; some, at SETUP or PLAY, a plain 500. */
function isBusy(status: number, method: string): boolean {
  return status === 453 || status === 503 || (status === 500 && (method === 'SETUP' || method === 'PLAY'));
}
