import { type BeffroiError, DeviceError } from '../../base/errors.ts';
import { quoted } from '../../base/text.ts';
import { Login } from '../auth/digest.ts';
import { silent } from '../http/connect.ts';
import { exchange, HTTP_LIMITS, requestPath } from '../http/exchange.ts';
import type { Credentials, Permit } from '../types.ts';
import { type Answer, contentOf, readAnswer, wantsLogin } from './answer.ts';
import { usernameToken, withHeader } from './envelope.ts';
import { faultError, isClockFault } from './fault.ts';
import type { LoginWay, ServiceAddress, SoapCall, SoapNeeds } from './soap-call.ts';
import { type CameraClock, type ClockOffset, measureClock } from './system-time.ts';

export interface SequenceNeeds extends SoapNeeds {
  readonly camera: string;
  readonly credentials: Credentials | undefined;
  readonly cameraClock: CameraClock;
  /** Whom to ask for the time. */
  readonly device: ServiceAddress;
  /** The way that worked last, per service; written here. */
  readonly ways: Map<string, LoginWay>;
}

/** A newly measured offset that differs by more is worth another try. Source: guess, above the error of measurement. */
const CLOCK_MOVED_MS = 1_500;

/** Beyond this offset a refused token is put down to the clock. Source: the widest window known of a maker, ±300 s. */
const CLOCK_SUSPECT_MS = 300_000;

/** A camera that does not tell its time is taken to be right. */
const UNKNOWN_OFFSET: ClockOffset = { offsetMs: 0, uncertaintyMs: Number.POSITIVE_INFINITY };

/**
 * One call with the logins that it takes, all under one permit. The first request carries no credentials, unless the
 * service is known to want a token; then follows what the camera asks for: HTTP login, or WS-UsernameToken, and the
 * token once more when the clock of the camera has moved. Each try that is refused is told to the permit at once.
 */
export class LoginSequence {
  readonly #call: SoapCall;
  readonly #permit: Permit;
  readonly #needs: SequenceNeeds;
  readonly #signal: AbortSignal;
  readonly #endMs: number;
  #offset: ClockOffset | undefined;
  /** Why the HTTP login that the camera offers cannot be used. */
  #unusable: DeviceError | undefined;

  constructor(call: SoapCall, permit: Permit, needs: SequenceNeeds, signal: AbortSignal) {
    this.#call = call;
    this.#permit = permit;
    this.#needs = needs;
    this.#signal = signal;
    this.#endMs = needs.clock.monotonicMs() + HTTP_LIMITS.overallMs + (call.holdMs ?? 0);
  }

  /** @throws DeviceError `camera-login-refused`, `camera-clock-refused`, `camera-latched`, `camera-insecure-login` */
  async run(): Promise<Answer> {
    const way = this.#needs.ways.get(this.#call.service);
    const first = way === 'token' ? await this.#firstToken() : await this.#send(this.#call);
    if (!wantsLogin(first)) return first;
    const login = this.#credentials();
    const byHttp = await this.#http(login, first);
    if (byHttp && !wantsLogin(byHttp)) return byHttp;
    const last = byHttp ?? first;
    if (way === 'token') return byHttp ? this.#fail(last) : await this.#tokenAgain(login, last);
    if (way === 'http' || !this.#mayWantToken(last)) return this.#fail(last);
    const byToken = await this.#token(login);
    if (!byToken) return byHttp ? this.#fail(last) : this.#noTry();
    return wantsLogin(byToken) ? await this.#tokenAgain(login, byToken) : byToken;
  }

  /** A camera that speaks SOAP to refuse, or that offers no HTTP login we can use, may mean a token. */
  #mayWantToken({ fault, reply }: Answer): boolean {
    return fault !== undefined || reply.challenges.length === 0 || !!this.#unusable;
  }

  async #firstToken(): Promise<Answer> {
    return (await this.#token(this.#credentials())) ?? this.#noTry();
  }

  /** The camera refused a token: if its clock has moved meanwhile, the time was wrong and not the password. */
  async #tokenAgain(login: Credentials, refused: Answer): Promise<Answer> {
    const before = this.#offset ?? UNKNOWN_OFFSET;
    this.#offset = await this.#measure();
    const moved = Math.abs(this.#offset.offsetMs - before.offsetMs) > CLOCK_MOVED_MS;
    const answer = moved ? await this.#token(login) : undefined;
    return answer && !wantsLogin(answer) ? answer : this.#fail(answer ?? refused);
  }

  /** @returns undefined when no login may be tried any more */
  async #token(login: Credentials): Promise<Answer | undefined> {
    this.#offset ??= this.#needs.cameraClock.fresh ?? (await this.#measure());
    if (!(await this.#permit.tryLogin())) return undefined;
    const nonce = this.#needs.randomBytes(16);
    const createdMs = this.#needs.clock.wallMs() + this.#offset.offsetMs;
    const envelope = withHeader(this.#call.envelope, usernameToken(login, nonce, createdMs));
    return this.#settle(await this.#try({ ...this.#call, envelope }), 'token');
  }

  /** @returns undefined when the answer offers no HTTP login that can be used */
  async #http(credentials: Credentials, first: Answer): Promise<Answer | undefined> {
    if (first.reply.challenges.length === 0) return undefined;
    const { camera, randomBytes } = this.#needs;
    const { tls, certificateSha256 } = this.#call.address.target;
    const peerKnown = tls && certificateSha256 !== undefined;
    const login = new Login(credentials, { camera, peerKnown, randomBytes });
    let answer = first;
    while (this.#challenge(login, answer) === 'retry') {
      if (!(await this.#permit.tryLogin())) this.#noTry();
      const authorization = login.authorize('POST', requestPath(this.#call.address.path)) ?? '';
      answer = await this.#try(this.#call, { Authorization: authorization });
      if (answer.reply.status !== 401 || answer.reply.challenges.length === 0) break;
    }
    return answer === first ? undefined : this.#settle(answer, 'http');
  }

  #challenge(login: Login, answer: Answer): 'retry' | 'refused' {
    try {
      return login.challenge(answer.reply.challenges);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      this.#unusable = error;
      return 'refused';
    }
  }

  /** Tells the permit how a try with credentials ended. */
  #settle(answer: Answer, way: LoginWay): Answer {
    if (way === 'http') this.#failForRights(answer);
    if (wantsLogin(answer)) this.#permit.loginRefused();
    else if (answer.reply.status === 200 || answer.fault) {
      this.#permit.loginAccepted();
      this.#needs.ways.set(this.#call.service, way);
    } else this.#permit.loginUndecided();
    return answer;
  }

  /** An account whose HTTP login works elsewhere, and passed here too, lacks the right: that is no refused login. */
  #failForRights(answer: Answer): void {
    const { camera, ways } = this.#needs;
    const { fault, reply } = answer;
    if (!fault || !wantsLogin(answer) || reply.status === 401 || ![...ways.values()].includes('http')) return;
    this.#permit.loginUndecided();
    throw faultError(fault, camera, this.#call.method);
  }

  async #measure(): Promise<ClockOffset> {
    const { camera, cameraClock, device } = this.#needs;
    const ask = async (method: string, envelope: string) => {
      const call = { service: 'time', method, address: device, envelope };
      return contentOf(await this.#send(call), camera, method);
    };
    const offset = await measureClock(ask, camera).catch(() => undefined);
    this.#signal.throwIfAborted();
    if (offset) cameraClock.keep(offset);
    return offset ?? UNKNOWN_OFFSET;
  }

  /** A request that carries credentials. */
  async #try(call: SoapCall, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    try {
      return await this.#send(call, headers);
    } catch (error) {
      if (!this.#signal.aborted) this.#permit.loginUnanswered();
      throw error;
    }
  }

  async #send(call: SoapCall, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const { target, path } = call.address;
    const holdMs = call.holdMs ?? 0;
    const overallMs = this.#endMs - this.#needs.clock.monotonicMs();
    if (overallMs <= 0) throw silent(target, call.method);
    const limits = { ...HTTP_LIMITS, idleMs: HTTP_LIMITS.idleMs + holdMs, overallMs };
    const action = call.action === undefined ? '' : `; action="${call.action}"`;
    const type = { 'Content-Type': `application/soap+xml; charset=utf-8${action}` };
    const request = { method: 'POST' as const, path, headers: { ...type, ...headers }, body: call.envelope };
    return await readAnswer(
      await exchange(target, request, limits, this.#needs.clock, this.#signal),
      this.#needs.camera,
    );
  }

  #credentials(): Credentials {
    const { camera, credentials } = this.#needs;
    if (credentials) return credentials;
    const message = `${camera}: ${this.#call.method} wants a login, and the configuration holds none`;
    throw new DeviceError('camera-login-refused', message);
  }

  #noTry(): never {
    const message = `${this.#needs.camera}: no login left to try with these credentials`;
    throw new DeviceError('camera-latched', message);
  }

  #fail(answer: Answer): never {
    throw this.#refusal(answer);
  }

  #refusal({ fault, reply }: Answer): BeffroiError {
    const { camera } = this.#needs;
    const offsetMs = this.#offset?.offsetMs ?? 0;
    const said = quoted([...(fault?.codes ?? []), fault?.reason ?? ''].join(' ').trim());
    const message = `${camera}: ${this.#call.method} refused with status ${reply.status} ${said}`;
    if (this.#offset && ((fault && isClockFault(fault)) || Math.abs(offsetMs) > CLOCK_SUSPECT_MS)) {
      const clock = `the clock of the camera is ${Math.round(offsetMs / 1000)} s ahead of the box`;
      return new DeviceError('camera-clock-refused', `${message}; ${clock}`);
    }
    return this.#unusable ?? new DeviceError('camera-login-refused', message);
  }
}
