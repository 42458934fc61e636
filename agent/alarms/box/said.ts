import type { Code } from '../../base/codes.ts';

/** What the box can say of one of its points now. */
export type Said =
  | { readonly active: boolean; readonly cause?: Code | undefined; readonly text?: string | undefined }
  | typeof UNKNOWN
  | typeof LATER;

/** Nobody knows. */
export const UNKNOWN = 'unknown';
/** To be said at a later look; until then the last word holds. */
export const LATER = 'later';
