import type { Decision, LifeInput } from './life/life.ts';
import { step } from './life/life.ts';
import type { Settling } from './life/settling.ts';
import type { PointRecord } from './record.ts';
import type { AlarmTransition, EventExtra } from './telling.ts';

/** A transition with the record as it was then. */
interface Told {
  readonly record: PointRecord;
  readonly transition: AlarmTransition;
  readonly extra: EventExtra;
}

export interface DraftNow {
  readonly wallMs: number;
  readonly newId: () => string;
}

/** A change of a point that is not on disk yet: its record, and what is to be told of it. */
export class Draft {
  record: PointRecord;
  settling: Settling;
  readonly told: Told[] = [];
  readonly #now: DraftNow;

  constructor(record: PointRecord, settling: Settling, now: DraftNow) {
    this.record = record;
    this.settling = settling;
    this.#now = now;
  }

  /** What counts from now on. */
  settle(settling: Settling): void {
    this.settling = settling;
    const { settled, changes } = settling;
    if (settled !== this.record.settled) this.record = { ...this.record, settled, since: this.#now.wallMs };
    if (changes === this.record.chatter) return;
    const { chatter, ...record } = this.record;
    this.record = changes === undefined ? record : { ...record, chatter: changes };
  }

  /** @returns whether something has become of the alarm */
  life(input: LifeInput, extra: EventExtra, decision?: Decision): boolean {
    const before = this.record;
    const { life, told } = step(before.life, input, { ...this.#now, ...(decision && { decision }) });
    if (told.length === 0) return false;
    const occurrences = before.occurrences + (input === 'raise' ? 1 : 0);
    this.record = { ...before, life, occurrences };
    for (const state of told) this.tell(state, extra, { ...this.record, life: { ...life, state } });
    return true;
  }

  tell(transition: AlarmTransition, extra: EventExtra, record = this.record): void {
    this.told.push({ record, transition, extra });
  }
}

/** The fields of an event that say who decided. */
export function decisionFields({ by, signer, why }: Decision): EventExtra {
  return { by, ...(signer === '' ? {} : { signer }), ...(why === '' ? {} : { why }) };
}

/** What the box decides by itself. */
export function byBox(why: string): Decision {
  return { by: 'box', signer: '', why };
}
