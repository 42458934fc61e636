import { type Backoff, backoffMs } from '../../base/retry.ts';
import type { Block } from './client.ts';
import type { ModbusExceptionError } from './frame.ts';

/** A module that is busy is asked again soon, one that has no such input hardly ever. Source: guess. */
const ASKED_AGAIN: Backoff = { firstMs: 1_000, factor: 2, capMs: 60_000, jitter: 0.5 };

/** The question for one block: asked in each round, and after ever longer times while the module refuses it. */
export class Question {
  readonly block: Block;
  #refusals = 0;
  #refused: ModbusExceptionError | undefined;
  #dueMs = Number.NEGATIVE_INFINITY;

  constructor(block: Block) {
    this.block = block;
  }

  /** What the module answered last, when that was a refusal. */
  get standing(): ModbusExceptionError | undefined {
    return this.#refused;
  }

  isDue(monotonicMs: number): boolean {
    return monotonicMs >= this.#dueMs;
  }

  refused(error: ModbusExceptionError, monotonicMs: number, random: number): void {
    this.#refused = error;
    this.#refusals += 1;
    this.#dueMs = monotonicMs + backoffMs(ASKED_AGAIN, this.#refusals, random);
  }

  /** It was answered, or asks another connection from now on. */
  reset(): void {
    this.#refused = undefined;
    this.#refusals = 0;
    this.#dueMs = Number.NEGATIVE_INFINITY;
  }
}
