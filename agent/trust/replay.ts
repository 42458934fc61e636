import { OrderRefusedError } from '../base/errors.ts';

/** Port of the journal that remembers the ids of orders. */
export interface OrderJournal {
  /** @returns false when the id was taken before */
  take(id: string, notAfterMs: number): boolean;
}

/**
 * Takes an order for the first and only time.
 * @throws OrderRefusedError `order-replayed`
 */
export function takeOnce(
  journal: OrderJournal,
  claims: { readonly jti: string; readonly exp: number },
): void {
  if (journal.take(claims.jti, claims.exp * 1000)) return;
  throw new OrderRefusedError('order-replayed', `expected a new unique id, ${claims.jti} was taken before`);
}

/**
 * A configuration must be newer than every one seen, so that an old one cannot be played back.
 * @throws OrderRefusedError `order-older-version`
 */
export function requireRisingVersion(version: number, highestSeen: number): void {
  if (version > highestSeen) return;
  throw new OrderRefusedError(
    'order-older-version',
    `expected a version above ${highestSeen}, came ${version}`,
  );
}
