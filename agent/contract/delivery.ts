import { z } from 'zod';

/** Classes of the outbox, the first ones first: they are sent first and dropped last. */
export const OUTBOX_CLASSES = ['life-safety', 'intrusion', 'technical', 'service'] as const;
export type OutboxClass = (typeof OUTBOX_CLASSES)[number];

/** What an event leaves the outbox on: the signed receipt of the CSU, or the PUBACK of the broker. */
export const confirmation = z.enum(['receipt', 'broker']);
export type Confirmation = z.infer<typeof confirmation>;

/** Why an event was dropped before it was confirmed. */
export const LOSS_REASONS = ['space', 'age', 'too-large', 'damaged'] as const;
export type LossReason = (typeof LOSS_REASONS)[number];

const CLASS_OF_SEVERITY: Readonly<Record<string, OutboxClass>> = {
  critical: 'life-safety',
  major: 'intrusion',
  warning: 'technical',
  info: 'technical',
};
/** What these are about raises them, whatever their severity. */
const CLASS_OF_CATEGORY: Readonly<Record<string, OutboxClass>> = {
  fire: 'life-safety',
  panic: 'life-safety',
  medical: 'life-safety',
  gas: 'life-safety',
  intrusion: 'intrusion',
  tamper: 'intrusion',
};
/** Messages that are alarms, and those without which alarms cannot be accounted for; the others serve the service alone. */
const ALARMS = ['alarm', 'panel-signal'];
const BOOKS = ['loss', 'path', 'time-correction'];
/** What says how the other alarms are to be read: it goes before them. */
const OVERVIEW = 'flood';

interface Classified {
  readonly severity?: unknown;
  readonly category?: unknown;
  readonly kind?: unknown;
}

/**
 * The class of an event: the higher one of severity and category; tampering is never below intrusion.
 * @param name of the message: `alarm`, `command`, …
 * @param fields of the message
 */
export function outboxClassOf(name: string, { severity, category, kind }: Classified): OutboxClass {
  if (name === OVERVIEW) return 'life-safety';
  if (BOOKS.includes(name)) return 'intrusion';
  if (!ALARMS.includes(name)) return 'service';
  const bySeverity = CLASS_OF_SEVERITY[String(severity)] ?? 'intrusion';
  const byCategory = CLASS_OF_CATEGORY[kind === 'tampering' ? 'tamper' : String(category)] ?? bySeverity;
  return OUTBOX_CLASSES.find((of) => of === bySeverity || of === byCategory) ?? bySeverity;
}
