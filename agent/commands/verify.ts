import type { Clock, ClockTrust } from '../base/clock.ts';
import { asBeffroiError, type BeffroiError, OrderRefusedError } from '../base/errors.ts';
import { COMMAND_ROLE, commandOrder, ROLES } from '../contract/orders.ts';
import type { Keyring } from '../trust/keyring.ts';
import {
  type AuthenticOrder,
  authenticate,
  COMMAND_MAX_LIFETIME_S,
  judgeOrder,
  type OrderExpectation,
} from '../trust/verify.ts';
import type { TakenCommand } from './open-commands.ts';

type Claims = TakenCommand['order'];

export interface VerifyNeeds {
  readonly site: string;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly clockTrust: () => ClockTrust;
}

/** What came of a message of the command topic. */
export interface Verdict {
  /** Absent unless a good signature of the keyring covers it and it is for this box: nothing else is ever repeated. */
  readonly command?: TakenCommand;
  /** Why it is refused; absent when it holds. */
  readonly error?: BeffroiError;
  /** Key id of a good signature, also when what it covers cannot be read or is for another box. */
  readonly signer?: string;
}

/** Largest command, in bytes; a genuine one is below 1 KB. Source: guess. */
const MAX_COMMAND_BYTES = 16 * 1024;

/** Judges one message: size, signature, schema, audience, role, times. Never throws. */
export function judge(needs: VerifyNeeds, payload: Buffer, retained: boolean): Verdict {
  if (payload.length > MAX_COMMAND_BYTES) return { error: tooLarge(payload.length) };
  try {
    return judgeAuthentic(needs, authenticate(payload, needs.keyring), retained);
  } catch (thrown) {
    return { error: retained ? retainedError() : asBeffroiError(thrown) };
  }
}

function judgeAuthentic(needs: VerifyNeeds, order: AuthenticOrder, retained: boolean): Verdict {
  const expected: OrderExpectation<Claims> = {
    schema: commandOrder,
    audience: needs.site,
    roles: ({ command }) => COMMAND_ROLE[command],
    clockPolicy: 'strict',
    nowMs: needs.clock.wallMs(),
    clockTrust: needs.clockTrust(),
    maxLifetimeS: COMMAND_MAX_LIFETIME_S,
  };
  const strict = attempt(order, expected);
  const error = retained ? retainedError() : strict.error;
  if (!error) return strict;
  const readable = strict.command
    ? strict
    : attempt(order, { ...expected, roles: ROLES, clockPolicy: 'stored' });
  const signer = order.keys[0]?.kid ?? 'unknown';
  return { error, signer, ...(readable.command ? { command: readable.command } : {}) };
}

/** A message above what the box takes. */
export function tooLarge(bytes: number): OrderRefusedError {
  return new OrderRefusedError(
    'order-too-large',
    `expected at most ${MAX_COMMAND_BYTES} bytes, came ${bytes}`,
  );
}

function retainedError(): OrderRefusedError {
  return new OrderRefusedError(
    'order-retained',
    'expected a command that is not retained, came a retained one',
  );
}

function attempt(order: AuthenticOrder, expected: OrderExpectation<Claims>): Verdict {
  try {
    const { claims, signers, jws } = judgeOrder(order, expected);
    const counts = signers.find(({ role }) => COMMAND_ROLE[claims.command].includes(role)) ?? signers[0];
    return { command: { order: claims, signer: counts?.kid ?? 'unknown', signers, jws } };
  } catch (thrown) {
    return { error: asBeffroiError(thrown) };
  }
}
