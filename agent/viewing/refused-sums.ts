import type { Clock } from '../base/clock.ts';
import type { Code } from '../base/codes.ts';
import { RefusalSum } from '../trust/refusal-sum.ts';
import type { ChannelRecord, ChannelRecords } from './records.ts';

/** How long refusals are summed up before they are told, ms. Source: guess; as those of all other orders. */
const SUMMED_MS = 60_000;

/** A refusal that is not told by itself. */
type Refused = Pick<ChannelRecord, 'action' | 'who' | 'facts'> & { readonly cause: Code };

interface Entry {
  last: Refused;
  readonly sum: RefusalSum;
  readonly dueMs: number;
}

export interface RefusedSumsNeeds {
  readonly clock: Clock;
  readonly records: Pick<ChannelRecords, 'write'>;
  readonly knowsCamera: (camera: string) => boolean;
}

/**
 * Refused orders about views and leases above what is told one by one: one line for each camera and key, which reaches
 * the partner as every other line about its camera.
 */
export class RefusedSums {
  readonly #needs: RefusedSumsNeeds;
  readonly #entries = new Map<string, Entry>();

  constructor(needs: RefusedSumsNeeds) {
    this.#needs = needs;
  }

  add(refused: Refused): void {
    const { clock } = this.#needs;
    const key = this.#keyOf(refused);
    const nowMs = clock.wallMs();
    const dueMs = clock.monotonicMs() + SUMMED_MS;
    const entry = this.#entries.get(key) ?? { last: refused, sum: new RefusalSum(nowMs), dueMs };
    this.#entries.set(key, entry);
    entry.last = refused;
    entry.sum.add(refused.cause, nowMs, refused.facts.operator);
  }

  /** Tells those whose time is over. */
  tick(): void {
    const nowMs = this.#needs.clock.monotonicMs();
    for (const [key, { dueMs }] of [...this.#entries]) if (nowMs >= dueMs) this.#tell(key);
  }

  tellAll(): void {
    for (const key of [...this.#entries.keys()]) this.#tell(key);
  }

  /** An order may name any camera: all that are not there are as one. */
  #keyOf({ action, who, facts: { camera } }: Refused): string {
    return `${action} ${who} ${this.#needs.knowsCamera(camera) ? camera : ''}`;
  }

  #tell(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    const { last, sum } = entry;
    this.#needs.records.write({ ...last, cause: sum.cause, detail: sum.words, refusals: sum });
    this.#entries.delete(key);
  }
}
