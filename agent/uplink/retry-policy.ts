import type { RetryPolicy } from '../base/retry.ts';

/**
 * How long to wait before the next round over the brokers. A box that had a link comes back fast, one that never
 * had one is probably misconfigured; 50 boxes of one broker are spread by the jitter. Source: guess.
 */
export const UPLINK_RETRY: RetryPolicy = {
  neverUp: { firstMs: 1_000, factor: 2, capMs: 60_000, jitter: 0.5 },
  wasUp: { firstMs: 250, factor: 2, capMs: 30_000, jitter: 0.5 },
  stableMs: 30_000,
};
