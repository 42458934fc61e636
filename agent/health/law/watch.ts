import type { ClockTrust } from '../../base/clock.ts';
import { localDate } from '../../base/schedule.ts';
import type { LawCheck, LawVerdict } from '../../contract/law.ts';
import type { Fields } from '../../contract/messages.ts';
import type { Reporter } from '../../contract/reporter.ts';
import { type Evidence, young } from '../evidence.ts';
import type { MeasureReport } from '../measure-window.ts';
import type { LegalProfile, SaidOfLaw } from './facts.ts';
import { judgeLaw, verdictsOf } from './judge.ts';
import { RateWindow } from './rate-window.ts';

export interface LawNeeds {
  readonly reporter: Pick<Reporter, 'state' | 'clearState'>;
  readonly clock: { wallMs(): number };
  readonly clockTrust: () => ClockTrust;
}

/** What of a camera its legal profile is held against. */
export interface LawSubject {
  readonly id: string;
  readonly name: string;
  readonly owner: 'commune' | 'metropole' | 'partner';
  readonly onvif?: object | undefined;
  readonly law?: LegalProfile | undefined;
}

interface Seen {
  readonly width?: number;
  readonly height?: number;
  readonly sound?: boolean | undefined;
  readonly clock: Evidence['clock'];
  readonly clockOff: boolean;
}

/** The one check that is not about the camera. */
export const AUTHORISATION: LawCheck = 'authorisation';

type Verdicts = Readonly<Record<LawCheck, LawVerdict>>;

/** Holds a camera against its legal profile, where it has one, and tells what comes of it. */
export class LawWatch {
  readonly #needs: LawNeeds;
  readonly #rate = new RateWindow();
  #said: { readonly value: SaidOfLaw; readonly atMs: number } | undefined;
  #told = '';
  #verdicts: Verdicts | undefined;

  constructor(needs: LawNeeds) {
    this.#needs = needs;
  }

  /** Undefined for a camera without a legal profile. */
  get verdicts(): Verdicts | undefined {
    return this.#verdicts;
  }

  /** What it does not keep to; empty when it keeps to all that can be verified. */
  get breaches(): readonly string[] {
    return breachesOf(this.#verdicts ?? {});
  }

  take(report: MeasureReport, windowMs: number): void {
    this.#rate.take(report, windowMs);
  }

  /** No pictures come. */
  stopped(): void {
    this.#rate.reset();
  }

  /** @param atMs monotonic, as with `look` */
  said(value: SaidOfLaw, atMs: number): void {
    this.#said = { value, atMs };
  }

  /** It may be another device. */
  forget(): void {
    this.#said = undefined;
    this.#rate.reset();
  }

  look({ id, name, owner, law, onvif }: LawSubject, seen: Seen, clockLimitMs: number, nowMs: number): void {
    if (!law) {
      if (this.#verdicts) this.#needs.reporter.clearState('law', id);
      this.#verdicts = undefined;
      this.#told = '';
      return;
    }
    const { clock, clockTrust } = this.#needs;
    const evidence = {
      ...{ width: seen.width, height: seen.height, ...this.#rate.rates },
      ...{ clockOffsetMs: seen.clock?.value.offsetMs, clockOff: seen.clockOff, streamSound: seen.sound },
      ...{ clockUncertaintyMs: seen.clock?.value.uncertaintyMs, clockIsOld: !young(seen.clock, nowMs) },
      ...{ said: onvif ? this.#said?.value : null, saidIsOld: !young(this.#said, nowMs) },
      today: clockTrust() === 'untrusted' ? undefined : localDate(clock.wallMs()),
    };
    const judged = judgeLaw(law, evidence, clockLimitMs);
    const side = sideOfBreaches(breachesOf(verdictsOf(judged)), owner);
    this.#tell({ camera: id, name, side, ...judged });
  }

  /** The clock of a camera creeps: that alone is no news. */
  #tell(fields: Fields<'law'>): void {
    this.#verdicts = verdictsOf(fields);
    const { clock_offset_ms: _, ...news } = fields;
    const text = JSON.stringify(news);
    if (text === this.#told) return;
    this.#told = text;
    this.#needs.reporter.state('law', fields.camera, fields);
  }
}

function breachesOf(verdicts: Readonly<Record<string, LawVerdict>>): string[] {
  return Object.entries(verdicts).flatMap(([check, verdict]) => (verdict === 'breach' ? [check] : []));
}

/** An authorisation is asked for by who runs the cameras: no camera ends it. */
function sideOfBreaches(breaches: readonly string[], owner: LawSubject['owner']): Fields<'law'>['side'] {
  if (breaches.length === 0) return 'none';
  if (breaches.every((check) => check === AUTHORISATION)) return 'centre';
  return owner === 'partner' ? 'partner' : 'camera';
}
