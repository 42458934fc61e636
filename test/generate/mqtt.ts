import { z } from 'zod';
import { MAX_DOWN_BYTES } from '../../agent/contract/envelope.ts';
import { MESSAGES, type MessageDefinition, type MessageKey } from '../../agent/contract/messages.ts';
import { COMMAND_ROLE } from '../../agent/contract/orders.ts';
import { EXAMPLES } from './examples.ts';

const CLASS_NOTES: Record<string, string> = {
  state: 'QoS 1, retained',
  meas: 'QoS 0, not retained',
  event: 'QoS 1, not retained, from the durable outbox, in order',
};

/** `docs/reference/mqtt.md`. */
export function mqttPage(): string {
  const sections = (Object.keys(MESSAGES) as MessageKey[]).map(messageSection);
  return `# The MQTT contract

Generated from \`agent/contract\`; do not edit. The same contract as AsyncAPI 3: [asyncapi.yaml](asyncapi.yaml).

Topics have six levels, always: \`csu/v1/<site>/<entity>/<class>/<name>\`.
\`site\` is the INSEE code of the commune and a label of the box (\`57463-mairie\`); \`entity\` is \`collector\`, a camera
\`cam-…\`, an alarm point \`pt-…\` or a UPS \`ups-…\`. Payloads are flat JSON: a field keeps its type, and what is not
known is absent.

## From the box

${sections.join('\n')}
### \`csu/v1/<site>/<camera>/media/main\`

QoS 0, not retained, on the connection of the video process. MP4 boxes only: fragments (\`prft\`, \`moof\`, \`mdat\`), and
before each key frame the initialisation segment (\`ftyp\`, \`moov\`). What a subscriber received, joined from the first
message that begins with \`ftyp\`, is a valid fragmented MP4 file. \`prft\` holds the capture time, \`mfhd\` the number of the
fragment; a missing number is a lost fragment. No sound, ever.

## To the box

Orders are JWS in the General JSON form (RFC 7515 §7.2.1), EdDSA with Ed25519 (RFC 8037), at most
${MAX_DOWN_BYTES / 1024} KiB. Protected header: \`alg\` and \`kid\` (RFC 7638 thumbprint), nothing else that matters is read.
Every payload carries \`typ\`, \`aud\` (the site), \`jti\` (unique id), \`iat\` and \`exp\` (seconds since 1970).

### \`csu/v1/<site>/collector/cfg/desired\`

Retained. \`typ\` is \`configuration\`, \`version\` rises strictly, \`config\` is described in
[configuration.md](configuration.md). Signed by a key with the role \`config\`.

### \`csu/v1/<site>/collector/cmd/request\`

Never retained; single use. \`typ\` is \`command\`.

| \`command\` | further fields | role of the key |
| --- | --- | --- |
${commandRows()}
`;
}

function commandRows(): string {
  return Object.entries(COMMAND_ROLE)
    .map(
      ([name, roles]) =>
        `| \`${name}\` | ${name === 'agent.ping' ? '–' : '`camera`'} | ${roles.join(' or ')} |`,
    )
    .join('\n');
}

function messageSection(key: MessageKey): string {
  const message: MessageDefinition = MESSAGES[key];
  return `### \`${topicPattern(message)}\`

${message.summary} ${CLASS_NOTES[message.class]}.

| field | type | meaning |
| --- | --- | --- |
${fieldRows(message.schema)}

\`\`\`json
${JSON.stringify(EXAMPLES[key])}
\`\`\`
`;
}

function topicPattern(message: MessageDefinition): string {
  const entity = message.entity === 'collector' ? 'collector' : `<${message.entity}>`;
  return `csu/v1/<site>/${entity}/${message.class}/${message.name}`;
}

interface Property {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  description?: string;
}

/** The properties of an object schema as table rows; also used for the configuration. */
function fieldRows(schema: z.ZodType): string {
  const json = z.toJSONSchema(schema, { io: 'input', reused: 'inline' }) as {
    properties?: Record<string, Property>;
    required?: string[];
  };
  return Object.entries(json.properties ?? {})
    .map(([name, property]) => {
      const optional = json.required?.includes(name) ? '' : ' (optional)';
      return `| \`${name}\` | ${typeText(property)}${optional} | ${(property.description ?? '').replaceAll('|', '\\|')} |`;
    })
    .join('\n');
}

function typeText(property: Property): string {
  if (property.const !== undefined) return `\`${JSON.stringify(property.const)}\``;
  if (property.enum && property.enum.length > 12) return `one of ${property.enum.length} codes`;
  if (property.enum) return property.enum.map((value) => `\`${value}\``).join(', ');
  return property.type ?? 'see the schema';
}
