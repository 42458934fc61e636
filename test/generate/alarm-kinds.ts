import { z } from 'zod';
import { BOX_CODES } from '../../agent/alarms/box/box-source.ts';
import { CODE_OF_KIND } from '../../agent/alarms/codes.ts';
import { UPS_CODES } from '../../agent/alarms/nut/ups-source.ts';
import { OBJECT_CODES } from '../../agent/alarms/objects/rule.ts';
import { configurationSchema } from '../../agent/config/configuration.ts';
import {
  ALARM_CATEGORIES,
  ALWAYS_ARMED,
  type AlarmCategory,
  meaningOfSia,
} from '../../agent/contract/alarm-codes.ts';
import { OUTBOX_CLASSES, outboxClassOf } from '../../agent/contract/delivery.ts';
import { MESSAGES } from '../../agent/contract/messages.ts';

/** The entry of one kind of point, as JSON Schema. */
interface PointSchema {
  readonly properties: {
    readonly kind: { readonly const?: string; readonly enum?: readonly string[] };
    readonly severity: { readonly default?: string };
    readonly clearsAfterS?: { readonly default?: number };
  };
}

interface Schema {
  readonly properties: { readonly points: { readonly items: { readonly oneOf: readonly PointSchema[] } } };
}

/** Codes that a kind has by itself: raised, cleared. */
const OWN: Readonly<Record<string, readonly [string, string?]>> = {
  ...Object.fromEntries(Object.entries(CODE_OF_KIND).map(([kind, sia]) => [kind, [sia] as const])),
  ...UPS_CODES,
  ...BOX_CODES,
  'object-silence': ['YC', 'YK'],
};

/** What the schema of the configuration and the tables of the sources say of each kind of point. */
export function kindRows(): string[] {
  const json = z.toJSONSchema(configurationSchema, { io: 'input', reused: 'inline', unrepresentable: 'any' });
  const { oneOf } = (json as unknown as Schema).properties.points.items;
  const rows = oneOf.flatMap(({ properties: { kind, severity, clearsAfterS } }) =>
    (kind.enum ?? [kind.const ?? '']).map((name) => kindRow(name, severity.default, clearsAfterS)),
  );
  return [...rows, kindRow('source-failure', 'major', undefined)];
}

/** Every event that is no alarm of a point, with what it is told for. */
export function besideRows(): string[] {
  return Object.values(MESSAGES)
    .filter(({ class: of, name }) => of === 'event' && name !== 'alarm')
    .map(({ name, summary }) => `| \`${name}\` | ${summary} | ${classesOf(name).join(' or ')} |`);
}

/** Every class that an event of this name can have. */
function classesOf(name: string): string[] {
  const classes = ALARM_CATEGORIES.map((category) => outboxClassOf(name, { category }));
  return OUTBOX_CLASSES.filter((one) => classes.includes(one));
}

/** Of connected objects, by their category; the temperature has a code for each side. */
export function objectRows(): string[] {
  const codes = { ...OBJECT_CODES, 'temperature, above': ['KA', 'KH'], 'temperature, below': ['ZA', 'ZH'] };
  return Object.entries(codes).map(([category, [raised, cleared]]) => {
    const about = meaningOfSia(raised ?? '')?.entry.category;
    const cells = [
      category,
      'major',
      classOf(about, 'major'),
      codeText(raised),
      codeText(cleared),
      mayDisarm(about),
    ];
    return `| ${cells.join(' | ')} |`;
  });
}

function kindRow(
  kind: string,
  severity: string | undefined,
  expiry: { readonly default?: number } | undefined,
): string {
  const [raised, cleared] = OWN[kind] ?? [];
  const entry = raised === undefined ? undefined : meaningOfSia(raised)?.entry;
  const about =
    kind === 'panel-zone' ? 'of its message' : kind.startsWith('object-') ? 'of its entry' : 'of its `code`';
  const cells = entry
    ? [
        entry.category,
        severity ?? entry.severity,
        classOf(entry.category, severity ?? entry.severity, kind),
        codeText(raised),
        endCodes(cleared ?? entry.cleared[0], entry.contactId[0]),
        mayDisarm(entry.category),
      ]
    : [about, severity ?? 'of the code', 'of its category', 'of both', 'of both', 'by category'];
  return `| \`${kind}\` | ${[...cells, endText(expiry)].join(' | ')} |`;
}

/** What SIA only ever reports has no code for its end; Contact ID says it by its qualifier. */
function endCodes(cleared: string | undefined, event: string | undefined): string {
  return cleared === undefined ? `–, 3${event}` : codeText(cleared);
}

function endText(expiry: { readonly default?: number } | undefined): string {
  if (!expiry) return 'when the source says so';
  return expiry.default === undefined
    ? 'when the source says so, or after `clearsAfterS`'
    : `\`clearsAfterS\` after the last time, ${expiry.default} s`;
}

function classOf(category: AlarmCategory | undefined, severity: string, kind = ''): string {
  return outboxClassOf('alarm', { category, severity, kind });
}

/** The SIA code with its event of Contact ID. */
function codeText(sia: string | undefined): string {
  const meaning = sia === undefined ? undefined : meaningOfSia(sia);
  if (!meaning) return '–';
  return `${sia}, ${meaning.transition === 'cleared' ? 3 : 1}${meaning.entry.contactId[0]}`;
}

function mayDisarm(category: AlarmCategory | undefined): string {
  return category !== undefined && ALWAYS_ARMED.includes(category) ? 'no' : 'yes';
}
