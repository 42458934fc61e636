import t from 'tap';
import { isValidAt, readKeyring } from '../../agent/trust/keyring.ts';
import { parsePublicKey, parseSealKey, parseSigningKey } from '../../agent/trust/keys.ts';
import { generateSealKey, generateSigningKey, signOrder } from '../../agent/trust/sign.ts';
import { AUTHORITY, CONFIGURER, keyringText, NOW_S, newKey, OPERATOR } from './support.ts';

const PINNED = AUTHORITY.publicJwk;

t.test('a keyring gives its keys by id and role', async (t) => {
  const text = keyringText([
    { key: OPERATOR, role: 'operate' },
    { key: OPERATOR, role: 'maintain', notAfter: 5 },
    { key: CONFIGURER, role: 'config' },
  ]);
  const ring = readKeyring(text, PINNED);
  t.equal(ring.version, 3);
  t.match(ring.rolesOf(OPERATOR.kid), [
    { role: 'operate', label: 'operate key', notBefore: undefined, notAfter: undefined },
    { role: 'maintain', notAfter: 5 },
  ]);
  t.equal(ring.rolesOf(CONFIGURER.kid).length, 1);
  t.same(ring.rolesOf(newKey().kid), []);
  t.same(ring.rolesOf('constructor'), []);
});

t.test('a key is valid from its begin to its end, both included', async (t) => {
  const text = keyringText([{ key: OPERATOR, role: 'operate', notBefore: 10, notAfter: 20 }]);
  const [key] = readKeyring(text, PINNED).rolesOf(OPERATOR.kid);
  t.same(
    [9, 10, 20, 21].map((at) => key && isValidAt(key, at)),
    [false, true, true, false],
  );
});

t.test('an older keyring than the one seen is refused: it may hold a revoked key', async (t) => {
  const text = keyringText([], 3);
  t.equal(readKeyring(text, PINNED, 3).version, 3);
  t.throws(() => readKeyring(text, PINNED, 4), {
    code: 'keyring-invalid',
    message: /expected version 4 or higher, came 3/,
  });
});

const entry = { kid: OPERATOR.kid, role: 'operate', label: '', key: OPERATOR.publicJwk };
const document = { typ: 'keyring', version: 1, iat: NOW_S, keys: [entry] };
const bad: [string, string][] = [
  ['nothing in it', ''],
  ['no signature of the authority', signOrder(document, [OPERATOR])],
  [
    'a signature by a key that only claims to be the authority',
    signOrder(document, [{ ...newKey(), kid: AUTHORITY.kid }]),
  ],
  ['no version', signOrder({ ...document, version: undefined }, [AUTHORITY])],
  ['an unknown role', signOrder({ ...document, keys: [{ ...entry, role: 'root' }] }, [AUTHORITY])],
  [
    'a kid that is not of its key',
    signOrder({ ...document, keys: [{ ...entry, kid: CONFIGURER.kid }] }, [AUTHORITY]),
  ],
  [
    'a key twice in one role',
    signOrder({ ...document, keys: [entry, { ...entry, label: 'again' }] }, [AUTHORITY]),
  ],
  [
    'a private key in it',
    signOrder({ ...document, keys: [{ ...entry, key: { ...entry.key, d: 'x' } }] }, [AUTHORITY]),
  ],
  [
    'a key of another curve',
    signOrder({ ...document, keys: [{ ...entry, key: generateSealKey().publicJwk }] }, [AUTHORITY]),
  ],
  ['another kind of document', signOrder({ ...document, typ: 'command' }, [AUTHORITY])],
];
for (const [name, text] of bad) {
  t.test(`a keyring with ${name} is refused`, async (t) => {
    t.throws(() => readKeyring(text, PINNED), { code: 'keyring-invalid', message: /^keyring: / });
  });
}

t.test('key files are read strictly and never shown', async (t) => {
  const signing = generateSigningKey();
  const sealing = generateSealKey();
  t.match(parseSigningKey(JSON.stringify({ ...signing.privateJwk, kid: 'x', alg: 'EdDSA', use: 'sig' })), {
    kid: signing.kid,
    publicJwk: signing.publicJwk,
  });
  t.match(parseSealKey(JSON.stringify(sealing.privateJwk)), {
    kid: sealing.kid,
    privateJwk: sealing.privateJwk,
  });
  t.same(parsePublicKey(JSON.stringify(signing.publicJwk)), signing.publicJwk);
  const files: [(text: string) => unknown, object | string][] = [
    [parseSigningKey, signing.publicJwk],
    [parseSigningKey, sealing.privateJwk],
    [parseSigningKey, { ...signing.privateJwk, x: generateSigningKey().publicJwk.x }],
    [parseSigningKey, JSON.stringify(signing.privateJwk).slice(0, -1)],
    [parseSigningKey, ''],
    [parseSealKey, signing.privateJwk],
    [parseSealKey, { ...sealing.privateJwk, x: generateSealKey().publicJwk.x }],
    [parsePublicKey, signing.privateJwk],
    [parsePublicKey, '-----BEGIN PUBLIC KEY-----'],
  ];
  for (const [parse, content] of files) {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    const error = t.throws(() => parse(text), { code: 'key-file-unreadable', message: /^expected a JWK/ });
    t.notMatch(JSON.stringify(error) + String(error), signing.privateJwk.d);
  }
});
