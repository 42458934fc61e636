/** Bounds of what the agent and the video process say to each other; apart from the schemas, which need zod. */

/** Longest line, in bytes: 64 cameras with long URLs and credentials fit. Source: guess. */
export const MAX_LINE_BYTES = 4 * 1024 * 1024;

/** Lowest and highest priority of a camera. */
export const PRIORITIES = { lowest: 1, usual: 5, highest: 9 } as const;

/** The agent says at least this often which leases stand; a video process that hears nothing closes them. */
export const LEASES_INTERVAL_MS = 1_000;
/** Source: guess; a few intervals, so that a busy moment closes nothing. */
export const LEASES_SILENCE_MS = 5_000;

/** Most addresses of one host name. Source: guess. */
export const MAX_ADDRESSES = 16;

/** Longest text of an event, and most events of one message. */
export const MAX_EVENT_TEXT = 1024;
export const MAX_EVENTS = 32;
/** Longest event as JSON, bytes, so that a message of them fits a line. */
export const MAX_EVENT_BYTES = 12 * 1024;
