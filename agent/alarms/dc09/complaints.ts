import type { Clock } from '../../base/clock.ts';
import type { BeffroiError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { RepeatedFault } from '../../base/repeated.ts';
import type { Reporter } from '../../contract/reporter.ts';
import { faultFields } from '../../contract/side.ts';

export interface ComplaintNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly reporter: Reporter;
}

/** One fault of a kind per interval goes to the CSU, whoever floods the port. Source: guess. */
const INTERVAL_MS = 600_000;
/** Kinds and accounts that have a count of their own; all further accounts of a kind share one. Source: guess. */
const OWN_COUNTS = 32;
const DETAIL_MAX = 500;

/** Messages that were refused: told with their cause, counted while they repeat. */
export class Complaints {
  readonly #needs: ComplaintNeeds;
  readonly #panel: string;
  readonly #faults = new Map<string, RepeatedFault>();

  constructor(needs: ComplaintNeeds, panel: string) {
    this.#needs = needs;
    this.#panel = panel;
  }

  /** @param account whose message it is, as far as that is known */
  about(error: BeffroiError, account = ''): void {
    const { log, reporter } = this.#needs;
    const { code, message } = error;
    const told = this.#counted(code, account).happened(code);
    if (!told) return;
    log.warn({ panel: this.#panel, err: error, count: told.count }, 'message of a panel refused');
    const times = told.first ? '' : ` (${told.count} times)`;
    reporter.event('fault', 'collector', {
      ...faultFields(code),
      detail: `${message}${times}`.slice(0, DETAIL_MAX),
    });
  }

  #counted(code: string, account: string): RepeatedFault {
    const own = `${code} ${account}`;
    const key = this.#faults.has(own) || this.#faults.size < OWN_COUNTS ? own : code;
    const known = this.#faults.get(key) ?? new RepeatedFault(this.#needs.clock, INTERVAL_MS);
    this.#faults.set(key, known);
    return known;
  }
}
