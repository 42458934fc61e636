import type { Severity } from '../contract/messages.ts';
import type { AlarmPoint, Details } from './ports.ts';

/** One thing that alarms come from, such as a camera. It keeps trying by itself until it is stopped. */
export interface AlarmSource {
  start(): void;
  /** Resolves when everything that the source began has ended. */
  stop(): Promise<void>;
}

/** What a source says of one condition of a point. */
export interface Observation {
  /** Tells the conditions of one point apart; the alarm lasts while any of them is active. Bounded by the source. */
  readonly key: string;
  /** Undefined when the source no longer knows this condition. */
  readonly active: boolean | undefined;
  /** When it happened by the clock of the source, Unix ms. */
  readonly sourceMs?: number | undefined;
  /** For points whose severity the configuration leaves to the source. */
  readonly severity?: Severity | undefined;
  /** What else the event shall carry. */
  readonly details?: Details | undefined;
  /** An alarm that holds for the same cause is told again when its text has become another. */
  readonly textCounts?: boolean | undefined;
  /** Becomes durable together with the change of the point, when one is told. It may run twice, and writes to the store alone. */
  readonly along?: (() => void) | undefined;
}

/**
 * What a source tells the room. A point that the source does not feed is passed over. Where `points` is left out, all
 * points of the source are meant.
 */
export interface SourceListener {
  /**
   * On disk when it returns, if the store is durable.
   * @returns whether the alarm was raised or cleared by it
   * @throws whatever the store throws; nothing has changed then
   */
  observed(point: string, seen: Observation): boolean;
  /** Whether the last word on the point was that a condition of it holds, also before a restart. */
  isActive(point: string): boolean;
  /** The points can no longer be heard: what is not said anew becomes unknown, never cleared. */
  lost(points?: readonly string[]): void;
  /** What was said last of the points holds: the source knows it. */
  confirmed(points?: readonly string[]): void;
  /**
   * The source is heard again and repeats no states: what was said last of the points is shown, marked as old, until it is
   * said anew.
   * @param untilMs until when the source was heard before, Unix ms; undefined where it is not known
   */
  held(points: readonly string[], untilMs: number | undefined): void;
  /** The source cannot do its work; call it for each failure. It is told once when it lasts, and again when it lasts for another cause. */
  failed(error: unknown): void;
  /** The source does its work. */
  works(): void;
}

/** A source that the configuration asks for. */
export interface SourcePlan {
  /** The id of the configuration's entry. */
  readonly id: string;
  /** Everything that the source depends on, as text: when it changes the source is begun anew. */
  readonly depends: string;
  readonly points: readonly AlarmPoint[];
  make(listener: SourceListener): AlarmSource;
}
