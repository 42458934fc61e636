import type { Clock } from '../base/clock.ts';
import type { BeffroiError } from '../base/errors.ts';

type Done = (error?: BeffroiError) => void;

interface Waiting {
  readonly transmit: (done: Done) => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** An acknowledgement that may wait behind what is not read is looked for this often. Source: guess. */
const LOOK_MS = 1_000;

interface InFlight extends Waiting {
  readonly sentAtMs: number;
}

/**
 * How many messages may be without acknowledgement, who waits for a place (first come, first served), and for how
 * long the oldest has waited.
 */
export class SendWindow {
  readonly #clock: Clock;
  readonly #size: number;
  #ackTimeoutMs: number;
  readonly #isBehind: () => boolean;
  readonly #onSilence: () => void;
  readonly #waiting = new Set<Waiting>();
  readonly #inFlight = new Set<InFlight>();
  readonly #ended = new AbortController();
  #wake = new AbortController();
  #idle: PromiseWithResolvers<void> | undefined;
  #watched = false;
  #fault: BeffroiError | undefined;

  /**
   * @param needs.isBehind whether what the server has sent waits here to be read: acknowledgements are behind it
   * @param needs.onSilence the oldest has waited too long
   */
  constructor(
    size: number,
    ackTimeoutMs: number,
    needs: { readonly clock: Clock; readonly isBehind: () => boolean; readonly onSilence: () => void },
  ) {
    this.#clock = needs.clock;
    this.#size = size;
    this.#ackTimeoutMs = ackTimeoutMs;
    this.#isBehind = needs.isBehind;
    this.#onSilence = needs.onSilence;
  }

  /**
   * Calls `transmit` when there is a place and resolves when it calls back.
   * @param signal gives up a message that still waits for a place; one on the wire is awaited to its end
   */
  async send(signal: AbortSignal, transmit: (done: Done) => void): Promise<void> {
    signal.throwIfAborted();
    if (this.#fault) throw this.#fault;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const message: Waiting = { transmit, resolve, reject };
    const giveUp = () => {
      if (this.#waiting.delete(message)) reject(signal.reason);
    };
    signal.addEventListener('abort', giveUp, { once: true });
    this.#waiting.add(message);
    this.#fill();
    await promise.finally(() => signal.removeEventListener('abort', giveUp));
  }

  /** The oldest waits no longer than this from now on, also what is in flight. */
  awaitAtMost(ms: number): void {
    this.#ackTimeoutMs = ms;
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  /** Resolves when nothing waits and nothing is in flight. */
  async idle(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size + this.#inFlight.size === 0) return;
    this.#idle ??= Promise.withResolvers();
    const idle = this.#idle;
    signal.addEventListener('abort', () => idle.reject(signal.reason), { once: true });
    await idle.promise;
  }

  /** The connection has ended: everybody is told. */
  fail(error: BeffroiError): void {
    this.#fault = error;
    this.#ended.abort();
    for (const { reject } of [...this.#inFlight, ...this.#waiting]) reject(error);
    this.#inFlight.clear();
    this.#waiting.clear();
    this.#idle?.resolve();
  }

  #fill(): void {
    for (const message of this.#waiting) {
      if (this.#inFlight.size >= this.#size) return;
      this.#waiting.delete(message);
      this.#transmit(message);
    }
  }

  #transmit(message: Waiting): void {
    const sent: InFlight = { ...message, sentAtMs: this.#clock.monotonicMs() };
    this.#inFlight.add(sent);
    void this.#watch();
    message.transmit((error) => {
      if (!this.#inFlight.delete(sent)) return;
      if (error) message.reject(error);
      else message.resolve();
      this.#fill();
      if (this.#waiting.size + this.#inFlight.size === 0) this.#idle?.resolve();
    });
  }

  async #watch(): Promise<void> {
    if (this.#watched) return;
    this.#watched = true;
    for (let oldest = this.#oldest(); oldest; oldest = this.#oldest()) {
      const leftMs = oldest.sentAtMs + this.#ackTimeoutMs - this.#clock.monotonicMs();
      const waitMs = leftMs <= 0 && this.#isBehind() ? LOOK_MS : leftMs;
      if (waitMs <= 0) {
        this.#onSilence();
        break;
      }
      const woken = AbortSignal.any([this.#ended.signal, this.#wake.signal]);
      await this.#clock.sleep(waitMs, woken).catch(() => undefined);
    }
    this.#watched = false;
  }

  #oldest(): InFlight | undefined {
    const [oldest] = this.#inFlight;
    return this.#fault ? undefined : oldest;
  }
}
