import type { Clock, ClockTrust } from '../../base/clock.ts';
import type { Reporter } from '../../contract/reporter.ts';
import type { MeasureReport } from '../measure-window.ts';
import { type Described, type HourSum, hourOf, QualityHour } from './hour.ts';

export interface QualityNeeds {
  readonly clock: Clock;
  readonly clockTrust: () => ClockTrust;
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
  /** What an earlier start left, until the clock can say whether it is of this hour. */
  #before: HourSum | undefined;
  #lookedMs: number | undefined;
  #toldMs = Number.NEGATIVE_INFINITY;
  #label = 'unmeasured';
  #judgedMs = Number.NEGATIVE_INFINITY;

  constructor(needs: QualityNeeds, before: HourSum | undefined) {
    this.#needs = needs;
    this.#before = before;
    this.#hour = new QualityHour(needs.clock.wallMs());
  }

  /** What is to be kept of the hour that runs. */
  get running(): HourSum {
    return this.#before ?? this.#hour.kept;
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
    const isOver = hourOf(wallMs) !== this.#hour.hour;
    if (isOver) this.#next(subject, described, nowMs);
    this.#goOn(subject, described, nowMs);
    if (!isOver) this.#tellSoFar(subject, described, nowMs);
  }

  /** The stream is not looked at any more. */
  forget(camera: string): void {
    this.#lookedMs = undefined;
    this.#before = undefined;
    this.#hour = new QualityHour(this.#needs.clock.wallMs());
    if (this.#toldMs > Number.NEGATIVE_INFINITY) this.#needs.reporter.clearState('quality', camera);
    this.#toldMs = Number.NEGATIVE_INFINITY;
    this.#label = 'unmeasured';
  }

  /** The hour of an earlier start goes on; one that is over by now is told as it was left. */
  #goOn(subject: Subject, described: Described, nowMs: number): void {
    const before = this.#before;
    if (!before || this.#needs.clockTrust() === 'untrusted') return;
    this.#before = undefined;
    if (before.hour === this.#hour.hour) this.#hour.goOn(before);
    if (before.hour >= this.#hour.hour) return;
    const left = new QualityHour(before.hour);
    left.goOn(before);
    this.#tellFull(left, subject, described, nowMs);
  }

  #next(subject: Subject, described: Described, nowMs: number): void {
    const full = this.#hour;
    this.#hour = new QualityHour(this.#needs.clock.wallMs());
    this.#tellFull(full, subject, described, nowMs);
  }

  #tellFull(hour: QualityHour, subject: Subject, described: Described, nowMs: number): void {
    const fields = hour.fields(true, subject.minFps, described);
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
