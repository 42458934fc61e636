import { SEVERITIES } from '../contract/alarm-codes.ts';
import { OUTBOX_CLASSES, outboxClassOf } from '../contract/delivery.ts';
import type { Severity } from '../contract/messages.ts';
import type { Details } from './ports.ts';

/** What a source says of one condition. The alarm of the point says it while no graver condition holds. */
export interface Words {
  readonly severity: Severity;
  readonly details: Details;
}

/** How grave it is: its class goes before its severity. */
export function weightOf({ severity, details: { category } }: Words): number {
  const before = OUTBOX_CLASSES.indexOf(outboxClassOf('alarm', { category, severity }));
  return (OUTBOX_CLASSES.length - before) * SEVERITIES.length + SEVERITIES.indexOf(severity);
}

/** The words of the gravest condition; of several alike the first that came. */
export function gravest(words: Readonly<Record<string, Words>>): Words | undefined {
  return Object.values(words).reduce<Words | undefined>(
    (most, one) => (most === undefined || weightOf(one) > weightOf(most) ? one : most),
    undefined,
  );
}
