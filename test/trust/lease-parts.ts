import type { ClockTrust } from '../../agent/base/clock.ts';
import type { LeaseTerms } from '../../agent/contract/lease-terms.ts';
import type { LeaseOpenOrder } from '../../agent/contract/viewing-orders.ts';
import type { Keyring } from '../../agent/trust/keyring.ts';
import { parseSealKey, type SealKey, type SigningKey } from '../../agent/trust/keys.ts';
import { Lease } from '../../agent/trust/lease.ts';
import { generateSealKey, signOrder } from '../../agent/trust/sign.ts';
import { CONFIGURER, keyringOf, newKey, OPERATOR, SITE } from './support.ts';

export const PARTNER = newKey();
export const OTHER_PARTNER = newKey();
/** 1 June 2026 is a Monday; 10:00 in Metz. */
export const NOW_S = Date.UTC(2026, 5, 1, 8) / 1000;

export function newSealKey(): SealKey {
  return parseSealKey(JSON.stringify(generateSealKey().privateJwk));
}
export const CSU_SEAL = newSealKey();

export const LEASE_KEYRING = keyringOf(
  { key: PARTNER, role: 'partner' },
  { key: OTHER_PARTNER, role: 'partner' },
  { key: OPERATOR, role: 'operate' },
  { key: CONFIGURER, role: 'config' },
);

export function termsOf(more: Partial<LeaseTerms> = {}): LeaseTerms {
  return {
    partner: 'emh',
    keys: [PARTNER.kid],
    convention: {
      reference: '467/2024',
      validFromS: NOW_S - 30 * 86_400,
      validUntilS: NOW_S + 300 * 86_400,
    },
    hours: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '08:00', to: '20:00' }],
    reasons: ['safety', 'damage', 'common-areas', 'trafficking', 'intervention'],
    maxMinutes: 60,
    controlLossS: 20,
    recipients: [
      {
        id: 'csu',
        key: CSU_SEAL.publicJwk,
        operators: [{ id: 'c.weber', approvedUntilS: NOW_S + 100 * 86_400 }],
      },
    ],
    ...more,
  };
}

let orders = 0;

export function leaseOrder(more: Partial<LeaseOpenOrder> = {}): LeaseOpenOrder {
  orders += 1;
  return {
    typ: 'command',
    command: 'lease.open',
    aud: SITE,
    jti: `lease-${String(orders).padStart(8, '0')}`,
    iat: NOW_S - 2,
    exp: NOW_S + 58,
    camera: 'cam-hall',
    recipient: 'csu',
    recipientKey: CSU_SEAL.kid,
    operator: 'c.weber',
    grantedBy: 'a.muller',
    reason: 'common-areas',
    start: NOW_S,
    end: NOW_S + 1800,
    ...more,
  };
}

export interface Tried {
  readonly order?: Partial<LeaseOpenOrder>;
  readonly terms?: Partial<LeaseTerms>;
  readonly keys?: readonly SigningKey[];
  readonly nowS?: number;
  readonly clockTrust?: ClockTrust;
  readonly keyring?: Keyring;
}

/** Signs and verifies. @throws OrderRefusedError */
export function tried({ order, terms, keys, nowS, clockTrust, keyring }: Tried = {}): Lease {
  return Lease.verify(
    signOrder(leaseOrder(order), keys ?? [PARTNER]),
    keyring ?? LEASE_KEYRING,
    termsOf(terms),
    { site: SITE, nowMs: (nowS ?? NOW_S) * 1000, clockTrust: clockTrust ?? 'synced' },
  );
}
