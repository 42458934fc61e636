import { deepEqual } from 'node:assert/strict';
import { generalVerify, importJWK } from 'jose';
import t from 'tap';
import { BeffroiError } from '../../agent/base/errors.ts';
import { LEASE_REASONS, MAX_LEASE_MINUTES } from '../../agent/contract/lease-terms.ts';
import { isWithinHours } from '../../agent/trust/hours.ts';
import { Lease } from '../../agent/trust/lease.ts';
import { signOrder } from '../../agent/trust/sign.ts';
import * as fc from '../support/properties.ts';
import {
  CSU_SEAL,
  LEASE_KEYRING,
  leaseOrder,
  NOW_S,
  newSealKey,
  OTHER_PARTNER,
  PARTNER,
  type Tried,
  termsOf,
  tried,
} from './lease-parts.ts';
import { CONFIGURER, keyringOf, newKey, OPERATOR, SITE } from './support.ts';

const MAX_LEASE_MS = MAX_LEASE_MINUTES * 60_000;
const DAY_S = 86_400;
/** 3:00 in Metz, on a Monday. */
const NIGHT_S = NOW_S - 7 * 3600;

t.test('lease: what the partner of the camera signed for an approved operator stands', async (t) => {
  const lease = tried();
  t.ok(Lease.isVerified(lease));
  t.match(lease, { camera: 'cam-hall', recipient: 'csu', partner: 'emh', signer: PARTNER.kid });
  t.equal(lease.endMs, (NOW_S + 1800) * 1000);
  t.equal(lease.doubt(NOW_S * 1000, 'synced'), undefined);
});

t.test(
  'lease: it is a General JWS that jose verifies with the key of the partner [RFC 7515 §7.2.1]',
  async (t) => {
    const order = leaseOrder();
    const jws = JSON.parse(signOrder(order, [PARTNER]));
    const key = await importJWK({ ...PARTNER.publicJwk, alg: 'EdDSA' });
    const { payload, protectedHeader } = await generalVerify(jws, key);
    t.same(JSON.parse(Buffer.from(payload).toString()), order);
    t.match(protectedHeader, { alg: 'EdDSA', kid: PARTNER.kid });
  },
);

const REFUSED: [title: string, tried: Tried, code: string][] = [
  ['signed by an operator of the CSU', { keys: [OPERATOR] }, 'order-wrong-role'],
  ['signed by the CSU for configurations', { keys: [CONFIGURER] }, 'order-wrong-role'],
  ['signed by nobody known', { keys: [newKey()] }, 'order-bad-signature'],
  ['signed by another partner', { keys: [OTHER_PARTNER] }, 'lease-wrong-partner'],
  [
    'signed by another partner and the CSU together',
    { keys: [OTHER_PARTNER, OPERATOR] },
    'lease-wrong-partner',
  ],
  ['for another box', { order: { aud: '57463-autre' } }, 'order-wrong-audience'],
  ['taken too late', { nowS: NOW_S + 58 }, 'order-expired'],
  ['of the future', { order: { iat: NOW_S + 120, exp: NOW_S + 180 } }, 'order-not-yet-valid'],
  ['that begins later', { order: { start: NOW_S + 11 } }, 'order-not-yet-valid'],
  ['that is over', { order: { start: NOW_S - 600, end: NOW_S } }, 'channel-over'],
  ['that ends before it begins', { order: { start: NOW_S, end: NOW_S - 1 } }, 'order-invalid'],
  ['longer than the convention allows', { order: { end: NOW_S + 3601 } }, 'channel-too-long'],
  ['that began long ago', { order: { start: NOW_S - 3000, end: NOW_S + 900 } }, 'channel-too-long'],
  ['by an untrusted clock', { clockTrust: 'untrusted' }, 'order-clock-untrusted'],
  ['for a recipient that is not agreed', { order: { recipient: 'dipn' } }, 'lease-recipient'],
  [
    'sealed to another key than the recipient has',
    { order: { recipientKey: newSealKey().kid } },
    'lease-recipient',
  ],
  ['for an operator who is not listed', { order: { operator: 'x' } }, 'lease-operator'],
  ['for a reason that is not agreed', { terms: { reasons: ['safety'] } }, 'lease-reason'],
  ['for no reason of the five', { order: { reason: 'curiosity' as never } }, 'order-invalid'],
  ['in the night', { nowS: NIGHT_S, order: signedAt(NIGHT_S) }, 'lease-hours'],
  ['before the convention', { terms: { convention: validFrom(NOW_S + 1) } }, 'lease-convention'],
  ['after the convention', { terms: { convention: validUntil(NOW_S) } }, 'lease-convention'],
  ['with a field that is not known', { order: { record: true } as never }, 'order-invalid'],
  ['of another command', { order: { command: 'view.open' as never } }, 'order-invalid'],
];

function signedAt(s: number): NonNullable<Tried['order']> {
  return { iat: s - 2, exp: s + 58, start: s, end: s + 600 };
}

function validFrom(validFromS: number) {
  return { ...termsOf().convention, validFromS };
}

function validUntil(validUntilS: number) {
  return { ...termsOf().convention, validUntilS };
}

for (const [title, trial, code] of REFUSED) {
  t.test(`lease: one ${title} opens nothing`, async (t) => {
    t.throws(() => tried(trial), { code });
  });
}

t.test('lease: an approval that has ended or not begun opens nothing', async (t) => {
  const approved = (approvedFromS: number, approvedUntilS: number): Tried => ({
    terms: {
      recipients: [
        {
          id: 'csu',
          key: CSU_SEAL.publicJwk,
          operators: [{ id: 'c.weber', approvedFromS, approvedUntilS }],
        },
      ],
    },
  });
  t.throws(() => tried(approved(NOW_S - 9, NOW_S)), { code: 'lease-operator' });
  t.throws(() => tried(approved(NOW_S + 1, NOW_S + 9)), { code: 'lease-operator' });
  t.equal(tried(approved(NOW_S, NOW_S + 9)).endMs, (NOW_S + 9) * 1000, 'and it ends with the approval');
});

t.test('lease: it ends with the convention, the approval or the key, whichever is first', async (t) => {
  const convention = tried({ terms: { convention: validUntil(NOW_S + 60) } });
  t.equal(convention.endMs, (NOW_S + 60) * 1000);
  t.equal(convention.doubt((NOW_S + 60) * 1000, 'synced'), 'convention');
  const keyring = keyringOf({ key: PARTNER, role: 'partner', notAfter: NOW_S + 30 });
  t.equal(tried({ keyring }).endMs, (NOW_S + 30) * 1000);
});

t.test('lease: doubt about clock, hours or end ends it', async (t) => {
  const lease = tried({ nowS: NOW_S, order: { end: NOW_S + 600 } });
  const at = (s: number) => lease.doubt(s * 1000, 'synced');
  t.equal(lease.doubt(NOW_S * 1000, 'untrusted'), 'clock');
  t.equal(at(NOW_S + 599), undefined);
  t.equal(at(NOW_S + 600), 'end');
  t.equal(at(NOW_S - 1), 'clock', 'a clock that went back behind its start is in doubt');
  const evening = Date.UTC(2026, 5, 1, 17, 50) / 1000;
  const late = tried({ nowS: evening, order: { ...signedAt(evening), end: evening + 1800 } });
  t.equal(late.doubt((evening + 599) * 1000, 'holdover'), undefined);
  t.equal(late.doubt((evening + 600) * 1000, 'synced'), 'hours', '20:00');
});

t.test(
  'lease: one that is taken before its start carries nothing until then, and no longer for it',
  async (t) => {
    const [start, end] = [NOW_S + 10, NOW_S + 10 + 3600];
    const lease = tried({ order: { start, end } });
    t.equal(lease.doubt(start * 1000 - 1, 'synced'), 'clock');
    t.equal(lease.doubt(start * 1000, 'synced'), undefined);
    t.equal(lease.leftMs(NOW_S * 1000), 3600_000, 'the maximum of the convention');
  },
);

t.test('lease: nothing but verify makes one', async (t) => {
  const lease = tried();
  t.notOk(Lease.isVerified({ ...lease }));
  t.notOk(Lease.isVerified(Object.create(Lease.prototype)));
  t.notOk(Lease.isVerified(Object.setPrototypeOf(structuredClone({ a: 1 }), Lease.prototype)));
  t.notOk(Lease.isVerified(undefined));
});

t.test('lease: no terms and no signature go beyond the built-in ceiling', async (t) => {
  const long = { order: { end: NOW_S + 4 * 3600 + 1 }, terms: { maxMinutes: 100_000 } };
  t.throws(() => tried(long), { code: 'channel-too-long' });
  const most = tried({ ...long, order: { end: NOW_S + 4 * 3600 } });
  t.equal(most.leftMs(NOW_S * 1000), MAX_LEASE_MS);
  t.equal(most.leftMs(0), MAX_LEASE_MS, 'not even for a clock of 1970');
});

/** Mostly what holds, and now and then something else. */
function mostly<T>(good: T, ...others: fc.Arbitrary<T>[]): fc.Arbitrary<T> {
  return fc.oneof({ weight: 9, arbitrary: fc.constant(good) }, ...others);
}

const between = (fromS: number, toS: number) => fc.integer({ min: NOW_S + fromS, max: NOW_S + toS });

/** From now or about then, as long as the convention allows or about so; and whatever else. */
const times = (maxS: number) =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .record({
          start: fc.constantFrom(-1, 0, 1, 9, 10, 11, 60).map((aheadS) => NOW_S + aheadS),
          longS: fc.constantFrom(1, 60, maxS - 1, maxS, maxS + 1),
        })
        .map(({ start, longS }) => ({ start, end: start + longS })),
    },
    fc.record({ start: between(-8000, 100), end: between(-100, 20_000) }),
  );

/** What somebody with a key of his own may write, and the longest lease of the convention that it is held against. */
const anyOrder = fc.integer({ min: 1, max: 240 }).chain((maxMinutes) =>
  fc
    .record(
      {
        camera: mostly('cam-hall', fc.constant('cam-x')),
        recipient: mostly<'csu' | 'dipn'>('csu', fc.constant('dipn')),
        recipientKey: mostly(CSU_SEAL.kid, fc.constant('a'.repeat(43))),
        operator: mostly('c.weber', fc.string({ maxLength: 90 })),
        reason: fc.constantFrom(...LEASE_REASONS),
        times: times(maxMinutes * 60),
        iat: mostly(NOW_S - 2, between(-4000, 100)),
        exp: mostly(NOW_S + 58, between(-10, 4000)),
      },
      { noNullPrototype: true },
    )
    .map(({ times, ...words }) => ({ maxMinutes, order: { ...words, ...times } })),
);

t.test('lease: whatever holds is of the partner, short enough, current, and for who is agreed', async (t) => {
  const signers = [[PARTNER], [OTHER_PARTNER], [OPERATOR], [OPERATOR, PARTNER]] as const;
  const held = { all: 0, ahead: 0, longest: 0, both: 0 };
  const property = fc.property(
    anyOrder,
    fc.constantFrom(...signers),
    fc.constantFrom('synced', 'holdover', 'untrusted') as fc.Arbitrary<'synced' | 'holdover' | 'untrusted'>,
    ({ order, maxMinutes }, keys, clockTrust) => {
      const lease = verified({ order, keys, clockTrust, terms: { maxMinutes } });
      if (!lease) return;
      const { start, end } = lease.order;
      const [ahead, longest] = [start > NOW_S, end - start === maxMinutes * 60];
      held.all += 1;
      held.ahead += Number(ahead);
      held.longest += Number(longest);
      held.both += Number(ahead && longest);
      deepEqual((keys as readonly unknown[]).includes(PARTNER), true);
      deepEqual(
        [lease.recipient, lease.order.operator, clockTrust === 'untrusted'],
        ['csu', 'c.weber', false],
      );
      deepEqual(end - start <= maxMinutes * 60, true);
      deepEqual(start <= NOW_S + 10, true, 'begins about now');
      deepEqual(lease.doubt(NOW_S * 1000, clockTrust), ahead ? 'clock' : undefined, 'not before its start');
      deepEqual(lease.leftMs(NOW_S * 1000) <= Math.min(MAX_LEASE_MS, maxMinutes * 60_000), true);
      deepEqual(lease.endMs > NOW_S * 1000, true);
    },
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 3000 }));
  t.ok(Math.min(...Object.values(held)) >= 5, `of 3000 held ${JSON.stringify(held)}`);
});

function verified(trial: Tried): Lease | undefined {
  try {
    return tried(trial);
  } catch (thrown) {
    if (thrown instanceof BeffroiError) return undefined;
    throw thrown;
  }
}

t.test(
  'lease: hours are those of Paris, over midnight, over the week and over the change of time',
  async (t) => {
    const within = (window: object, utc: string) =>
      isWithinHours([{ days: ['sat'], from: '22:00', to: '06:00', ...window }], Date.parse(utc));
    t.ok(within({}, '2026-06-06T20:00:00Z'), 'Saturday 22:00');
    t.ok(within({}, '2026-06-07T03:59:00Z'), 'Sunday 05:59');
    t.notOk(within({}, '2026-06-07T04:00:00Z'), 'Sunday 06:00');
    t.notOk(within({}, '2026-06-06T19:59:00Z'), 'Saturday 21:59');
    t.notOk(within({}, '2026-06-06T03:00:00Z'), 'Saturday 05:00 belongs to Friday');
    t.ok(within({ days: ['sun'] }, '2026-06-07T22:30:00Z'), 'Monday 00:30 after a Sunday');
    t.ok(within({ from: '00:00', to: '24:00' }, '2026-06-06T21:59:00Z'), 'the whole day');
    t.notOk(within({ from: '00:00', to: '24:00' }, '2026-06-06T22:00:00Z'));
    t.ok(within({ from: '08:00', to: '08:01', days: ['mon'] }, '2026-01-05T07:00:30Z'), 'winter time');
    t.ok(within({ from: '08:00', to: '08:01', days: ['mon'] }, '2026-06-01T06:00:30Z'), 'summer time');
  },
);

t.test('lease: a keyring without the key of the partner knows no lease', async (t) => {
  t.throws(() => tried({ keyring: keyringOf({ key: OPERATOR, role: 'operate' }) }), {
    code: 'order-bad-signature',
  });
  t.throws(() => tried({ keyring: keyringOf({ key: PARTNER, role: 'commune' }) }), {
    code: 'order-wrong-role',
  });
  t.throws(() => tried({ keyring: keyringOf({ key: PARTNER, role: 'partner', notAfter: NOW_S - DAY_S }) }), {
    code: 'order-bad-signature',
  });
  t.throws(
    () => Lease.verify('{}', LEASE_KEYRING, termsOf(), { site: SITE, nowMs: 0, clockTrust: 'synced' }),
    {
      code: 'order-unsigned',
    },
  );
});
