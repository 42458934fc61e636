import type { Code } from '../base/codes.ts';
import type { Side } from '../contract/messages.ts';

/** How a camera, a segment or the box is now, on one track. */
export interface Observation {
  /** A camera, a segment, or `collector`. */
  readonly subject: string;
  /** `health`; `link` of the box. */
  readonly track: string;
  readonly state: string;
  readonly cause: Code | 'none';
  readonly side: Side;
  /** The segment whose fault explains this one. */
  readonly via?: string | undefined;
  /** Monotonic time at which the state began, where it was noticed later. */
  readonly beganMs?: number | undefined;
}

/** A maintenance window that has begun. Wall time, Unix ms. */
export interface BegunWindow {
  readonly id: string;
  /** Cameras, segments, or `collector`. */
  readonly subjects: readonly string[];
  readonly startMs: number;
  readonly endMs: number;
  readonly by: string;
  readonly why: string;
}

/** A figure of today, of which the largest is kept. */
export interface Figure {
  readonly subject: string;
  readonly name: string;
  readonly value: number;
}

/** What was configured of a subject; kept after it has gone, for the reports on the time before. */
export interface Facts {
  readonly id: string;
  readonly name: string;
  readonly owner?: string | undefined;
  readonly segment?: string | undefined;
  /** Where it stands, as the list of places under video-protection says. */
  readonly place?: string | undefined;
  readonly authorisation?: { readonly reference: string; readonly until: string } | undefined;
  /** It stands in the configuration in force. */
  readonly isConfigured?: boolean;
}

/** What is agreed with the commune; nothing where nothing is. */
export interface Targets {
  readonly cameraAvailabilityPercent?: number | undefined;
  readonly boxAvailabilityPercent?: number | undefined;
  readonly detectS?: number | undefined;
  readonly repairH?: number | undefined;
  readonly clockOffsetMs?: number | undefined;
}
