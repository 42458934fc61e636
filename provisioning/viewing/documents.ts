import { z } from 'zod';
import { ConfigurationError } from '../../agent/base/errors.ts';
import { describeIssues } from '../../agent/config/issues.ts';
import { partnerId, recipientId, x25519PublicKey } from '../../agent/contract/lease-terms.ts';
import { ed25519PublicKey } from '../../agent/contract/orders.ts';
import { SITE_PATTERN } from '../../agent/contract/topics.ts';
import { parseStrictJson } from '../../agent/trust/strict-json.ts';

/** What goes between the folder of a partner or recipient and that of the CSU: public halves only. */

const pem = z.string().max(16_384);
const name = z.string().min(1).max(80);

/** Who asks to be let in, with the public key that it made, and a request for a certificate of the broker. */
const memberRequest = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('partner'), id: partnerId, name, key: ed25519PublicKey, request: pem }),
  z.strictObject({
    kind: z.literal('recipient'),
    id: recipientId,
    name,
    key: x25519PublicKey,
    request: pem,
  }),
]);
export type MemberRequest = z.infer<typeof memberRequest>;

const recipient = z.strictObject({ id: recipientId, key: x25519PublicKey });

/** What the CSU answers. */
const memberGrant = z.strictObject({
  id: z.string(),
  /** Chain, PEM. */
  certificate: pem,
  /** Authority of the broker, PEM. */
  authorities: pem,
  /** To whom a lease may go. */
  recipients: z.array(recipient).max(2),
  /** Keys by which the lines of the registers are verified. */
  boxes: z.array(z.strictObject({ site: z.string().regex(SITE_PATTERN), sign: ed25519PublicKey })).max(200),
});
export type MemberGrant = z.infer<typeof memberGrant>;

/** @throws ConfigurationError `command-line-invalid` */
export function readRequest(text: string): MemberRequest {
  return read(text, memberRequest, 'a request of a partner or recipient, made by beffroi-csu');
}

/** @throws ConfigurationError `command-line-invalid` */
export function readGrant(text: string): MemberGrant {
  return read(text, memberGrant, 'an answer of the CSU, made by beffroi-csu');
}

function read<T>(text: string, schema: z.ZodType<T>, what: string): T {
  const parsed = schema.safeParse(parsedJson(text));
  if (parsed.success) return parsed.data;
  throw new ConfigurationError(
    'command-line-invalid',
    `expected ${what}: ${describeIssues(parsed.error).join('; ')}`,
  );
}

function parsedJson(text: string): unknown {
  try {
    return parseStrictJson(text);
  } catch {
    return undefined;
  }
}
