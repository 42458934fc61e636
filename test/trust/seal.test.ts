import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
} from 'node:crypto';
import { CompactEncrypt, importJWK } from 'jose';
import t from 'tap';
import { parseSealKey, type SealKey, type X25519Public } from '../../agent/trust/keys.ts';
import { openLogin, openPanelKey, type SealedFor, sealLogin, sealPanelKey } from '../../agent/trust/seal.ts';
import { generateSealKey } from '../../agent/trust/sign.ts';
import * as fc from '../support/properties.ts';
import { decoded, encoded, SITE } from './support.ts';

const FOR: SealedFor = { site: SITE, subject: 'cam-hall' };
const LOGIN = { user: 'beffroi', password: 'mot de passe très "long" \\ \u{1f514}' };
const BOX: SealKey = parseSealKey(JSON.stringify(generateSealKey().privateJwk));

/** The keys of RFC 7748 §6.1, which RFC 8037 A.6 uses. */
const BOB = sealKeyOf(
  Buffer.from('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb', 'hex').toString(
    'base64url',
  ),
  '3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08',
);
const ALICE = sealKeyOf(
  'dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo',
  'hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo',
);

function sealKeyOf(d: string, x: string): SealKey {
  return parseSealKey(JSON.stringify({ kty: 'OKP', crv: 'X25519', x, d }));
}

function privateObject(key: SealKey): KeyObject {
  return createPrivateKey({ key: { ...key.privateJwk }, format: 'jwk' });
}

function publicObject(jwk: X25519Public): KeyObject {
  return createPublicKey({ key: { ...jwk }, format: 'jwk' });
}

/** Concat KDF for direct agreement with A256GCM. @see RFC 7518 §4.6.2 */
function contentKey(shared: Buffer): Buffer {
  const word = (n: number) => Buffer.from([0, 0, 0, n]);
  const algorithm = Buffer.from('A256GCM');
  const info = Buffer.concat([
    word(algorithm.length),
    algorithm,
    word(0),
    word(0),
    Buffer.from([0, 0, 1, 0]),
  ]);
  return createHash('sha256').update(word(1)).update(shared).update(info).digest();
}

/** A compact JWE made by node:crypto alone. */
function sealByHand(plain: string, header: object, to: SealKey, ephemeral: SealKey): string {
  const shared = diffieHellman({
    privateKey: privateObject(ephemeral),
    publicKey: publicObject(to.publicJwk),
  });
  const head = encoded({ ...header, epk: ephemeral.publicJwk });
  const iv = Buffer.alloc(12, 7);
  const cipher = createCipheriv('aes-256-gcm', contentKey(shared), iv).setAAD(Buffer.from(head));
  const text = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
  const parts = [iv, text, cipher.getAuthTag()].map((part) => part.toString('base64url'));
  return [head, '', ...parts].join('.');
}

const HEADER = { alg: 'ECDH-ES', enc: 'A256GCM', kid: BOX.kid, aud: SITE, sub: FOR.subject };

/** A JWE made by jose with this header and content. */
async function sealed(header: Record<string, unknown>, plain: string, to = BOX): Promise<string> {
  const key = await importJWK(to.publicJwk, 'ECDH-ES');
  return await new CompactEncrypt(Buffer.from(plain))
    .setProtectedHeader(header as { alg: string; enc: string })
    .encrypt(key);
}

t.test('a sealed login opens with the key of the box', async (t) => {
  const text = await sealLogin(LOGIN, FOR, BOX.publicJwk, BOX.kid);
  t.same(await openLogin(text, FOR, BOX), LOGIN);
  t.notMatch(text, LOGIN.user);
  t.match(JSON.parse(decoded(text.split('.')[0] ?? '')), HEADER);
  t.not(text, await sealLogin(LOGIN, FOR, BOX.publicJwk, BOX.kid), 'each time with another ephemeral key');
});

t.test('what we seal is opened by node:crypto alone [RFC 7518 §4.6, RFC 8037 §3.2]', async (t) => {
  const [head = '', , iv = '', text = '', tag = ''] = (
    await sealLogin(LOGIN, FOR, BOX.publicJwk, BOX.kid)
  ).split('.');
  const { epk } = JSON.parse(decoded(head));
  const shared = diffieHellman({ privateKey: privateObject(BOX), publicKey: publicObject(epk) });
  const cipher = createDecipheriv('aes-256-gcm', contentKey(shared), Buffer.from(iv, 'base64url'));
  cipher.setAAD(Buffer.from(head)).setAuthTag(Buffer.from(tag, 'base64url'));
  t.same(JSON.parse(Buffer.concat([cipher.update(text, 'base64url'), cipher.final()]).toString()), LOGIN);
});

t.test('what others seal is opened, with the keys of the standard [RFC 8037 A.6]', async (t) => {
  const shared = diffieHellman({ privateKey: privateObject(ALICE), publicKey: publicObject(BOB.publicJwk) });
  t.equal(shared.toString('hex'), '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742');
  const text = sealByHand(JSON.stringify(LOGIN), { ...HEADER, kid: BOB.kid }, BOB, ALICE);
  t.same(await openLogin(text, FOR, BOB), LOGIN);
});

t.test('the key of a panel opens for its account alone, and is no login', async (t) => {
  const key = { key: '00112233445566778899AABBCCDDEEFF' };
  const bound = { site: SITE, subject: 'panel-a/12345A' };
  const sealed = await sealPanelKey(key, bound, BOX.publicJwk, BOX.kid);
  t.same(await openPanelKey(sealed, bound, BOX), key);
  const refused = { code: 'secret-unopenable' };
  await t.rejects(openPanelKey(sealed, { ...bound, subject: 'panel-a/12345B' }, BOX), refused);
  await t.rejects(openPanelKey(sealed, { ...bound, subject: 'panel-b/12345A' }, BOX), refused);
  await t.rejects(openLogin(sealed, bound, BOX), refused);
  const login = await sealLogin(LOGIN, bound, BOX.publicJwk, BOX.kid);
  await t.rejects(openPanelKey(login, bound, BOX), refused);
});

t.test('it opens for the camera and the box that it was sealed for, and no other', async (t) => {
  const text = await sealLogin(LOGIN, FOR, BOX.publicJwk, BOX.kid);
  const refused = { code: 'secret-unopenable', message: /^sealed credential of cam-\w+: / };
  await t.rejects(openLogin(text, { ...FOR, subject: 'cam-evil' }, BOX), refused);
  await t.rejects(openLogin(text, { ...FOR, site: '57463-police' }, BOX), refused);
  const [, ...rest] = text.split('.');
  const moved = [
    encoded({ ...JSON.parse(decoded(text.split('.')[0] ?? '')), sub: 'cam-evil' }),
    ...rest,
  ].join('.');
  await t.rejects(openLogin(moved, { ...FOR, subject: 'cam-evil' }, BOX), refused);
  const other = parseSealKey(JSON.stringify(generateSealKey().privateJwk));
  await t.rejects(openLogin(text, FOR, other), refused);
  await t.rejects(openLogin(text, FOR, { ...other, kid: BOX.kid }), refused);
});

const refusedSeals: [string, () => Promise<string> | string][] = [
  ['another key agreement', () => sealed({ ...HEADER, alg: 'ECDH-ES+A256KW' }, JSON.stringify(LOGIN))],
  ['a shorter key', () => sealed({ ...HEADER, enc: 'A128GCM' }, JSON.stringify(LOGIN))],
  ['another cipher', () => sealed({ ...HEADER, enc: 'A256CBC-HS512' }, JSON.stringify(LOGIN))],
  ['an unknown header', () => sealed({ ...HEADER, cty: 'JWT' }, JSON.stringify(LOGIN))],
  ['party information', () => sealByHand(JSON.stringify(LOGIN), { ...HEADER, apu: 'QQ' }, BOX, ALICE)],
  ['compression', () => sealByHand(JSON.stringify(LOGIN), { ...HEADER, zip: 'DEF' }, BOX, ALICE)],
  ['crit', () => sealByHand(JSON.stringify(LOGIN), { ...HEADER, crit: ['exp'], exp: 1 }, BOX, ALICE)],
  ['no camera', () => sealed({ ...HEADER, sub: undefined }, JSON.stringify(LOGIN))],
  ['direct encryption', () => `${encoded({ alg: 'dir', enc: 'A256GCM' })}..AAAA.AAAA.AAAA`],
  ['an ephemeral key of zeros', () => withEphemeral(Buffer.alloc(32).toString('base64url'))],
  ['an ephemeral key of low order', () => withEphemeral('4Ot6fDtBuK4WVuP68Z_EatoJjeucMrH9hmIFFl9JuAA')],
  ['no user in it', () => sealed(HEADER, '{"password":"hunter2"}')],
  ['an unknown member in it', () => sealed(HEADER, '{"user":"a","password":"hunter2","x":1}')],
  ['a member twice in it', () => sealed(HEADER, '{"user":"a","user":"b","password":"hunter2"}')],
  ['no JSON in it', () => sealed(HEADER, 'password hunter2')],
  [
    'a long password in it',
    () => sealed(HEADER, JSON.stringify({ user: 'a', password: 'hunter2'.repeat(100) })),
  ],
  ['nothing', () => ''],
  ['four parts', () => 'a.b.c.d'],
  ['a megabyte', () => 'A'.repeat(1_000_000)],
];

function withEphemeral(x: string): string {
  return [
    encoded({ ...HEADER, epk: { kty: 'OKP', crv: 'X25519', x } }),
    '',
    'AAAAAAAAAAAAAAAA',
    'AAAA',
    'AAAAAAAAAAAAAAAAAAAAAA',
  ].join('.');
}

for (const [name, make] of refusedSeals) {
  t.test(`a sealed login with ${name} is refused and shows nothing`, async (t) => {
    const error = await openLogin(await make(), FOR, BOX).then(
      () => t.fail('opened'),
      (thrown: unknown) => thrown,
    );
    t.match(error, { code: 'secret-unopenable', cause: undefined });
    t.notMatch(String(error), 'hunter2');
  });
}

t.test('whatever byte of a sealed login is changed, it does not open', async (t) => {
  const text = await sealLogin(LOGIN, FOR, BOX.publicJwk, BOX.kid);
  const change = fc.record({ at: fc.nat({ max: text.length - 1 }), mask: fc.integer({ min: 1, max: 127 }) });
  await fc.assert(
    fc.asyncProperty(change, async ({ at, mask }) => {
      const altered =
        text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ mask) + text.slice(at + 1);
      return await openLogin(altered, FOR, BOX).then(
        () => false,
        (thrown: { code: string }) => thrown.code === 'secret-unopenable',
      );
    }),
    { numRuns: 1000, verbose: true },
  );
  t.pass();
});

t.test('only a login can be sealed', async (t) => {
  await t.rejects(sealLogin({ user: '', password: 'x' }, FOR, BOX.publicJwk, BOX.kid));
});
