import type { Code } from '../base/codes.ts';
import { DeviceError, InternalError } from '../base/errors.ts';
import type { Permit } from '../camera/types.ts';
import type { AgentToVideo, VideoToAgent } from '../contract/video-link.ts';

type Answer = Extract<AgentToVideo, { type: 'permit' }>;
type Send = (message: VideoToAgent) => void;

/** What is known of a camera's login while the agent is away. */
interface CameraMemory {
  /** Credential version of the last grant. */
  version: number;
  refusalsLeft: number;
  /** A login that was refused while nobody counted. */
  unreported: boolean;
}

interface Held {
  readonly camera: string;
  readonly version: number;
  /** Number of the request at the agent that is there now; undefined while none knows of it. */
  request: number | undefined;
  released: boolean;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (why: Error) => void;
}

/**
 * Permits for connections to cameras. The agent grants them. While it is away, a camera may be connected again as
 * long as no login was refused since its last grant; a refusal that nobody counted is told when the agent is back.
 */
export class PermitDesk {
  readonly #waiting = new Map<number, Waiting>();
  readonly #memory = new Map<string, CameraMemory>();
  readonly #held = new Set<Held>();
  #send: Send | undefined;
  #lastRequest = 0;

  /** The agent is there: it is asked anew for what is held. */
  connected(send: Send): void {
    this.#send = send;
    for (const held of this.#held) this.#register(held);
  }

  /** The agent is away; what waits for its answer is decided by what is known. */
  disconnected(): void {
    this.#send = undefined;
    for (const held of this.#held) held.request = undefined;
    const why = new InternalError('internal', 'the agent went away');
    for (const { reject } of this.#waiting.values()) reject(why);
    this.#waiting.clear();
  }

  /** An answer of the agent. One that nobody waits for any more is given back. */
  take(answer: Answer): void {
    const waiting = this.#waiting.get(answer.request);
    this.#waiting.delete(answer.request);
    if (waiting) waiting.resolve(answer);
    else if (answer.granted) this.#send?.({ type: 'permit-end', request: answer.request });
  }

  /**
   * The right to connect to a camera once.
   * @param version of the credentials; 0 without
   * @throws DeviceError `camera-latched`, InternalError `camera-connection-limit`, the signal's reason
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
    const reported = this.#memory.get(camera);
    this.#memory.set(camera, { version, refusalsLeft: answer.refusalsLeft, unreported: false });
    const permit = this.#permit(
      { camera, version, request: answer.request, released: false },
      answer.refusalsLeft,
    );
    if (!reported?.unreported || reported.version !== version) return permit;
    permit.loginRefused();
    permit.release();
    return this.acquire(camera, version, signal);
  }

  #grantAlone(camera: string, version: number): Permit {
    const memory = this.#memory.get(camera);
    const usable =
      memory?.version === version && !memory.unreported && (version === 0 || memory.refusalsLeft > 0);
    if (!usable) {
      throw new InternalError(
        'camera-connection-limit',
        `${camera}: the agent is away, and nothing allows another login without it`,
      );
    }
    return this.#permit(
      { camera, version, request: undefined, released: false },
      Math.min(memory.refusalsLeft, 1),
    );
  }

  #ask(camera: string, signal: AbortSignal): Promise<Answer> {
    this.#lastRequest += 1;
    const request = this.#lastRequest;
    return new Promise<Answer>((resolve, reject) => {
      const aborted = () => {
        this.#waiting.delete(request);
        this.#send?.({ type: 'permit-end', request });
        reject(signal.reason);
      };
      const settle =
        <T>(pass: (value: T) => void) =>
        (value: T) => {
          signal.removeEventListener('abort', aborted);
          pass(value);
        };
      signal.addEventListener('abort', aborted, { once: true });
      this.#waiting.set(request, { resolve: settle(resolve), reject: settle(reject) });
      this.#send?.({ type: 'permit-request', request, camera });
    });
  }

  /** Tells an agent that has come back of a connection that is open. */
  #register(held: Held): void {
    this.#ask(held.camera, new AbortController().signal).then(
      (answer) => {
        if (!answer.granted) return;
        if (held.released) this.#send?.({ type: 'permit-end', request: answer.request });
        else held.request = answer.request;
      },
      () => undefined,
    );
  }

  #permit(held: Held, refusalsLeft: number): Permit {
    this.#held.add(held);
    return {
      refusalsLeft,
      loginAccepted: () => this.#login(held, true),
      loginRefused: () => this.#login(held, false),
      release: () => this.#release(held),
    };
  }

  #login(held: Held, accepted: boolean): void {
    const memory = this.#memory.get(held.camera);
    const told = this.#send !== undefined && held.request !== undefined;
    if (told) this.#send?.({ type: 'login', request: held.request ?? 0, accepted });
    if (accepted || !memory || memory.version !== held.version) return;
    memory.refusalsLeft = 0;
    memory.unreported = !told;
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
  return new InternalError('camera-connection-limit', `${camera}: the agent granted no connection (${code})`);
}
