import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { asBeffroiError, type BeffroiError, DeviceError } from '../base/errors.ts';
import { FAILURE_POINT_PREFIX } from '../contract/topics.ts';
import { UNCONFIRMED_MS } from './hearing.ts';
import type { Point } from './point.ts';
import type { Details, SourceFailurePoint } from './ports.ts';
import { ACTIVE_MAX } from './record.ts';

/** What is known of the point that stands for the failure of a source. */
export interface FailurePointAccess {
  /** Undefined while the source has never failed. */
  find(): Point | undefined;
  /** The point, made when there is none yet. */
  make(): Point;
}

/** A source fails or does not. */
const FAILURE = 'failure';
/** It says more of a point than is kept. */
const CROWD = 'crowd';
const TEXT_MAX = 300;
/** Longest id of a source that fits into the id of a point. */
const SOURCE_ID_MAX = 50;

/** The failure of one source: an alarm when it lasts, cleared when it is over, also across restarts. */
export class SourceFault {
  readonly #clock: Clock;
  readonly #point: FailurePointAccess;
  #failingSinceMs: number | undefined;
  #error: BeffroiError | undefined;
  #told: boolean | undefined;
  /** The points that were told, in words; undefined before the first look of this start. */
  #crowdTold: string | undefined;

  constructor(clock: Clock, point: FailurePointAccess) {
    this.#clock = clock;
    this.#point = point;
  }

  failed(error: unknown): void {
    this.#failingSinceMs ??= this.#clock.monotonicMs();
    this.#error = asBeffroiError(error);
    this.evaluate();
  }

  /** Tells a failure that has lasted as long as states without their source stay believable, and what it is now. */
  evaluate(): void {
    const sinceMs = this.#failingSinceMs;
    if (sinceMs === undefined || !this.#error) return;
    if (!this.#told && this.#clock.monotonicMs() - sinceMs < UNCONFIRMED_MS) return;
    this.#point.make().see({ key: FAILURE, active: true, details: detailsOf(this.#error) });
    this.#told = true;
  }

  /** @param points those of which more conditions hold than are told apart */
  crowded(points: readonly string[]): void {
    const isCrowded = points.length > 0;
    const told = points.join(', ');
    if (this.#crowdTold === told) return;
    const point = isCrowded ? this.#point.make() : this.#point.find();
    const details = isCrowded ? detailsOf(crowd(told)) : {};
    if (isCrowded || point?.isActive)
      point?.see({ key: CROWD, active: isCrowded, details, textCounts: true });
    this.#crowdTold = told;
  }

  works(): void {
    this.#failingSinceMs = undefined;
    this.#error = undefined;
    if (this.#told === false) return;
    this.#point.find()?.see({ key: FAILURE, active: false, details: {} });
    this.#told = false;
  }
}

/** The point that stands for the failure of a source. */
export function failurePointOf(source: string): SourceFailurePoint {
  const id = `${FAILURE_POINT_PREFIX}${source.length > SOURCE_ID_MAX ? shortened(source) : source}`;
  return { id, name: `Source ${source}`, kind: 'source-failure', source, severity: 'major' };
}

function shortened(source: string): string {
  const hash = createHash('sha256').update(source).digest('hex').slice(0, 8);
  return `${source.slice(0, SOURCE_ID_MAX - 9)}-${hash}`;
}

function crowd(points: string): DeviceError {
  const what = `expected at most ${ACTIVE_MAX} conditions of a point at a time, more came of ${points}`;
  return new DeviceError('point-crowded', what);
}

function detailsOf({ code, message }: BeffroiError): Details {
  return { cause: code, text: message.slice(0, TEXT_MAX) };
}
