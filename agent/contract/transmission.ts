import { z } from 'zod';

/** The ways to the CSU: the backbone, and a back-up such as a 4G router. */
export const PATHS = ['main', 'backup'] as const;
export type PathName = (typeof PATHS)[number];

/** The path that alarms take. */
export const pathInUse = z.enum([...PATHS, 'none']);
export type PathInUse = z.infer<typeof pathInUse>;

/** How a path is; `none`: there is no such path. */
export const pathState = z.enum(['up', 'lost', 'none']);
export type PathState = z.infer<typeof pathState>;

/** A category of alarm transmission of EN 50136-1:2012 + A1:2018. */
export interface TransmissionCategory {
  readonly paths: 1 | 2;
  /** Longest time until the loss of the only or main path is known, s. */
  readonly reportingS: number;
  /** The same of the alternative path while the main one is up, s. */
  readonly alternativeS?: number;
  /** Where the figures are from; those from memory are to be confirmed against the bought standard. */
  readonly source: 'implementation' | 'memory';
}

const HOUR_S = 3600;

/**
 * Data to hold the supervision of a site against. Nothing is decided by it: the site states its category, and the figures
 * of the standard itself are not in this repository.
 */
export const TRANSMISSION_CATEGORIES = {
  SP1: { paths: 1, reportingS: 32 * 24 * HOUR_S, source: 'memory' },
  SP2: { paths: 1, reportingS: 25 * HOUR_S, source: 'memory' },
  SP3: { paths: 1, reportingS: 1800, source: 'memory' },
  SP4: { paths: 1, reportingS: 180, source: 'memory' },
  SP5: { paths: 1, reportingS: 90, source: 'memory' },
  SP6: { paths: 1, reportingS: 20, source: 'implementation' },
  DP1: { paths: 2, reportingS: 25 * HOUR_S, alternativeS: 50 * HOUR_S, source: 'memory' },
  DP2: { paths: 2, reportingS: 1800, alternativeS: 25 * HOUR_S, source: 'memory' },
  DP3: { paths: 2, reportingS: 180, alternativeS: 25 * HOUR_S, source: 'memory' },
  DP4: { paths: 2, reportingS: 90, alternativeS: 5 * HOUR_S, source: 'implementation' },
} as const satisfies Record<string, TransmissionCategory>;

export type CategoryName = keyof typeof TRANSMISSION_CATEGORIES;
const names = Object.keys(TRANSMISSION_CATEGORIES) as [CategoryName, ...CategoryName[]];
export const categoryName = z.enum(names);
/** `none` where the site states none. */
export const statedCategory = z.enum([...names, 'none']);
