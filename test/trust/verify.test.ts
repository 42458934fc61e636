import { createHash, verify } from 'node:crypto';
import { GeneralSign, generalVerify, importJWK } from 'jose';
import t from 'tap';
import type { Code } from '../../agent/base/codes.ts';
import { publicKeyObject, type SigningKey } from '../../agent/trust/keys.ts';
import { signOrder } from '../../agent/trust/sign.ts';
import { type OrderClaims, type OrderExpectation, verifyOrder } from '../../agent/trust/verify.ts';
import {
  COMMAND_EXPECTED,
  CONFIG,
  CONFIG_EXPECTED,
  CONFIGURER,
  KEYRING,
  keyringOf,
  NOW_S,
  newKey,
  OPERATOR,
  PING,
  SITE,
} from './support.ts';

/** The code with which the order is refused; undefined when it is taken. */
function refusal<T extends OrderClaims>(
  payload: object,
  expected: OrderExpectation<T>,
  keys: readonly SigningKey[] = [OPERATOR],
  ring = KEYRING,
): Code | undefined {
  try {
    verifyOrder(signOrder(payload, keys), ring, expected);
    return undefined;
  } catch (thrown) {
    return (thrown as { code: Code }).code;
  }
}

t.test('a good order gives its claims, its signers, the hash of its payload and itself', async (t) => {
  const text = signOrder(PING, [OPERATOR]);
  const order = verifyOrder(text, KEYRING, COMMAND_EXPECTED);
  t.same(order.claims, PING);
  t.same(order.signers, [{ kid: OPERATOR.kid, role: 'operate', label: 'operate key' }]);
  t.equal(order.payloadHash, createHash('sha256').update(JSON.stringify(PING)).digest('hex'));
  t.equal(order.jws, text);
  t.same(verifyOrder(Buffer.from(text), KEYRING, COMMAND_EXPECTED), order, 'as bytes too');
});

t.test('an order signed by jose is taken [RFC 7515 §7.2.1]', async (t) => {
  for (const alg of ['EdDSA', 'Ed25519']) {
    const jws = await new GeneralSign(Buffer.from(JSON.stringify(PING)))
      .addSignature(OPERATOR.privateKey)
      .setProtectedHeader({ alg, kid: OPERATOR.kid, typ: 'JOSE+JSON' })
      .sign();
    t.same(verifyOrder(JSON.stringify(jws), KEYRING, COMMAND_EXPECTED).claims, PING);
    t.same(
      verifyOrder(JSON.stringify(jws, null, 2), KEYRING, COMMAND_EXPECTED).claims,
      PING,
      'white space between',
    );
  }
});

t.test('what we sign is taken by jose and by node:crypto', async (t) => {
  const jws = JSON.parse(signOrder(PING, [OPERATOR, CONFIGURER]));
  for (const key of [OPERATOR, CONFIGURER]) {
    const result = await generalVerify(jws, await importJWK(key.publicJwk, 'EdDSA'), {
      algorithms: ['EdDSA'],
    });
    t.same(JSON.parse(Buffer.from(result.payload).toString()), PING);
    t.equal(result.protectedHeader?.kid, key.kid);
  }
  const [first] = jws.signatures;
  const input = Buffer.from(`${first.protected}.${jws.payload}`);
  t.ok(verify(null, input, publicKeyObject(OPERATOR.publicJwk), Buffer.from(first.signature, 'base64url')));
});

t.test('an order must be addressed to this box', async (t) => {
  t.equal(refusal({ ...PING, aud: '57463-police' }, COMMAND_EXPECTED), 'order-wrong-audience');
  t.equal(refusal(PING, { ...COMMAND_EXPECTED, audience: `${SITE}-2` }), 'order-wrong-audience');
});

t.test('a key may only do what its role allows, whoever signs beside it', async (t) => {
  t.equal(refusal(PING, COMMAND_EXPECTED, [CONFIGURER]), 'order-wrong-role');
  t.equal(refusal(CONFIG, CONFIG_EXPECTED, [OPERATOR]), 'order-wrong-role');
  t.equal(refusal(PING, COMMAND_EXPECTED, [CONFIGURER, OPERATOR]), undefined);
  const order = verifyOrder(signOrder(PING, [CONFIGURER, OPERATOR, newKey()]), KEYRING, COMMAND_EXPECTED);
  t.same(
    order.signers.map(({ role }) => role),
    ['config', 'operate'],
    'every valid signer is told, the unknown one is not',
  );
  t.equal(refusal(PING, { ...COMMAND_EXPECTED, roles: () => ['maintain'] }), 'order-wrong-role');
  t.equal(
    refusal(PING, {
      ...COMMAND_EXPECTED,
      roles: ({ command }) => (command === 'agent.ping' ? ['operate'] : []),
    }),
    undefined,
  );
});

t.test('a key with several roles may do each of them', async (t) => {
  const ring = keyringOf({ key: OPERATOR, role: 'config' }, { key: OPERATOR, role: 'operate' });
  t.equal(refusal(PING, COMMAND_EXPECTED, [OPERATOR], ring), undefined);
  t.equal(refusal(CONFIG, CONFIG_EXPECTED, [OPERATOR], ring), undefined);
});

const times: [string, object, Code | undefined][] = [
  ['until a second before its end', { exp: NOW_S + 1 }, undefined],
  ['not at its end [RFC 7519 §4.1.4]', { exp: NOW_S }, 'order-expired'],
  ['not after its end', { iat: NOW_S - 100, exp: NOW_S - 50 }, 'order-expired'],
  ['from a clock that is a minute ahead', { iat: NOW_S + 60, exp: NOW_S + 70 }, undefined],
  ['not from further in the future', { iat: NOW_S + 61, exp: NOW_S + 70 }, 'order-not-yet-valid'],
  ['not with an end before its issue', { iat: NOW_S, exp: NOW_S - 1 }, 'order-invalid'],
  ['not with an end at its issue', { iat: NOW_S, exp: NOW_S }, 'order-invalid'],
  ['with the longest life', { iat: NOW_S, exp: NOW_S + 3600 }, undefined],
  ['not with a longer one', { iat: NOW_S, exp: NOW_S + 3601 }, 'order-invalid'],
  ['not with a time in milliseconds', { iat: NOW_S * 1000, exp: NOW_S * 1000 + 1 }, 'order-invalid'],
  ['not with half a second', { iat: NOW_S - 0.5 }, 'order-invalid'],
];
for (const [name, claims, code] of times) {
  t.test(`a command is taken ${name}`, async (t) => {
    t.equal(refusal({ ...PING, ...claims }, COMMAND_EXPECTED), code);
  });
}

t.test('a command needs a clock that is trusted', async (t) => {
  t.equal(refusal(PING, { ...COMMAND_EXPECTED, clockTrust: 'holdover' }), undefined);
  t.equal(refusal(PING, { ...COMMAND_EXPECTED, clockTrust: 'untrusted' }), 'order-clock-untrusted');
});

t.test(
  'a configuration is taken with an untrusted clock, unless its end is known to have passed',
  async (t) => {
    const unset = { ...CONFIG_EXPECTED, clockTrust: 'untrusted' as const, nowMs: 0 };
    t.equal(refusal(CONFIG, unset, [CONFIGURER]), undefined, 'the clock says 1970');
    t.equal(refusal(CONFIG, { ...unset, timeFloorMs: CONFIG.exp * 1000 - 1 }, [CONFIGURER]), undefined);
    t.equal(refusal(CONFIG, { ...unset, timeFloorMs: CONFIG.exp * 1000 }, [CONFIGURER]), 'order-expired');
    t.equal(
      refusal(CONFIG, { ...unset, nowMs: CONFIG.exp * 2000 }, [CONFIGURER]),
      undefined,
      'a wild clock is not believed',
    );
    const synced = { ...CONFIG_EXPECTED, nowMs: CONFIG.exp * 1000 };
    t.equal(refusal(CONFIG, synced, [CONFIGURER]), 'order-expired');
    t.equal(
      refusal(CONFIG, { ...synced, clockPolicy: 'strict', clockTrust: 'untrusted' }, [CONFIGURER]),
      'order-clock-untrusted',
    );
  },
);

t.test(
  'an order that was taken before is read again after its end, and still needs signature and role',
  async (t) => {
    const stored = { ...CONFIG_EXPECTED, clockPolicy: 'stored' as const, nowMs: (CONFIG.exp + 1) * 1000 };
    t.equal(refusal(CONFIG, stored, [CONFIGURER]), undefined);
    t.equal(refusal(CONFIG, stored, [OPERATOR]), 'order-wrong-role');
    t.equal(refusal(CONFIG, stored, [newKey()]), 'order-bad-signature');
    t.equal(refusal({ ...CONFIG, aud: '57463-police' }, stored, [CONFIGURER]), 'order-wrong-audience');
  },
);

t.test('a key outside of its time of validity signs nothing', async (t) => {
  const ring = (validity: object) => keyringOf({ key: OPERATOR, role: 'operate', ...validity });
  const code = (validity: object, claims: object = {}) =>
    refusal({ ...PING, ...claims }, COMMAND_EXPECTED, [OPERATOR], ring(validity));
  t.equal(code({ notBefore: PING.iat, notAfter: NOW_S }), undefined);
  t.equal(code({ notBefore: PING.iat + 1 }), 'order-bad-signature');
  t.equal(code({ notAfter: PING.iat - 1 }), 'order-bad-signature');
  t.equal(code({ notAfter: NOW_S - 5 }), 'order-bad-signature', 'a retired key cannot sign for the past');
  const stored = { ...COMMAND_EXPECTED, clockPolicy: 'stored' as const };
  t.equal(
    refusal(PING, stored, [OPERATOR], ring({ notAfter: NOW_S - 5 })),
    undefined,
    'what it signed in time stays',
  );
});

const broken: [string, object][] = [
  ['an unknown command', { ...PING, command: 'agent.shell' }],
  ['an unknown claim', { ...PING, script: 'x' }],
  ['a missing id', { ...PING, jti: undefined }],
  ['an id of other characters', { ...PING, jti: '../../../x' }],
  ['another kind', { ...PING, typ: 'configuration' }],
  ['a list in place of a claim', { ...PING, aud: [SITE] }],
  ['a camera of another alphabet', { ...PING, command: 'camera.check', camera: 'cam-A\n' }],
];
for (const [name, payload] of broken) {
  t.test(`a well-signed order with ${name} is invalid, and the message says where`, async (t) => {
    t.throws(() => verifyOrder(signOrder(payload, [OPERATOR]), KEYRING, COMMAND_EXPECTED), {
      code: 'order-invalid',
      message: /^[\w()]+: \w+/,
    });
  });
}

t.test('an order for one purpose is not an order for another', async (t) => {
  t.equal(refusal(CONFIG, COMMAND_EXPECTED, [OPERATOR]), 'order-invalid');
  t.equal(refusal(PING, CONFIG_EXPECTED, [CONFIGURER]), 'order-invalid');
});
