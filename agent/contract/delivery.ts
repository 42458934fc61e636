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

/**
 * By severity; tampering is never below intrusion. What a panel says beside its points counts as an alarm; messages that
 * are none serve the service alone.
 */
const CLASS_OF_SEVERITY: Readonly<Record<string, OutboxClass>> = {
  critical: 'life-safety',
  major: 'intrusion',
  warning: 'technical',
  info: 'technical',
};

/**
 * The class of an event.
 * @param name of the message: `alarm`, `command`, …
 * @param fields of the message
 */
export function outboxClassOf(name: string, fields: { severity?: unknown; kind?: unknown }): OutboxClass {
  if (name === 'loss') return 'intrusion';
  if (name !== 'alarm' && name !== 'panel-signal') return 'service';
  const bySeverity = CLASS_OF_SEVERITY[String(fields.severity)] ?? 'intrusion';
  return fields.kind === 'tampering' && bySeverity === 'technical' ? 'intrusion' : bySeverity;
}
