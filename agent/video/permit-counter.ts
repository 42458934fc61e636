import { asBeffroiError } from '../base/errors.ts';
import type { Permit } from '../camera/types.ts';
import type { AgentToVideo, VideoToAgent } from '../contract/video-link.ts';

/** Whoever owns connection budget and login latch of the cameras. */
export interface PermitSource {
  acquire(camera: string, signal: AbortSignal): Promise<Permit>;
}

/** More open requests than this is a fault of the video process. Source: guess; one per camera is usual. */
const MAX_REQUESTS = 1024;

type PermitMessage = Extract<VideoToAgent, { type: 'permit-request' | 'login-try' | 'login' | 'permit-end' }>;

interface Request {
  readonly ended: AbortController;
  permit: Permit | undefined;
}

/** The permits that one video process asked for and holds; all come back when it goes away. */
export class PermitCounter {
  readonly #source: PermitSource;
  readonly #answer: (message: AgentToVideo) => void;
  readonly #requests = new Map<number, Request>();

  constructor(source: PermitSource, answer: (message: AgentToVideo) => void) {
    this.#source = source;
    this.#answer = answer;
  }

  take(message: PermitMessage): void {
    if (message.type === 'permit-request') this.#request(message.request, message.camera);
    else if (message.type === 'permit-end') this.#end(message.request);
    else if (message.type === 'login-try') this.#try(message.request);
    else this.#login(message.request, message.outcome);
  }

  releaseAll(): void {
    for (const request of [...this.#requests.keys()]) this.#end(request);
  }

  #request(number: number, camera: string): void {
    if (this.#requests.has(number)) return;
    if (this.#requests.size >= MAX_REQUESTS) {
      this.#refuse(number, 'camera-connection-limit');
      return;
    }
    const request: Request = { ended: new AbortController(), permit: undefined };
    this.#requests.set(number, request);
    this.#source.acquire(camera, request.ended.signal).then(
      (permit) => this.#granted(number, request, permit),
      (thrown: unknown) => {
        if (this.#requests.delete(number)) this.#refuse(number, asBeffroiError(thrown).code);
      },
    );
  }

  #granted(number: number, request: Request, permit: Permit): void {
    if (request.ended.signal.aborted) {
      permit.release();
      return;
    }
    request.permit = permit;
    const addresses = permit.addresses && { addresses: [...permit.addresses] };
    this.#answer({ type: 'permit', request: number, granted: true, ...addresses });
  }

  #refuse(request: number, code: NonNullable<Extract<AgentToVideo, { type: 'permit' }>['code']>): void {
    this.#answer({ type: 'permit', request, granted: false, code });
  }

  #try(request: number): void {
    const leave = this.#requests.get(request)?.permit?.tryLogin() ?? Promise.resolve(false);
    leave.then(
      (granted) => this.#answer({ type: 'login-leave', request, granted }),
      () => this.#answer({ type: 'login-leave', request, granted: false }),
    );
  }

  #login(number: number, outcome: Extract<PermitMessage, { type: 'login' }>['outcome']): void {
    const permit = this.#requests.get(number)?.permit;
    if (outcome === 'accepted') permit?.loginAccepted();
    else if (outcome === 'refused') permit?.loginRefused();
    else if (outcome === 'undecided') permit?.loginUndecided();
    else permit?.loginUnanswered();
  }

  #end(number: number): void {
    const request = this.#requests.get(number);
    this.#requests.delete(number);
    request?.ended.abort();
    request?.permit?.release();
  }
}
