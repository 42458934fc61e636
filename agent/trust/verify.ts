import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { ClockTrust } from '../base/clock.ts';
import { OrderRefusedError } from '../base/errors.ts';
import { quoted } from '../base/text.ts';
import type { Role } from '../contract/orders.ts';
import { issuesOf } from './issues.ts';
import { type ReadJws, readJws, signatureHolds } from './jws.ts';
import { isValidAt, type Keyring, type KeyringKey } from './keyring.ts';
import { parseStrictJson } from './strict-json.ts';

/** How far the clock of the CSU may be ahead of the box, s. Source: guess. */
const MAX_SKEW_S = 60;
/** Longest time from issue to end of validity of a command, s. Source: guess; an operator waits for it. */
export const COMMAND_MAX_LIFETIME_S = 3600;
/** Longest time from issue to end of validity of a configuration, s: two years. Source: guess. */
export const CONFIGURATION_MAX_LIFETIME_S = 2 * 366 * 24 * 3600;

/** What everything claims that the CSU signs for a box. */
interface SignedClaims {
  readonly aud: string;
  /** Unix seconds. */
  readonly iat: number;
}

/** What every order claims; the schema of the order must hold it. */
export interface OrderClaims extends SignedClaims {
  readonly jti: string;
  /** Unix seconds. */
  readonly exp: number;
}

/**
 * How the times of an order are judged.
 * - `strict`: by the clock, which must be trusted: commands.
 * - `floor`: by the clock, and while it is untrusted only by the latest time that the box knows has passed: a box with
 *   an unset clock still takes its configuration.
 * - `stored`: not at all, for an order that was taken before and is read again.
 */
export type ClockPolicy = 'strict' | 'floor' | 'stored';

interface Expectation<T> {
  readonly schema: z.ZodType<T>;
  /** Site of the box. */
  readonly audience: string;
  /** Roles of which one must have signed. */
  readonly roles: readonly Role[] | ((claims: T) => readonly Role[]);
  readonly nowMs: number;
  readonly clockTrust: ClockTrust;
}

export interface OrderExpectation<T extends OrderClaims> extends Expectation<T> {
  readonly clockPolicy: ClockPolicy;
  /** Latest time that is known to have passed, Unix ms; for the policy `floor`. */
  readonly timeFloorMs?: number;
  readonly maxLifetimeS: number;
}

interface Signer {
  readonly kid: string;
  readonly role: Role;
  readonly label: string;
}

export interface VerifiedOrder<T> {
  readonly claims: T;
  /** Every key in every role whose signature is good and valid now, not only the needed ones. */
  readonly signers: readonly Signer[];
  /** SHA-256 of the payload bytes, hexadecimal. */
  readonly payloadHash: string;
  /** The order as received. */
  readonly jws: string;
}

/** An order that a key of the keyring has signed; whether it holds is judged from there. */
export interface AuthenticOrder {
  readonly jws: ReadJws;
  /** The keys, in every role, whose signature is good. */
  readonly keys: readonly KeyringKey[];
}

/**
 * Verifies an order: size, form, signature, and only then its content.
 * @throws OrderRefusedError with the code of the first thing that is wrong
 */
export function verifyOrder<T extends OrderClaims>(
  text: string | Uint8Array,
  keyring: Keyring,
  expected: OrderExpectation<T>,
): VerifiedOrder<T> {
  return judgeOrder(authenticate(text, keyring), expected);
}

/**
 * The first half of the verification: size, form and signature; the dear one, done once for every message.
 * @throws OrderRefusedError `order-too-large`, `order-unsigned`, `order-bad-signature`
 */
export function authenticate(text: string | Uint8Array, keyring: Keyring): AuthenticOrder {
  const jws = readJws(text);
  return { jws, keys: goodKeys(jws, keyring) };
}

/**
 * The second half: schema, audience, validity of the keys, role and times.
 * @throws OrderRefusedError with the code of the first thing that is wrong
 */
export function judgeOrder<T extends OrderClaims>(
  order: AuthenticOrder,
  expected: OrderExpectation<T>,
): VerifiedOrder<T> {
  const verified = judgeContent(order, expected, judgedNowS(expected));
  checkTimes(verified.claims, expected);
  return verified;
}

/**
 * The second half for what is judged by its content and not by the clock: schema, audience, role. The key must not be
 * over: by the clock, or while that is untrusted by the latest time that the box knows has passed.
 * @throws OrderRefusedError with the code of the first thing that is wrong
 */
export function judgeTimeless<T extends SignedClaims>(
  order: AuthenticOrder,
  expected: Expectation<T> & { readonly timeFloorMs: number },
): VerifiedOrder<T> {
  return judgeContent(order, expected, knownS(expected));
}

function judgeContent<T extends SignedClaims>(
  { jws, keys }: AuthenticOrder,
  expected: Expectation<T>,
  nowS: number | undefined,
): VerifiedOrder<T> {
  const claims = claimsIn(jws.payload, expected.schema);
  checkAudience(claims, expected.audience);
  const signers = validKeys(keys, claims, nowS);
  checkRole(signers, claims, expected);
  return {
    claims,
    signers: signers.map(({ kid, role, label }) => ({ kid, role, label })),
    payloadHash: createHash('sha256').update(jws.payload).digest('hex'),
    jws: jws.text,
  };
}

function goodKeys(jws: ReadJws, keyring: Keyring): KeyringKey[] {
  const good = new Map<string, readonly KeyringKey[]>();
  for (const signature of jws.signatures) {
    const keys = keyring.rolesOf(signature.kid);
    if (keys[0] && signatureHolds(signature, keys[0].publicKey)) good.set(signature.kid, keys);
  }
  if (good.size > 0) return [...good.values()].flat();
  const kids = jws.signatures.map(
    ({ kid }) => `${kid}${keyring.rolesOf(kid).length > 0 ? '' : ' (unknown)'}`,
  );
  throw new OrderRefusedError(
    'order-bad-signature',
    `expected a signature by a key of keyring ${keyring.version}; none holds of ${kids.join(', ')}`,
  );
}

function claimsIn<T>(payload: Buffer, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(strictly(payload));
  if (parsed.success) return parsed.data;
  throw new OrderRefusedError('order-invalid', issuesOf(parsed.error));
}

function strictly(payload: Buffer): unknown {
  try {
    return parseStrictJson(payload);
  } catch (cause) {
    const why = cause instanceof SyntaxError ? cause.message : 'not readable';
    throw new OrderRefusedError('order-invalid', `payload: ${why}`);
  }
}

function checkAudience(claims: SignedClaims, audience: string): void {
  if (claims.aud === audience) return;
  throw new OrderRefusedError(
    'order-wrong-audience',
    `expected ${audience} as aud, came ${quoted(claims.aud)}`,
  );
}

/** The keys that were valid when the order was issued, and are now as far as the box can tell. */
function validKeys(
  keys: readonly KeyringKey[],
  claims: SignedClaims,
  now: number | undefined,
): readonly KeyringKey[] {
  const valid = keys.filter(
    (key) => isValidAt(key, claims.iat) && (now === undefined || now <= (key.notAfter ?? now)),
  );
  if (valid.length > 0) return valid;
  const kids = [...new Set(keys.map(({ kid }) => kid))].join(', ');
  throw new OrderRefusedError('order-bad-signature', `expected a key in its time of validity, came ${kids}`);
}

function checkRole<T>(signers: readonly KeyringKey[], claims: T, expected: Expectation<T>): void {
  const roles = typeof expected.roles === 'function' ? expected.roles(claims) : expected.roles;
  if (signers.some(({ role }) => roles.includes(role))) return;
  const came = [...new Set(signers.map(({ role }) => role))].join(', ');
  throw new OrderRefusedError(
    'order-wrong-role',
    `expected a key with role ${roles.join(' or ')}, came ${came}`,
  );
}

function checkTimes<T extends OrderClaims>(claims: T, expected: OrderExpectation<T>): void {
  const { iat, exp } = claims;
  if (exp <= iat || exp - iat > expected.maxLifetimeS) {
    throw new OrderRefusedError(
      'order-invalid',
      `expected exp after iat by at most ${expected.maxLifetimeS} s, came ${exp - iat} s`,
    );
  }
  const { clockPolicy, clockTrust } = expected;
  if (clockPolicy === 'strict' && clockTrust === 'untrusted') {
    throw new OrderRefusedError(
      'order-clock-untrusted',
      'expected a trusted clock to judge the order, came untrusted',
    );
  }
  const now = judgedNowS(expected);
  if (now === undefined) return;
  if (now >= exp) throw new OrderRefusedError('order-expired', `valid until ${utc(exp)}, it is ${utc(now)}`);
  if (clockTrust !== 'untrusted' && iat > now + MAX_SKEW_S) {
    throw new OrderRefusedError('order-not-yet-valid', `issued ${utc(iat)}, it is ${utc(now)}`);
  }
}

/** The time that the order is judged by, Unix seconds; undefined where none is. */
function judgedNowS<T extends OrderClaims>(expected: OrderExpectation<T>): number | undefined {
  return expected.clockPolicy === 'stored' ? undefined : knownS(expected);
}

/** What it is at least, as far as the box knows, Unix seconds. */
function knownS(of: Pick<Expectation<unknown>, 'nowMs' | 'clockTrust'> & { readonly timeFloorMs?: number }) {
  return Math.floor((of.clockTrust === 'untrusted' ? (of.timeFloorMs ?? 0) : of.nowMs) / 1000);
}

function utc(atS: number): string {
  return new Date(atS * 1000).toISOString();
}
