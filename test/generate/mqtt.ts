import { z } from 'zod';
import { MAX_DOWN_BYTES } from '../../agent/contract/envelope.ts';
import { MESSAGES, type MessageDefinition, type MessageKey } from '../../agent/contract/messages.ts';
import {
  COMMAND_ROLE,
  commandOrder,
  MAX_RECEIPT_BYTES,
  MAX_RECEIPT_EVENTS,
} from '../../agent/contract/orders.ts';
import { eventDigest } from '../../agent/contract/receipt.ts';
import { EXAMPLES } from './examples.ts';

const CLASS_NOTES: Record<string, string> = {
  state: 'QoS 1, retained',
  meas: 'QoS 0, not retained',
  event: 'QoS 1, not retained, from the durable outbox, in order; as backlog on `hist`',
  report:
    'QoS 1, not retained, from the durable outbox, in order; the last level is the id of the partner, or `availability` or `inventory` for the CSU',
};

/** `docs/reference/mqtt.md`. */
export function mqttPage(): string {
  const sections = (Object.keys(MESSAGES) as MessageKey[]).map(messageSection);
  return `# The MQTT contract

Generated from \`agent/contract\`; do not edit. The same contract as AsyncAPI 3: [asyncapi.yaml](asyncapi.yaml).

Topics have six levels, always: \`csu/v1/<site>/<entity>/<class>/<name>\`.
\`site\` is the INSEE code of the commune and a label of the box (\`57463-mairie\`); \`entity\` is \`collector\`, a camera
\`cam-…\`, an alarm point \`pt-…\`, a UPS \`ups-…\` or a connected object \`obj-…\`. Payloads are flat JSON: a field keeps its type, and what is not
known is absent.

## From the box

${sections.join('\n')}
### \`csu/v1/<site>/<entity>/hist/<name>\`

QoS 1, not retained. The backlog: an event that could not be sent in time (\`delivery.liveWithinS\`), or that was sent
without a receipt, with the bytes and the \`id\` that it had or would have had on \`event\`, so that \`ts\` is its own time.
At most \`delivery.backlogPerS\` per second, after everything that is live. An event may come more than once, on either
class: consumers keep the first of each \`id\` of a site. Within one class of topic the events of a point come in the
order of \`seq\`; an event on \`hist\` never says what is so now.

Life-safety goes first, then intrusion, technical, service. An alarm goes by its category: fire, gas, panic and medical
help are life-safety; intrusion, tampering and what nobody knows intrusion; all others technical. One without a category
goes by its severity. Messages that are no alarm are service; the exceptions stand in [alarms.md](alarms.md). What does not fit or is too old is dropped from
the last class first, and is told by \`loss\`.

### \`csu/v1/<site>/<camera>/media/main\`

QoS 0, not retained, on the connection of the video process. MP4 boxes only: fragments (\`prft\`, \`moof\`, \`mdat\`), and
before each key frame the initialisation segment (\`ftyp\`, \`moov\`). What a subscriber received, joined from the first
message that begins with \`ftyp\`, is a valid fragmented MP4 file. \`prft\` holds the capture time, \`mfhd\` the number of the
fragment; a missing number is a lost fragment. No sound, ever. A camera with \`delivery: on-demand\` is heard here while
a view of it is open.

### \`csu/v1/<site>/<camera>/media/<recipient>\`

A partner's camera, while a lease stands: the same boxes, encrypted for that one recipient (\`csu\` or \`dipn\`). One
message: \`BFL2\`; the id of the lease after its length (1 byte); the sealed key after its length (2 bytes; 0 where decoding
cannot begin); a counter (8 bytes, from 1, rising by one); with a sealed key alone, when that key and when this message were
made (8 bytes each, Unix ms by the clock of the box) and the Ed25519 signature of the box (64 bytes) over the topic and everything before it; AES-256-GCM of the boxes; its
tag (16 bytes). Integers are big-endian. Nonce: four zero bytes and the counter. Additional data: the topic and everything
before the ciphertext. The sealed key is a compact JWE (ECDH-ES, X25519, A256GCM) to the key that the lease names, with
\`aud\` the site and \`sub\` \`<camera>/<recipient>/<lease>\`; inside \`{"k": "…"}\`, 32 bytes in base64url. A recipient
takes a key on the signature of the box alone, none that was made before the one it shows, and none from a message that
is more than two minutes old, or a minute ahead: what was recorded is not shown as of now. Each lease has a key of its own.

## To the box

Orders are JWS in the General JSON form (RFC 7515 §7.2.1), EdDSA with Ed25519 (RFC 8037), at most
${MAX_DOWN_BYTES / 1024} KiB. Protected header: \`alg\` and \`kid\` (RFC 7638 thumbprint), nothing else that matters is read.
Every payload carries \`typ\`, \`aud\` (the site) and \`iat\` (seconds since 1970); configurations and commands also
\`jti\` (unique id) and \`exp\`.

### \`csu/v1/<site>/collector/cfg/desired\`

Retained. \`typ\` is \`configuration\`, \`version\` rises strictly, \`config\` is described in
[configuration.md](configuration.md). Signed by a key with the role \`config\`.

### \`csu/v1/<site>/collector/cmd/request\`

Never retained; single use. \`typ\` is \`command\`.

| \`command\` | further fields | role of the key |
| --- | --- | --- |
${commandRows()}

### \`csu/v1/<site>/collector/ack/receipt\`

Never retained. \`typ\` is \`receipt\`; \`aud\`, \`iat\` and \`events\` (1 to ${MAX_RECEIPT_EVENTS} events that are stored, each
\`{"id", "sha256"}\`), nothing else: no \`jti\`, no \`exp\`. Signed by a key with the role \`receive\`; at most
${MAX_RECEIPT_BYTES / 1024} KiB. \`sha256\` is SHA-256, base64url without padding (43 characters), over the topic of the event,
a line feed (0x0a), and the bytes of the payload as they were published. The topic is the one on \`event\`, also for a copy
that came on \`hist\`: both have the same digest. For \`{}\` on \`csu/v1/57463-mairie/pt-a/hist/alarm\` it is
\`${eventDigest('csu/v1/57463-mairie/pt-a/hist/alarm', '{}')}\`.

Where the configuration says \`delivery.confirm: receipt\`, an event leaves the box on this alone, and only where the digest
is that of the event in the box; \`state/link\` says what is in force. A receipt with another digest is told by \`refusal\`
(\`receipt-altered\`), once an hour at most, and the event is sent again as if none had come. Ids that the box does not
hold are passed over. A receipt is not judged by time: it proves itself by the ids.
`;
}

const CLAIMS = ['typ', 'aud', 'jti', 'iat', 'exp', 'command'];

function commandRows(): string {
  return commandOrder.options
    .map(({ shape }) => {
      const fields = Object.entries(shape).filter(([field]) => !CLAIMS.includes(field));
      const name = shape.command.value;
      const texts = fields.map(
        ([field, schema]) => `\`${field}\`${schema.safeParse(undefined).success ? ' (optional)' : ''}`,
      );
      return `| \`${name}\` | ${texts.join(', ') || '–'} | ${COMMAND_ROLE[name].join(' or ')} |`;
    })
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
