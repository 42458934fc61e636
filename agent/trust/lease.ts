import type { ClockTrust } from '../base/clock.ts';
import type { CodeOf } from '../base/codes.ts';
import { OrderRefusedError } from '../base/errors.ts';
import { quoted } from '../base/text.ts';
import { type LeaseTerms, MAX_LEASE_MINUTES, type RecipientId } from '../contract/lease-terms.ts';
import type { ClosedBy } from '../contract/viewing.ts';
import { type LeaseOpenOrder, leaseOpenOrder } from '../contract/viewing-orders.ts';
import { isWithinHours } from './hours.ts';
import type { Keyring, KeyringKey } from './keyring.ts';
import { thumbprint, type X25519Public } from './keys.ts';
import { COMMAND_MAX_LIFETIME_S, verifyOrder } from './verify.ts';

/**
 * How far ahead its start may lie when it is taken, s; it opens at its start all the same. A partner's clock that nobody
 * keeps is off by seconds, and who signed waits for the pictures. Source: guess, well within what an order may take.
 */
const MAX_AHEAD_S = 10;

export interface LeaseExpectation {
  readonly site: string;
  readonly nowMs: number;
  readonly clockTrust: ClockTrust;
}

interface Granted {
  readonly order: LeaseOpenOrder;
  readonly jws: string;
  readonly terms: LeaseTerms;
  readonly signer: string;
  readonly recipientKey: X25519Public;
  /** The first of the ends that bind it, Unix s, and what it is the end of. */
  readonly end: { readonly atS: number; readonly closedBy: ClosedBy };
}

/**
 * A lease whose signature is a partner's and that the partner's convention allows. There is no other way to one than
 * `verify`, and nothing opens a partner's camera without one.
 */
export class Lease {
  readonly #granted: Granted;

  private constructor(granted: Granted) {
    this.#granted = granted;
  }

  /**
   * Verifies the signed order and holds it against the terms.
   * @throws OrderRefusedError with the code of the first thing that is wrong
   */
  static verify(
    jws: string | Uint8Array,
    keyring: Keyring,
    terms: LeaseTerms,
    { site, nowMs, clockTrust }: LeaseExpectation,
  ): Lease {
    const verified = verifyOrder(jws, keyring, {
      schema: leaseOpenOrder,
      audience: site,
      roles: ['partner'],
      clockPolicy: 'strict',
      nowMs,
      clockTrust,
      maxLifetimeS: COMMAND_MAX_LIFETIME_S,
    });
    const order = verified.claims;
    const signer = partnerKey(verified.signers, terms, keyring);
    checkTimes(order, terms, nowMs / 1000);
    const recipient = recipientIn(order, terms);
    const operator = operatorIn(order, recipient, nowMs / 1000);
    if (!terms.reasons.includes(order.reason)) {
      throw refused('lease-reason', `expected ${terms.reasons.join(' or ')} as reason, came ${order.reason}`);
    }
    checkConvention(terms, nowMs);
    const end = firstEnd(order, terms, signer, operator.approvedUntilS);
    return new Lease({
      order,
      jws: verified.jws,
      terms,
      signer: signer.kid,
      recipientKey: recipient.key,
      end,
    });
  }

  /** Whether this is a lease that `verify` made, and not something that looks like one. */
  static isVerified(value: unknown): value is Lease {
    return typeof value === 'object' && value !== null && #granted in value;
  }

  /** Unique id of the order. */
  get id(): string {
    return this.#granted.order.jti;
  }

  get camera(): string {
    return this.#granted.order.camera;
  }

  get recipient(): RecipientId {
    return this.#granted.order.recipient;
  }

  /** Public key of the recipient, whose thumbprint the partner has signed. */
  get recipientKey(): X25519Public {
    return this.#granted.recipientKey;
  }

  get order(): LeaseOpenOrder {
    return this.#granted.order;
  }

  get partner(): string {
    return this.#granted.terms.partner;
  }

  get terms(): LeaseTerms {
    return this.#granted.terms;
  }

  /** Key id of the partner's key that signed it. */
  get signer(): string {
    return this.#granted.signer;
  }

  /** The order as received. */
  get jws(): string {
    return this.#granted.jws;
  }

  /** When it ends at the latest, Unix ms: its own end, or that of convention, approval or key where that is earlier. */
  get endMs(): number {
    return this.#granted.end.atS * 1000;
  }

  /** Time that is left, ms: for a deadline on the monotonic clock; never above what the convention allows. */
  leftMs(nowMs: number): number {
    return Math.max(0, Math.min(this.endMs - nowMs, maxMinutesOf(this.terms) * 60_000));
  }

  /** Why it does not stand any more at this time; undefined while it does. Any doubt ends it. */
  doubt(nowMs: number, clockTrust: ClockTrust): ClosedBy | undefined {
    if (clockTrust === 'untrusted') return 'clock';
    const { end, terms, order } = this.#granted;
    if (nowMs >= end.atS * 1000) return end.closedBy;
    if (nowMs < order.start * 1000) return 'clock';
    return isWithinHours(terms.hours, nowMs) ? undefined : 'hours';
  }
}

function partnerKey(
  signers: readonly { readonly kid: string; readonly role: string }[],
  terms: LeaseTerms,
  keyring: Keyring,
): KeyringKey {
  const kids = signers.filter(({ role }) => role === 'partner').map(({ kid }) => kid);
  const kid = kids.find((signer) => terms.keys.includes(signer));
  const key = kid === undefined ? undefined : keyring.rolesOf(kid).find(({ role }) => role === 'partner');
  if (key) return key;
  throw refused(
    'lease-wrong-partner',
    `expected the signature of partner ${terms.partner}, came that of ${kids.join(', ')}`,
  );
}

/** Its own times alone; how long it may be taken is judged with the order. */
function checkTimes({ start, end }: LeaseOpenOrder, terms: LeaseTerms, nowS: number): void {
  const minutes = maxMinutesOf(terms);
  if (end <= start) throw refused('order-invalid', `expected end after start, came ${end} and ${start}`);
  if (end - start > minutes * 60) {
    throw refused('channel-too-long', `expected at most ${minutes} minutes, came ${(end - start) / 60}`);
  }
  if (start > nowS + MAX_AHEAD_S) throw refused('order-not-yet-valid', `it begins ${utc(start)}`);
  if (end <= nowS) throw refused('channel-over', `it ended ${utc(end)}`);
}

function maxMinutesOf({ maxMinutes }: LeaseTerms): number {
  return Math.min(maxMinutes, MAX_LEASE_MINUTES);
}

type Recipient = LeaseTerms['recipients'][number];

function recipientIn({ recipient, recipientKey }: LeaseOpenOrder, terms: LeaseTerms): Recipient {
  const found = terms.recipients.find(({ id }) => id === recipient);
  if (!found)
    throw refused('lease-recipient', `expected a recipient of partner ${terms.partner}, came ${recipient}`);
  if (thumbprint(found.key) === recipientKey) return found;
  throw refused(
    'lease-recipient',
    `expected key ${thumbprint(found.key)} of ${recipient}, the lease names ${recipientKey}`,
  );
}

function operatorIn(
  { operator }: LeaseOpenOrder,
  { id, operators }: Recipient,
  nowS: number,
): Recipient['operators'][number] {
  const found = operators.find((known) => known.id === operator);
  if (found && (found.approvedFromS ?? 0) <= nowS && nowS < found.approvedUntilS) return found;
  const why = found ? 'whose approval holds now' : 'who is listed';
  throw refused('lease-operator', `expected an operator of ${id} ${why}, came ${quoted(operator)}`);
}

function checkConvention({ convention, hours, partner }: LeaseTerms, nowMs: number): void {
  const { validFromS, validUntilS, reference } = convention;
  if (nowMs < validFromS * 1000 || nowMs >= validUntilS * 1000) {
    throw refused(
      'lease-convention',
      `convention ${quoted(reference)} holds from ${utc(validFromS)} to ${utc(validUntilS)}`,
    );
  }
  if (!isWithinHours(hours, nowMs))
    throw refused('lease-hours', `it is outside of the hours agreed with ${partner}`);
}

/** The first of the ends that bind it. */
function firstEnd(
  order: LeaseOpenOrder,
  { convention }: LeaseTerms,
  { notAfter }: KeyringKey,
  approvedUntilS: number,
): Granted['end'] {
  const ends: Granted['end'][] = [
    { atS: order.end, closedBy: 'end' },
    { atS: convention.validUntilS, closedBy: 'convention' },
    { atS: approvedUntilS, closedBy: 'convention' },
    { atS: notAfter ?? order.end, closedBy: 'convention' },
  ];
  return ends.reduce((first, other) => (other.atS < first.atS ? other : first));
}

function refused(code: CodeOf<'order'>, message: string): OrderRefusedError {
  return new OrderRefusedError(code, `lease: ${message}`);
}

function utc(atS: number): string {
  return new Date(Math.min(atS, 8.64e12) * 1000).toISOString();
}
