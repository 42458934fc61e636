import { z } from 'zod';
import { boxFileSchema } from '../../agent/config/box-file-schema.ts';
import { configurationSchema } from '../../agent/config/configuration.ts';
import { TRANSMISSION_CATEGORIES, type TransmissionCategory } from '../../agent/contract/transmission.ts';

interface Property {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  default?: unknown;
  minimum?: number;
  maximum?: number;
  description?: string;
  properties?: Record<string, Property>;
  required?: string[];
  items?: Property;
  oneOf?: Property[];
}

/** `docs/reference/configuration.md`: the box file and the central configuration. */
export function configurationPage(): string {
  return `# Configuration

Generated from \`agent/config\`; do not edit. Unknown keys are refused, in both files; every wrong path is listed at once.

## The box file, \`/etc/beffroi/box.json\`

${table(boxFileSchema)}

## The central configuration

Signed by the CSU and pushed to \`cfg/desired\` (see [mqtt.md](mqtt.md)). It is taken whole or refused whole.

${table(configurationSchema)}

### Categories of alarm transmission

What \`delivery.category\` may state (EN 50136-1:2012 + A1:2018), with the time within which the loss of a path must be
known. Nothing is decided by these figures. They are **to be confirmed against the bought standard**: two are from the code
of other makers, the others from memory.

${categories()}
`;
}

function categories(): string {
  const rows = Object.entries(TRANSMISSION_CATEGORIES).map(
    ([name, category]: [string, TransmissionCategory]) => {
      const { paths, reportingS, alternativeS, source } = category;
      return `| ${name} | ${paths} | ${timeText(reportingS)} | ${alternativeS === undefined ? '–' : timeText(alternativeS)} | ${source} |`;
    },
  );
  const head = '| category | paths | main path known lost within | alternative path | source |';
  return [head, '| --- | --- | --- | --- | --- |', ...rows].join('\n');
}

function timeText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${seconds / 60} min`;
  return seconds < 100 * 3600 ? `${seconds / 3600} h` : `${seconds / 86_400} days`;
}

function table(schema: z.ZodType): string {
  const json = z.toJSONSchema(schema, { io: 'input', reused: 'inline', unrepresentable: 'any' }) as Property;
  return `| key | type | default | meaning |\n| --- | --- | --- | --- |\n${rows(json, '').join('\n')}`;
}

function rows(object: Property, prefix: string): string[] {
  return Object.entries(object.properties ?? {}).flatMap(([name, property]) => {
    const path = `${prefix}${name}`;
    const required = object.required?.includes(name) ?? false;
    const own = `| \`${path}\` | ${typeText(property)} | ${defaultText(property, required)} | ${property.description ?? ''} |`;
    const inner = property.items ? itemRows(property.items, path) : rows(property, `${path}.`);
    return [own, ...inner];
  });
}

/** The keys of each entry of a list; where entries are of several kinds, the keys of each kind. */
function itemRows(items: Property, path: string): string[] {
  const kinds = items.oneOf ?? [];
  if (kinds.length === 0) return rows(items, `${path}[].`);
  return kinds.flatMap((kind) => rows(kind, `${path}[${String(kind.properties?.kind?.const)}].`));
}

function typeText(property: Property): string {
  if (property.const !== undefined) return `\`${JSON.stringify(property.const)}\``;
  if (property.enum) return property.enum.map((value) => `\`${value}\``).join(', ');
  const range =
    property.minimum !== undefined && property.maximum !== undefined && property.maximum < 2 ** 53 - 1;
  return `${property.type ?? ''}${range ? ` ${property.minimum}–${property.maximum}` : ''}`;
}

function defaultText(property: Property, required: boolean): string {
  if (property.default !== undefined && typeof property.default !== 'object')
    return `\`${JSON.stringify(property.default)}\``;
  return required ? 'required' : 'optional';
}
