import { z } from 'zod';
import { keyId, numericDate } from './claims.ts';

/** Who may receive the pictures of a partner's camera. */
export const RECIPIENTS = ['csu', 'dipn'] as const;
export const recipientId = z.enum(RECIPIENTS);
export type RecipientId = z.infer<typeof recipientId>;

/**
 * The five reasons of the convention: safety of persons and goods; harm to property or to security devices; misuse of
 * common areas; trafficking; an intervention of the forces.
 * @see S2-05
 */
export const LEASE_REASONS = ['safety', 'damage', 'common-areas', 'trafficking', 'intervention'] as const;
export const leaseReason = z.enum(LEASE_REASONS);

/** Longest lease, minutes: no configuration and no signature goes beyond it. Source: guess; the documents name none. */
export const MAX_LEASE_MINUTES = 240;

/**
 * Other users of the broker, pictures that are not encrypted, and reports for the CSU: what the broker lets a partner do
 * goes by its name, so that none has one of these.
 */
export const RESERVED_IDS: readonly string[] = ['csu', 'dipn', 'main', 'sub', 'availability', 'inventory'];
/**
 * A partner as its topics and its user at the broker name it. One pattern says all of it: who checks by shapes, as the
 * video process does, knows no other rule.
 */
export const partnerId = z
  .string()
  .regex(
    new RegExp(`^(?!(?:${RESERVED_IDS.join('|')})$)[a-z][a-z0-9-]{1,30}$`),
    `expected a small letter and 1 to 30 small letters, digits or -, and none of ${RESERVED_IDS.join(', ')}`,
  );

/** One line of text: it goes into the register and before people. */
export const PRINTABLE = /^[^\p{Cc}]*$/u;

/** A named person, as the order of the prefect lists it. */
export const person = z.string().min(1).max(80).regex(PRINTABLE);

/** The public key that media keys and credentials are sealed to (RFC 8037 §2). */
export const x25519PublicKey = z.strictObject({
  kty: z.literal('OKP'),
  crv: z.literal('X25519'),
  x: z.base64url().length(43),
});

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const timeOfDay = z.string().regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'expected HH:MM');

/** Hours in which a channel may be open, Europe/Paris. One that ends before it begins goes on into the next day. */
export const hoursWindow = z.strictObject({
  days: z
    .array(z.enum(DAYS))
    .min(1)
    .max(7)
    .default([...DAYS])
    .meta({ description: 'days on which it begins' }),
  from: timeOfDay.meta({ description: 'HH:MM, Europe/Paris' }),
  to: timeOfDay.meta({ description: 'HH:MM; 24:00 for the end of the day' }),
});
export type HoursWindow = z.infer<typeof hoursWindow>;

/** What a partner's convention allows for its cameras, with times in Unix seconds: what a lease is judged by. */
export const leaseTerms = z.strictObject({
  partner: partnerId,
  /** Keys of the keyring, in the role `partner`, of which one must have signed. */
  keys: z.array(keyId).min(1).max(8),
  convention: z.strictObject({ reference: z.string(), validFromS: numericDate, validUntilS: numericDate }),
  hours: z.array(hoursWindow).min(1).max(28),
  reasons: z.array(leaseReason).min(1).max(LEASE_REASONS.length),
  maxMinutes: z.int().min(1).max(MAX_LEASE_MINUTES),
  /** The link to the centre lost for longer than this closes every channel. */
  controlLossS: z.int().min(1),
  recipients: z
    .array(
      z.strictObject({
        id: recipientId,
        key: x25519PublicKey,
        operators: z
          .array(
            z.strictObject({
              id: person,
              approvedFromS: numericDate.optional(),
              approvedUntilS: numericDate,
            }),
          )
          .max(200),
      }),
    )
    .max(RECIPIENTS.length),
});
export type LeaseTerms = z.infer<typeof leaseTerms>;
