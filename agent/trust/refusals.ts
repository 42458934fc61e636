import type { Clock } from '../base/clock.ts';
import { asError, type BeffroiError } from '../base/errors.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Log } from '../base/log.ts';
import type { RefusalEvent } from '../contract/messages.ts';
import type { Reporter } from '../contract/reporter.ts';
import { RefusalSum } from './refusal-sum.ts';

/** An order that was not taken. */
export interface Refusal {
  readonly order: RefusalEvent['order'];
  /** Unique id or version; empty unless a good signature covers it. */
  readonly orderId: string;
  /** Key id of a good signature, else `unknown`. */
  readonly signer: string;
  readonly error: BeffroiError;
}

/** The line of the register that a refusal becomes; the store's register takes it. */
interface RefusalLine {
  readonly action: 'order.refused';
  readonly who: string;
  readonly subject: string;
  readonly result: string;
  readonly detail: string;
}

export interface RefusalNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly reporter: Pick<Reporter, 'event'>;
  readonly register: { append(line: RefusalLine): unknown };
}

/**
 * Refusals that are told one by one within `WINDOW_MS`; the others are counted and told in one line for each signer, so
 * that a flood of orders fills neither outbox nor register. Orders with a good signature have a count of their own: a
 * flood of forged ones does not hide what became of a genuine one. Source: guess.
 */
const TOLD_PER_WINDOW = 10;
const WINDOW_MS = 60_000;
const MAX_DETAIL = 500;
/** The signer of an order without a good signature. */
const UNKNOWN = 'unknown';

/** Counts refused orders and tells the CSU, the register and the log of them. */
export class Refusals implements Service {
  readonly name = 'refusals';
  readonly #needs: RefusalNeeds;
  readonly #stopping = new AbortController();
  /** What is only counted, of each signer and kind of order: with its sum all of them are told. */
  readonly #sums = new Map<string, { readonly refusal: Refusal; readonly sum: RefusalSum }>();
  #total = 0;
  #told = { signed: 0, forged: 0 };
  #windowEndMs = Number.NEGATIVE_INFINITY;
  #summary: Promise<void> | undefined;

  constructor(needs: RefusalNeeds) {
    this.#needs = needs;
  }

  /** Orders refused since the start of the agent. */
  get total(): number {
    return this.#total;
  }

  async start(): Promise<void> {}

  /** Tells what was only counted. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#summary;
  }

  /** @returns whether the refusal was told by itself, not only counted */
  refuse(refusal: Refusal): boolean {
    this.#total += 1;
    const nowMs = this.#needs.clock.wallMs();
    if (this.#admits(refusal)) {
      const one = new RefusalSum(nowMs);
      one.add(refusal.error.code, nowMs);
      this.#tell(refusal, one, refusal.error.message);
      return true;
    }
    this.#sumOf(refusal, nowMs).add(refusal.error.code, nowMs);
    this.#summary ??= this.#summarise();
    return false;
  }

  /** The same order, byte for byte, was refused again: it is counted and not told. */
  countAgain(): void {
    this.#total += 1;
  }

  #admits({ signer }: Refusal): boolean {
    const nowMs = this.#needs.clock.monotonicMs();
    if (nowMs >= this.#windowEndMs) {
      this.#windowEndMs = nowMs + WINDOW_MS;
      this.#told = { signed: 0, forged: 0 };
    }
    const kind = signer === UNKNOWN ? 'forged' : 'signed';
    this.#told[kind] += 1;
    return this.#told[kind] <= TOLD_PER_WINDOW;
  }

  #sumOf(refusal: Refusal, nowMs: number): RefusalSum {
    const key = `${refusal.order} ${refusal.signer}`;
    const { sum } = this.#sums.get(key) ?? { sum: new RefusalSum(nowMs) };
    this.#sums.set(key, { refusal: { ...refusal, orderId: '' }, sum });
    return sum;
  }

  async #summarise(): Promise<void> {
    const waitMs = this.#windowEndMs - this.#needs.clock.monotonicMs();
    await this.#needs.clock.sleep(waitMs, this.#stopping.signal).catch(() => undefined);
    this.#summary = undefined;
    const sums = [...this.#sums.values()];
    this.#sums.clear();
    for (const { refusal, sum } of sums) this.#tellSafely(refusal, sum);
  }

  /** One sum that the store does not take keeps no other one back. */
  #tellSafely(refusal: Refusal, sum: RefusalSum): void {
    try {
      this.#tell(refusal, sum, sum.words);
    } catch (thrown) {
      this.#needs.log.error({ err: asError(thrown) }, 'a sum of refused orders could not be kept');
    }
  }

  #tell({ order, orderId, signer }: Refusal, sum: RefusalSum, message: string): void {
    const detail = message.slice(0, MAX_DETAIL);
    const { cause, count, fromMs, untilMs } = sum;
    this.#needs.log.warn(
      { order, orderId, signer, code: cause, count, total: this.#total },
      `order refused: ${detail}`,
    );
    const subject = orderId === '' ? order : `${order} ${orderId}`;
    this.#needs.register.append({ action: 'order.refused', who: signer, subject, result: cause, detail });
    this.#needs.reporter.event('refusal', 'collector', {
      ...{ order, order_id: orderId, signer, cause, detail },
      ...{ refused: count, first: fromMs, last: untilMs },
      refused_total: this.#total,
    });
  }
}
