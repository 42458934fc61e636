import { sign, verify } from 'node:crypto';
import t from 'tap';
import { signatureHolds } from '../../agent/trust/jws.ts';
import { parsePublicKey, parseSigningKey, publicKeyObject, thumbprint } from '../../agent/trust/keys.ts';

const KEY = {
  kty: 'OKP',
  crv: 'Ed25519',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
};
const PUBLIC = parsePublicKey(JSON.stringify({ kty: KEY.kty, crv: KEY.crv, x: KEY.x }));
const SIGNING_INPUT = Buffer.from('eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc');
const SIGNATURE = Buffer.from(
  'hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
  'base64url',
);

t.test('the key id is the thumbprint [RFC 8037 A.3]', async (t) => {
  t.equal(thumbprint(PUBLIC), 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
  t.equal(parseSigningKey(JSON.stringify(KEY)).kid, 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
});

t.test('the private key makes the signature of the standard [RFC 8037 A.1, A.4]', async (t) => {
  t.same(sign(null, SIGNING_INPUT, parseSigningKey(JSON.stringify(KEY)).privateKey), SIGNATURE);
});

t.test('the public key verifies the signature of the standard [RFC 8037 A.2, A.5]', async (t) => {
  const key = publicKeyObject(PUBLIC);
  const read = { kid: thumbprint(PUBLIC), signingInput: SIGNING_INPUT, signature: SIGNATURE };
  t.equal(signatureHolds(read, key), true);
  t.equal(signatureHolds({ ...read, signingInput: Buffer.from('x') }, key), false);
  t.ok(verify(null, SIGNING_INPUT, key, SIGNATURE));
});
