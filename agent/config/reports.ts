import type { BeffroiError } from '../base/errors.ts';
import type { ConfigState } from '../contract/messages.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { Register } from '../store/store.ts';
import { ConfigurationRefusedError } from './open.ts';

/** What became of the last configuration. */
export interface ConfigurationStatus {
  readonly phase: ConfigState['phase'];
  /** Version that the phase is about. */
  readonly version: number;
  readonly appliedVersion: number;
  /** Every error, joined; empty when there is none. */
  readonly detail: string;
}

/** One configuration as reports name it. */
export interface Subject {
  readonly version: number;
  readonly hash: string;
  /** Key id of who signed, or `box` at the start of the agent. */
  readonly who: string;
}

export interface ReportNeeds {
  readonly reporter: Pick<Reporter, 'state'>;
  readonly register: Pick<Register, 'append'>;
}

/** Length that the contract gives to free text. */
const MAX_TEXT = 2000;
const MAX_REGISTER_TEXT = 500;

/** Tells the CSU and the register how it goes with configurations. */
export class ConfigurationReports {
  readonly #needs: ReportNeeds;
  #status: ConfigurationStatus = { phase: 'none', version: 0, appliedVersion: 0, detail: '' };

  constructor(needs: ReportNeeds) {
    this.#needs = needs;
  }

  get status(): ConfigurationStatus {
    return this.#status;
  }

  none(): void {
    this.#tell('none', { version: 0, hash: '', who: 'box' }, 0);
  }

  received(subject: Subject, appliedVersion: number): void {
    this.#write('config.received', subject, 'none', '');
    this.#tell('received', subject, appliedVersion);
  }

  applying(subject: Subject, appliedVersion: number): void {
    this.#tell('applying', subject, appliedVersion);
  }

  /** @param summary what changed, in counts */
  applied(subject: Subject, summary: string): void {
    this.#write('config.applied', subject, 'none', summary);
    this.#tell('applied', subject, subject.version);
  }

  /** @param appliedVersion what stays in force */
  failed(subject: Subject, appliedVersion: number, error: BeffroiError): void {
    const errors = error instanceof ConfigurationRefusedError ? error.errors : [error.message];
    this.#write('config.failed', subject, error.code, errors.join('; '));
    this.#tell('failed', subject, appliedVersion, error.code, errors);
  }

  #tell(
    phase: ConfigState['phase'],
    { version, hash }: Subject,
    appliedVersion: number,
    cause: ConfigState['cause'] = 'none',
    errors: readonly string[] = [],
  ): void {
    const detail = errors.join('; ').slice(0, MAX_TEXT);
    this.#status = { phase, version, appliedVersion, detail };
    this.#needs.reporter.state('config', 'collector', {
      phase,
      version,
      hash,
      applied_version: appliedVersion,
      cause,
      error_count: errors.length,
      errors: detail,
    });
  }

  #write(action: string, { version, who }: Subject, result: string, detail: string): void {
    this.#needs.register.append({
      action,
      who,
      subject: `configuration ${version}`,
      result,
      detail: detail.slice(0, MAX_REGISTER_TEXT),
    });
  }
}
