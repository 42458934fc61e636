import type { Code } from '../base/codes.ts';
import { DeviceError, InternalError } from '../base/errors.ts';
import type { Permit } from '../camera/types.ts';
import type { AgentToVideo, VideoToAgent } from '../contract/video-link.ts';

type Answer = Extract<AgentToVideo, { type: 'permit' | 'login-leave' }>;
type Grant = Extract<AgentToVideo, { type: 'permit' }>;
type Outcome = Extract<VideoToAgent, { type: 'login' }>['outcome'];
type Send = (message: VideoToAgent) => void;

/** What is known of a camera's login while the agent is away. */
interface CameraMemory {
  /** Credential version of the last grant. */
  readonly version: number;
  /** Where the agent let it be connected to last. */
  readonly addresses: readonly string[] | undefined;
  /** The last login was accepted. */
  proven: boolean;
  /** A login that was refused while nobody counted. */
  unreported: boolean;
}

interface Held {
  readonly camera: string;
  readonly version: number;
  readonly addresses: readonly string[] | undefined;
  /** Number of the request at the agent that is there now; undefined while none knows of it. */
  request: number | undefined;
  /** Until the agent that came back has answered. */
  registering: Promise<void> | undefined;
  /** A question for leave that is not answered yet. */
  asking: Promise<boolean> | undefined;
  released: boolean;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (why: Error) => void;
}

/**
 * Permits for connections to cameras. The agent grants them, and leave for each login. While it is away, a camera may
 * be connected again where it was last as long as no login was refused, and logged in to when the last login was
 * accepted; a refusal that nobody counted is told when the agent is back.
 */
export class PermitDesk {
  readonly #waiting = new Map<string, Waiting>();
  readonly #memory = new Map<string, CameraMemory>();
  readonly #held = new Set<Held>();
  #send: Send | undefined;
  #lastRequest = 0;

  /** The agent is there: it is asked anew for what is held. */
  connected(send: Send): void {
    this.#send = send;
    for (const held of this.#held) held.registering = this.#register(held);
  }

  /** The agent is away; what waits for its answer is decided by what is known. */
  disconnected(): void {
    this.#send = undefined;
    for (const held of this.#held) held.request = undefined;
    const why = new InternalError('internal', 'the agent went away');
    for (const { reject } of this.#waiting.values()) reject(why);
    this.#waiting.clear();
  }

  /** An answer of the agent. A permit that nobody waits for any more is given back. */
  take(answer: Answer): void {
    const key = `${answer.type} ${answer.request}`;
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    if (waiting) waiting.resolve(answer);
    else if (answer.type === 'permit' && answer.granted)
      this.#send?.({ type: 'permit-end', request: answer.request });
  }

  /**
   * The right to connect to a camera once.
   * @param version of the credentials; 0 without
   * @throws DeviceError `camera-latched`, `camera-silent`, InternalError `camera-connection-limit`, the signal's reason
   */
  async acquire(camera: string, version: number, signal: AbortSignal): Promise<Permit> {
    signal.throwIfAborted();
    if (!this.#send) return this.#grantAlone(camera, version);
    const answer = await this.#ask(camera, signal).catch((thrown: unknown) => {
      signal.throwIfAborted();
      if (this.#send) throw thrown;
      return undefined;
    });
    if (!answer) return this.#grantAlone(camera, version);
    if (!answer.granted) throw refusal(camera, answer.code);
    const { request, addresses } = answer;
    const permit = this.#permit({ camera, version, addresses, request });
    if (!this.#remember(camera, version, addresses)) return permit;
    permit.loginRefused();
    permit.release();
    return this.acquire(camera, version, signal);
  }

  /** @returns whether a refusal of these credentials is still to be told */
  #remember(camera: string, version: number, addresses: readonly string[] | undefined): boolean {
    const before = this.#memory.get(camera);
    const same = before?.version === version ? before : undefined;
    this.#memory.set(camera, { version, addresses, proven: same?.proven ?? false, unreported: false });
    return same?.unreported ?? false;
  }

  #grantAlone(camera: string, version: number): Permit {
    const memory = this.#memory.get(camera);
    if (memory?.version !== version || memory.unreported) {
      throw new InternalError(
        'camera-connection-limit',
        `${camera}: the agent is away, and nothing allows another login without it`,
      );
    }
    return this.#permit({ camera, version, addresses: memory.addresses, request: undefined });
  }

  async #ask(camera: string, signal: AbortSignal): Promise<Grant> {
    this.#lastRequest += 1;
    const request = this.#lastRequest;
    return (await this.#answerTo({ type: 'permit-request', request, camera }, 'permit', signal, () =>
      this.#send?.({ type: 'permit-end', request }),
    )) as Grant;
  }

  #answerTo(
    question: Extract<VideoToAgent, { type: 'permit-request' | 'login-try' }>,
    type: Answer['type'],
    signal?: AbortSignal,
    gaveUp: () => void = () => undefined,
  ): Promise<Answer> {
    const key = `${type} ${question.request}`;
    return new Promise<Answer>((resolve, reject) => {
      const aborted = () => {
        this.#waiting.delete(key);
        gaveUp();
        reject(signal?.reason);
      };
      const settle =
        <T>(pass: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener('abort', aborted);
          pass(value);
        };
      signal?.addEventListener('abort', aborted, { once: true });
      this.#waiting.set(key, { resolve: settle(resolve), reject: settle(reject) });
      this.#send?.(question);
    });
  }

  /** Tells an agent that has come back of a connection that is open. */
  async #register(held: Held): Promise<void> {
    const answer = await this.#ask(held.camera, new AbortController().signal).catch(() => undefined);
    if (!answer) return;
    if (!answer.granted) this.#forgetProof(held);
    else if (held.released) this.#send?.({ type: 'permit-end', request: answer.request });
    else held.request = answer.request;
  }

  #permit(given: Pick<Held, 'camera' | 'version' | 'addresses' | 'request'>): Permit {
    const held: Held = { ...given, registering: undefined, asking: undefined, released: false };
    this.#held.add(held);
    return {
      ...(given.addresses ? { addresses: given.addresses } : {}),
      tryLogin: () => {
        held.asking ??= this.#tryLogin(held).finally(() => {
          held.asking = undefined;
        });
        return held.asking;
      },
      loginAccepted: () => this.#settled(held, 'accepted'),
      loginRefused: () => this.#settled(held, 'refused'),
      loginUnanswered: () => this.#settled(held, 'unanswered'),
      loginUndecided: () => this.#settled(held, 'undecided'),
      release: () => this.#release(held),
    };
  }

  async #tryLogin(held: Held): Promise<boolean> {
    if (held.version === 0) return true;
    await held.registering;
    const { request } = held;
    if (this.#send && request !== undefined) {
      const answer = await this.#answerTo({ type: 'login-try', request }, 'login-leave').catch(
        () => undefined,
      );
      if (answer) return answer.granted;
    }
    return this.#memoryOf(held)?.proven ?? false;
  }

  #settled(held: Held, outcome: Outcome): void {
    const told = this.#send !== undefined && held.request !== undefined;
    if (told) this.#send?.({ type: 'login', request: held.request ?? 0, outcome });
    const memory = this.#memoryOf(held);
    if (!memory || outcome === 'unanswered' || outcome === 'undecided') return;
    memory.proven = outcome === 'accepted';
    if (outcome === 'refused') memory.unreported = !told;
  }

  #forgetProof(held: Held): void {
    const memory = this.#memoryOf(held);
    if (memory) memory.proven = false;
  }

  #memoryOf({ camera, version }: Held): CameraMemory | undefined {
    const memory = this.#memory.get(camera);
    return memory?.version === version ? memory : undefined;
  }

  #release(held: Held): void {
    if (held.released) return;
    held.released = true;
    this.#held.delete(held);
    if (held.request !== undefined) this.#send?.({ type: 'permit-end', request: held.request });
  }
}

function refusal(camera: string, code: Code | undefined): Error {
  if (code === 'camera-latched') {
    return new DeviceError(code, `${camera}: too many logins were refused for these credentials`);
  }
  if (code === 'camera-silent') {
    return new DeviceError(code, `${camera}: logins were left unanswered, so none is tried for a while`);
  }
  return new InternalError('camera-connection-limit', `${camera}: the agent granted no connection (${code})`);
}
