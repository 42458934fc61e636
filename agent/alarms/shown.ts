import type { Clock } from '../base/clock.ts';
import type { AlarmState } from '../contract/messages.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { Verdict } from './arming/arming.ts';
import type { PointRecord } from './record.ts';
import { stateOf } from './telling.ts';

interface Shown {
  readonly state: AlarmState['state'];
  /** Wall time, Unix ms. */
  readonly since: number;
}

/** The retained state of a point: what is settled, or `unknown` while its source is not heard. */
export class ShownState {
  readonly #needs: { readonly clock: Clock; readonly reporter: Reporter };
  readonly #point: string;
  #unknownSince: number | undefined;
  #told = '';

  constructor(needs: { readonly clock: Clock; readonly reporter: Reporter }, point: string) {
    this.#needs = needs;
    this.#point = point;
  }

  of({ settled, since }: PointRecord): Shown {
    return this.#unknownSince === undefined || settled === 'unknown'
      ? { state: settled, since: Math.round(since) }
      : { state: 'unknown', since: Math.round(this.#unknownSince) };
  }

  /** Tells the state when something of it has changed. */
  show(record: PointRecord, unknown: boolean, verdict: Verdict): void {
    this.#unknownSince = unknown ? (this.#unknownSince ?? this.#needs.clock.wallMs()) : undefined;
    const fields = stateOf(this.#point, record, this.of(record), verdict);
    const text = JSON.stringify(fields);
    if (text === this.#told) return;
    this.#told = text;
    this.#needs.reporter.state('alarmCurrent', this.#point, fields);
  }
}
