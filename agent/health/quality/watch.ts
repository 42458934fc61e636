import type { Clock } from '../../base/clock.ts';
import type { Reporter } from '../../contract/reporter.ts';
import type { MeasureReport } from '../measure-window.ts';
import { type Described, hourOf, QualityHour } from './hour.ts';

export interface QualityNeeds {
  readonly clock: Clock;
  readonly reporter: Pick<Reporter, 'state' | 'clearState'>;
}

interface Subject {
  readonly id: string;
  readonly name: string;
  readonly minFps: number;
}

/** The hour that runs is told this often, and when its label changes. Source: guess. */
const TOLD_MS = 900_000;
/** Whether the label changes is looked at this often. */
const LABEL_MS = 5_000;
/** A look that comes later than this saw nothing in between: our own process stood still. Source: guess. */
const BLIND_MS = 2_000;

/** Counts the measures of one camera by the hour, and tells how good the stream was. */
export class QualityWatch {
  readonly #needs: QualityNeeds;
  #hour: QualityHour;
  #lookedMs: number | undefined;
  #toldMs = Number.NEGATIVE_INFINITY;
  #label = 'unmeasured';
  #judgedMs = Number.NEGATIVE_INFINITY;

  constructor(needs: QualityNeeds) {
    this.#needs = needs;
    this.#hour = new QualityHour(needs.clock.wallMs());
  }

  take(report: MeasureReport): void {
    this.#hour.take(report);
  }

  /** @param flowing undefined when pictures are not to come, or nobody could see them */
  look(subject: Subject, flowing: boolean | undefined, described: Described): void {
    const { clock } = this.#needs;
    const [nowMs, wallMs] = [clock.monotonicMs(), clock.wallMs()];
    const sinceMs = nowMs - (this.#lookedMs ?? nowMs);
    this.#lookedMs = nowMs;
    if (flowing !== undefined && sinceMs <= BLIND_MS) this.#hour.watched(sinceMs, flowing);
    if (hourOf(wallMs) !== this.#hour.hour) this.#next(subject, described, nowMs, wallMs);
    else this.#tellSoFar(subject, described, nowMs);
  }

  /** The stream is not looked at any more. */
  forget(camera: string): void {
    this.#lookedMs = undefined;
    this.#hour = new QualityHour(this.#needs.clock.wallMs());
    if (this.#toldMs > Number.NEGATIVE_INFINITY) this.#needs.reporter.clearState('quality', camera);
    this.#toldMs = Number.NEGATIVE_INFINITY;
    this.#label = 'unmeasured';
  }

  #next(subject: Subject, described: Described, nowMs: number, wallMs: number): void {
    const fields = this.#hour.fields(true, subject.minFps, described);
    this.#hour = new QualityHour(wallMs);
    if (fields.watched_s > 0) this.#tell(subject, fields, nowMs);
  }

  #tellSoFar(subject: Subject, described: Described, nowMs: number): void {
    if (nowMs - this.#judgedMs < LABEL_MS) return;
    this.#judgedMs = nowMs;
    const fields = this.#hour.fields(false, subject.minFps, described);
    const isNews = fields.label !== 'unmeasured' && fields.label !== this.#label;
    if (isNews || (fields.watched_s > 0 && nowMs - this.#toldMs >= TOLD_MS))
      this.#tell(subject, fields, nowMs);
  }

  #tell({ id: camera, name }: Subject, fields: ReturnType<QualityHour['fields']>, nowMs: number): void {
    this.#toldMs = nowMs;
    this.#label = fields.label;
    this.#needs.reporter.state('quality', camera, { camera, name, ...fields });
  }
}
