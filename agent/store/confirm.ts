import type { Confirmation } from '../contract/delivery.ts';
import { metaNumber, metaText, setMeta } from './meta.ts';
import type { Sql } from './sql.ts';

/**
 * What events leave the outbox on. A box that never had a configuration has no receiver; of one that had, and does not
 * know what it said, nothing leaves without a receipt until a configuration says otherwise.
 */
export function confirmIn(sql: Sql): Confirmation {
  const known = metaText(sql, 'confirm');
  if (known !== undefined) return known === 'broker' ? 'broker' : 'receipt';
  return metaNumber(sql, 'highest_version') > 0 ? 'receipt' : 'broker';
}

/** Keeps what a configuration says. */
export function keepConfirm(sql: Sql, confirm: Confirmation): void {
  if (metaText(sql, 'confirm') !== confirm) setMeta(sql, 'confirm', confirm);
}

/** Takes over what is known of it. */
export function copyConfirm(from: Sql, to: Sql): void {
  const confirm = metaText(from, 'confirm');
  if (confirm !== undefined) setMeta(to, 'confirm', confirm);
}

/** A part of the database is gone: what was not found may have been there. */
export function doubtConfirm(sql: Sql): void {
  if (metaText(sql, 'confirm') === undefined) setMeta(sql, 'confirm', 'receipt');
}
