import { z } from 'zod';
import { ALARM_CATEGORIES, type AlarmCategory } from './alarm-codes.ts';

/** Classes of the outbox, the first ones first: they are sent first and dropped last. */
export const OUTBOX_CLASSES = ['life-safety', 'intrusion', 'technical', 'service'] as const;
export type OutboxClass = (typeof OUTBOX_CLASSES)[number];

/** What an event leaves the outbox on: the signed receipt of the CSU, or the PUBACK of the broker. */
export const confirmation = z.enum(['receipt', 'broker']);
export type Confirmation = z.infer<typeof confirmation>;

/** Why an event was dropped before it was confirmed. */
export const LOSS_REASONS = ['space', 'age', 'too-large', 'damaged', 'unwritten'] as const;
export type LossReason = (typeof LOSS_REASONS)[number];

/** Of an alarm whose category nobody says. */
const CLASS_OF_SEVERITY: Readonly<Record<string, OutboxClass>> = {
  critical: 'life-safety',
  major: 'intrusion',
  warning: 'technical',
  info: 'technical',
};
/** What an alarm is about says its class, whatever its severity; what nobody knows is taken for an alarm. */
const CLASS_OF_CATEGORY: Readonly<Record<AlarmCategory, OutboxClass>> = {
  fire: 'life-safety',
  panic: 'life-safety',
  medical: 'life-safety',
  gas: 'life-safety',
  intrusion: 'intrusion',
  tamper: 'intrusion',
  unknown: 'intrusion',
  water: 'technical',
  temperature: 'technical',
  technical: 'technical',
  power: 'technical',
  battery: 'technical',
  communication: 'technical',
  equipment: 'technical',
  test: 'technical',
  program: 'technical',
  opening: 'technical',
};
/** Messages that are alarms, and those without which alarms cannot be accounted for; the others serve the service alone. */
const ALARMS = ['alarm', 'panel-signal'];
const UNARMED = 'activity';
const BOOKS = ['loss', 'path', 'time-correction'];
/** What says how the other alarms are to be read: it goes before them. */
const OVERVIEW = 'flood';

interface Classified {
  readonly severity?: unknown;
  readonly category?: unknown;
  readonly kind?: unknown;
}

/**
 * The class of an event. That of an alarm follows its category; without one its severity. What a point that is not armed
 * saw serves the service, unless lives depend on it.
 * @param name of the message: `alarm`, `command`, …
 * @param fields of the message
 */
export function outboxClassOf(name: string, fields: Classified): OutboxClass {
  if (name === OVERVIEW) return 'life-safety';
  if (BOOKS.includes(name)) return 'intrusion';
  if (name === UNARMED) return byCategory(fields) === 'life-safety' ? 'life-safety' : 'service';
  if (!ALARMS.includes(name)) return 'service';
  return byCategory(fields) ?? CLASS_OF_SEVERITY[String(fields.severity)] ?? 'intrusion';
}

function byCategory({ category, kind }: Classified): OutboxClass | undefined {
  const about = category ?? (kind === 'tampering' ? 'tamper' : undefined);
  return ALARM_CATEGORIES.filter((known) => known === about).map((known) => CLASS_OF_CATEGORY[known])[0];
}
