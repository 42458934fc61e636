import { createHmac, sign } from 'node:crypto';
import t from 'tap';
import type { Code } from '../../agent/base/codes.ts';
import { MAX_DOWN_BYTES } from '../../agent/contract/envelope.ts';
import type { JwsGeneral } from '../../agent/contract/orders.ts';
import { signOrder } from '../../agent/trust/sign.ts';
import { verifyOrder } from '../../agent/trust/verify.ts';
import * as fc from '../support/properties.ts';
import { COMMAND_EXPECTED, decoded, encoded, KEYRING, newKey, OPERATOR, PING } from './support.ts';

const GOOD = signOrder(PING, [OPERATOR]);
const JWS: JwsGeneral = JSON.parse(GOOD);
const SIGNATURE = JWS.signatures[0] ?? { protected: '', signature: '' };
const STRANGER = newKey();

/** The code with which the text is refused; undefined when it is taken. */
function refusal(text: string | Uint8Array): Code | undefined {
  try {
    verifyOrder(text, KEYRING, COMMAND_EXPECTED);
    return undefined;
  } catch (thrown) {
    return (thrown as { code: Code }).code;
  }
}

/** An order with this header and payload, well signed over exactly these texts. */
function signed(header: unknown, payload: unknown = PING, key = OPERATOR): string {
  const input = { protected: encoded(header), payload: encoded(payload) };
  const bytes = Buffer.from(`${input.protected}.${input.payload}`);
  const signature = sign(null, bytes, key.privateKey).toString('base64url');
  return JSON.stringify({ payload: input.payload, signatures: [{ protected: input.protected, signature }] });
}

function with1(signature: object): string {
  return JSON.stringify({ ...JWS, signatures: [signature] });
}

function hmac(header: object, secret: string | Buffer): string {
  const head = encoded(header);
  const mac = createHmac('sha256', secret).update(`${head}.${JWS.payload}`).digest('base64url');
  return with1({ protected: head, signature: mac });
}

const KID = OPERATOR.kid;
const HEADER = { alg: 'EdDSA', kid: KID };
const publicBytes = Buffer.from(OPERATOR.publicJwk.x, 'base64url');

t.test('the texts that are altered below are good by themselves', async (t) => {
  t.equal(refusal(GOOD), undefined);
  t.equal(refusal(signed(HEADER)), undefined);
});

const attacks: [string, string | Uint8Array, Code][] = [
  ['nothing', '', 'order-unsigned'],
  ['a bare payload', JSON.stringify(PING), 'order-unsigned'],
  ['a compact JWS', `${SIGNATURE.protected}.${JWS.payload}.${SIGNATURE.signature}`, 'order-unsigned'],
  ['a flattened JWS', JSON.stringify({ payload: JWS.payload, ...SIGNATURE }), 'order-unsigned'],
  ['no signatures', JSON.stringify({ payload: JWS.payload, signatures: [] }), 'order-unsigned'],
  ['nine signatures', JSON.stringify({ ...JWS, signatures: Array(9).fill(SIGNATURE) }), 'order-unsigned'],
  [
    'the same key twice, so that its signature is verified twice',
    JSON.stringify({ ...JWS, signatures: [SIGNATURE, SIGNATURE] }),
    'order-unsigned',
  ],
  [
    'far more members than the form has',
    `{${Array.from({ length: 40_000 }, (_, i) => `"k${i}":1`)}}`,
    'order-unsigned',
  ],
  ['a long list of lists', `[${Array(150_000).fill('[]')}]`, 'order-unsigned'],
  ['alg none', with1({ protected: encoded({ alg: 'none', kid: KID }), signature: '' }), 'order-unsigned'],
  [
    'alg none in capitals',
    with1({ protected: encoded({ alg: 'NONE', kid: KID }), signature: '' }),
    'order-unsigned',
  ],
  [
    'alg HS256 with the public key as secret',
    hmac({ alg: 'HS256', kid: KID }, publicBytes),
    'order-unsigned',
  ],
  [
    'alg HS256 with the public JWK as secret',
    hmac({ alg: 'HS256', kid: KID }, JSON.stringify(OPERATOR.publicJwk)),
    'order-unsigned',
  ],
  ['an HMAC that calls itself EdDSA', hmac(HEADER, publicBytes), 'order-bad-signature'],
  ['alg ES256', signed({ ...HEADER, alg: 'ES256' }), 'order-unsigned'],
  ['alg Ed448', signed({ ...HEADER, alg: 'Ed448' }), 'order-unsigned'],
  ['alg as a list', signed({ ...HEADER, alg: ['EdDSA'] }), 'order-unsigned'],
  ['no alg', signed({ kid: KID }), 'order-unsigned'],
  ['no kid', signed({ alg: 'EdDSA' }), 'order-unsigned'],
  [
    'its own key in the header',
    signed({ ...HEADER, jwk: STRANGER.publicJwk }, PING, STRANGER),
    'order-unsigned',
  ],
  ['a key address in the header', signed({ ...HEADER, jku: 'https://example.org/k' }), 'order-unsigned'],
  ['a certificate in the header', signed({ ...HEADER, x5c: ['AAAA'] }), 'order-unsigned'],
  [
    'a certificate address in the header',
    signed({ ...HEADER, x5u: 'https://example.org/c' }),
    'order-unsigned',
  ],
  ['crit', signed({ ...HEADER, crit: ['exp'], exp: 1 }), 'order-unsigned'],
  ['an empty crit', signed({ ...HEADER, crit: [] }), 'order-unsigned'],
  ['an unencoded payload', signed({ ...HEADER, b64: false, crit: ['b64'] }), 'order-unsigned'],
  ['an unprotected header', with1({ ...SIGNATURE, header: { kid: KID } }), 'order-unsigned'],
  [
    'alg in an unprotected header',
    with1({ ...SIGNATURE, protected: encoded({ kid: KID }), header: { alg: 'EdDSA' } }),
    'order-unsigned',
  ],
  ['an unknown member', JSON.stringify({ ...JWS, extra: 1 }), 'order-unsigned'],
  ['a prototype member', `{"__proto__":{},${GOOD.slice(1)}`, 'order-unsigned'],
  ['alg twice in the header', signed(`{"alg":"none","alg":"EdDSA","kid":"${KID}"}`), 'order-unsigned'],
  ['alg twice, once escaped', signed(`{"\\u0061lg":"none","alg":"EdDSA","kid":"${KID}"}`), 'order-unsigned'],
  [
    'two payloads',
    `{"payload":"${encoded({ ...PING, command: 'agent.stop' })}",${GOOD.slice(1)}`,
    'order-unsigned',
  ],
  [
    'a claim twice',
    signed(HEADER, `{"aud":"57463-police",${JSON.stringify(PING).slice(1)}`),
    'order-invalid',
  ],
  ['a payload that is no JSON', signed(HEADER, 'restart everything'), 'order-invalid'],
  ['a payload that is null', signed(HEADER, null), 'order-invalid'],
  ['an empty payload', signed(HEADER, ''), 'order-invalid'],
  ['a payload with a byte order mark', signed(HEADER, `\ufeff${JSON.stringify(PING)}`), 'order-invalid'],
  ['a payload behind a byte order mark', `\ufeff${GOOD}`, 'order-unsigned'],
  ['an unknown kid', signOrder(PING, [STRANGER]), 'order-bad-signature'],
  ['the right kid and another key', signed(HEADER, PING, STRANGER), 'order-bad-signature'],
  ['an empty signature', with1({ ...SIGNATURE, signature: '' }), 'order-bad-signature'],
  [
    'half a signature',
    with1({ ...SIGNATURE, signature: SIGNATURE.signature.slice(0, 44) }),
    'order-bad-signature',
  ],
  [
    'a longer signature',
    with1({ ...SIGNATURE, signature: `${SIGNATURE.signature.slice(0, -2)}AAAA` }),
    'order-bad-signature',
  ],
  [
    'a signature of zeros',
    with1({ ...SIGNATURE, signature: Buffer.alloc(64).toString('base64url') }),
    'order-bad-signature',
  ],
  [
    'a signature with S plus the group order',
    with1({ ...SIGNATURE, signature: malleated(SIGNATURE.signature) }),
    'order-bad-signature',
  ],
  [
    'the payload of another order',
    JSON.stringify({ ...JWS, payload: encoded({ ...PING, jti: 'order-0002' }) }),
    'order-bad-signature',
  ],
  ['padding', JSON.stringify({ ...JWS, payload: `${JWS.payload}=` }), 'order-unsigned'],
  [
    'base64 that is not for URLs',
    with1({ ...SIGNATURE, signature: `+/${SIGNATURE.signature.slice(2)}` }),
    'order-unsigned',
  ],
  ['white space in base64', JSON.stringify({ ...JWS, payload: ` ${JWS.payload}` }), 'order-unsigned'],
  [
    'unused bits in base64',
    with1({ ...SIGNATURE, signature: unusedBit(SIGNATURE.signature) }),
    'order-unsigned',
  ],
  ['a text behind it', `${GOOD}{}`, 'order-unsigned'],
  ['a comma at its end', GOOD.replace(/}$/, ',}'), 'order-unsigned'],
  ['a comment', `/* */${GOOD}`, 'order-unsigned'],
  ['a list around it', `[${GOOD}]`, 'order-unsigned'],
  ['deep nesting', `{"payload":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'order-unsigned'],
  [
    'deep nesting in a signed payload',
    signed(HEADER, `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`),
    'order-invalid',
  ],
  [
    'no UTF-8',
    Buffer.concat([Buffer.from(GOOD.slice(0, 20)), Buffer.from([0xff, 0xfe]), Buffer.from(GOOD.slice(20))]),
    'order-unsigned',
  ],
  [
    'overlong UTF-8',
    Buffer.concat([Buffer.from([0xc1, 0xbb]), Buffer.from(GOOD.slice(1))]),
    'order-unsigned',
  ],
  ['UTF-16', Buffer.from(GOOD, 'utf16le'), 'order-unsigned'],
  [
    'one byte more than is taken',
    `${GOOD}${' '.repeat(MAX_DOWN_BYTES - GOOD.length + 1)}`,
    'order-too-large',
  ],
  ['10 MB', Buffer.alloc(10_000_000, 0x20), 'order-too-large'],
];

for (const [name, text, code] of attacks) {
  t.test(`an order with ${name} is refused`, async (t) => {
    t.equal(refusal(text), code);
  });
}

/** The same signature as another number: S plus the order of the group. @see RFC 8032 §5.1.7 */
function malleated(signature: string): string {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const bytes = Buffer.from(signature, 'base64url');
  const s = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`) + order;
  Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse().copy(bytes, 32);
  return bytes.toString('base64url');
}

function unusedBit(text: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return text.slice(0, -1) + alphabet[alphabet.indexOf(text.slice(-1)) + 1];
}

t.test('white space around an order does not matter, up to the size that is taken', async (t) => {
  t.equal(refusal(` \n${GOOD}${' '.repeat(MAX_DOWN_BYTES - GOOD.length - 2)}`), undefined);
});

t.test('no content of a refused order is repeated in the message', async (t) => {
  const secret = 'hunter2-hunter2';
  for (const text of [
    `{"${secret}`,
    signed(HEADER, `{"password":"${secret}"`),
    signed({ ...HEADER, jwk: secret }),
  ]) {
    try {
      verifyOrder(text, KEYRING, COMMAND_EXPECTED);
      t.fail('taken');
    } catch (thrown) {
      t.notMatch(String(thrown), secret);
      t.equal((thrown as Error).cause, undefined);
    }
  }
});

t.test('whatever single bit of an order is turned, it is refused', async (t) => {
  const bytes = Buffer.from(GOOD);
  for (let at = 0; at < bytes.length * 8; at += 1) {
    const altered = Buffer.from(bytes);
    altered[at >> 3] = (altered[at >> 3] ?? 0) ^ (1 << (at & 7));
    if (refusal(altered) === undefined) t.fail(`bit ${at & 7} of byte ${at >> 3}`);
  }
  t.pass(`${bytes.length * 8} bits`);
});

t.test(
  'whatever bytes of an order are changed, taken out or put in, it is refused or the same order',
  async (t) => {
    const bytes = Buffer.from(GOOD);
    const edit = fc.record({
      at: fc.nat({ max: bytes.length - 1 }),
      remove: fc.nat({ max: 4 }),
      insert: fc.uint8Array({ maxLength: 4 }),
    });
    fc.assert(
      fc.property(edit, ({ at, remove, insert }) => {
        const altered = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
        if (refusal(altered) !== undefined) return true;
        return JSON.stringify(JSON.parse(altered.toString())) === GOOD;
      }),
      { numRuns: 3000, verbose: true },
    );
    t.pass();
  },
);

t.test('whatever is sent, it is refused with a code and never breaks the box', async (t) => {
  const header = fc.oneof(fc.json(), fc.constant(decoded(SIGNATURE.protected)), fc.string());
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.tuple(header, fc.json()).map(([head, payload]) => signed(head, payload)),
  );
  fc.assert(
    fc.property(text, (sent) => /^order-/.test(refusal(sent) ?? '')),
    { numRuns: 2000, verbose: true },
  );
  t.pass();
});
