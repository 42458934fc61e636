import { webcrypto } from 'node:crypto';
import fc from 'fast-check';
import { compactDecrypt, importJWK } from 'jose';
import t from 'tap';
import { BeffroiError } from '../../agent/base/errors.ts';
import { MediaOpener, MediaSealer, readLeasedMessage } from '../../agent/trust/leased-media.ts';
import { CSU_SEAL, newSealKey, tried } from './lease-parts.ts';
import { SITE } from './support.ts';

const TOPIC = `csu/v1/${SITE}/cam-hall/media/csu`;
const PICTURE = Buffer.from('ftypmoovmoofmdat PICTURE-MARKER');

function openerOf(key = CSU_SEAL, topic = TOPIC): MediaOpener {
  return new MediaOpener({ site: SITE, camera: 'cam-hall', recipient: 'csu', topic, key });
}

const message = (sealer: MediaSealer, withKey = true, parts = [PICTURE]) =>
  Buffer.concat(sealer.seal(parts, withKey));

t.test('leased media: the recipient reads what was sealed, in its parts and without', async (t) => {
  const sealer = await MediaSealer.create(tried(), SITE, TOPIC);
  const opener = openerOf();
  t.same(await opener.open(message(sealer)), PICTURE);
  t.same(await opener.open(message(sealer, false, [PICTURE.subarray(0, 3), PICTURE.subarray(3)])), PICTURE);
  t.same(await opener.open(message(sealer, false, [])), Buffer.alloc(0));
});

t.test('leased media: it is what jose and WebCrypto read [RFC 7516, SP 800-38D]', async (t) => {
  const lease = tried();
  const sealer = await MediaSealer.create(lease, SITE, TOPIC);
  message(sealer, false);
  const payload = message(sealer);
  const text = payload.toString('latin1');
  t.equal(text.slice(0, 4), 'BFL1');
  const idBytes = payload.readUInt8(4);
  t.equal(text.slice(5, 5 + idBytes), lease.id);
  const jweBytes = payload.readUInt16BE(5 + idBytes);
  const jwe = text.slice(7 + idBytes, 7 + idBytes + jweBytes);
  const privateKey = await importJWK(CSU_SEAL.privateJwk, 'ECDH-ES');
  const { plaintext, protectedHeader } = await compactDecrypt(jwe, privateKey);
  t.match(protectedHeader, { alg: 'ECDH-ES', enc: 'A256GCM', aud: SITE, sub: `cam-hall/csu/${lease.id}` });
  const { k } = JSON.parse(Buffer.from(plaintext).toString()) as { k: string };
  const bodyAt = 7 + idBytes + jweBytes + 8;
  const nonce = Buffer.concat([Buffer.alloc(4), payload.subarray(bodyAt - 8, bodyAt)]);
  t.same(nonce, Buffer.from('000000000000000000000002', 'hex'), 'the second message');
  const key = await webcrypto.subtle.importKey('raw', Buffer.from(k, 'base64url'), 'AES-GCM', false, [
    'decrypt',
  ]);
  const additionalData = Buffer.concat([Buffer.from(TOPIC), payload.subarray(0, bodyAt)]);
  const parameters = { name: 'AES-GCM', iv: nonce, additionalData, tagLength: 128 };
  const plain = await webcrypto.subtle.decrypt(parameters, key, payload.subarray(bodyAt));
  t.same(Buffer.from(plain), PICTURE);
});

t.test(
  'leased media: nothing of the picture shows, and the same picture is never the same bytes',
  async (t) => {
    const sealer = await MediaSealer.create(tried(), SITE, TOPIC);
    const [one, two] = [message(sealer), message(sealer)];
    for (const word of ['PICTURE', 'ftyp', 'moov', 'moof', 'mdat']) t.notOk(one.includes(word), word);
    t.not(
      readLeasedMessage(one)?.ciphertext.toString('hex'),
      readLeasedMessage(two)?.ciphertext.toString('hex'),
    );
  },
);

t.test('leased media: each opening has a key of its own, also of the same lease', async (t) => {
  const lease = tried();
  const first = readLeasedMessage(message(await MediaSealer.create(lease, SITE, TOPIC)));
  const second = readLeasedMessage(message(await MediaSealer.create(lease, SITE, TOPIC)));
  t.equal(first?.counter, second?.counter);
  t.not(first?.ciphertext.toString('hex'), second?.ciphertext.toString('hex'));
});

t.test('leased media: another recipient, topic or camera reads nothing', async (t) => {
  const payload = message(await MediaSealer.create(tried(), SITE, TOPIC));
  const cases = [openerOf(newSealKey()), openerOf(CSU_SEAL, TOPIC.replace('csu/v1', 'csu/v2'))];
  for (const opener of cases) await t.rejects(opener.open(payload), { code: 'secret-unopenable' });
  const other = new MediaOpener({
    ...{ site: SITE, camera: 'cam-other', recipient: 'csu', topic: TOPIC, key: CSU_SEAL },
  });
  await t.rejects(other.open(payload), { code: 'secret-unopenable' });
});

t.test('leased media: no bit can be changed, and no message comes twice or late', async (t) => {
  const sealer = await MediaSealer.create(tried(), SITE, TOPIC);
  const [one, two, three] = [message(sealer), message(sealer, false), message(sealer, false)];
  const opener = openerOf();
  await opener.open(one);
  for (let at = 0; at < two.length; at += 1) {
    const changed = Buffer.from(two);
    changed[at] = (changed[at] ?? 0) ^ 1;
    const plain = await opener.open(changed).catch((thrown: unknown) => thrown);
    t.ok(plain === undefined || plain instanceof BeffroiError, `byte ${at}`);
  }
  t.same(await opener.open(three), PICTURE);
  t.equal(await opener.open(three), undefined, 'again');
  t.equal(await opener.open(two), undefined, 'late');
});

t.test('leased media: an earlier lease that is played back shows nothing', async (t) => {
  const before = await MediaSealer.create(tried(), SITE, TOPIC);
  const now = await MediaSealer.create(tried(), SITE, TOPIC);
  const opener = openerOf();
  const [kept, more] = [message(before), message(before)];
  await opener.open(kept);
  await opener.open(message(now));
  t.equal(await opener.open(more), undefined);
  t.same(await opener.open(message(now, false)), PICTURE, 'and does not disturb');
});

t.test('leased media: a viewer who comes late begins at the next key picture', async (t) => {
  const sealer = await MediaSealer.create(tried(), SITE, TOPIC);
  message(sealer);
  const opener = openerOf();
  t.equal(await opener.open(message(sealer, false)), undefined);
  t.same(await opener.open(message(sealer)), PICTURE);
});

t.test('leased media: after the end of the lease its key seals nothing', async (t) => {
  const sealer = await MediaSealer.create(tried(), SITE, TOPIC);
  sealer.destroy();
  t.throws(() => sealer.seal([PICTURE], true), { code: 'internal' });
});

t.test('leased media: whatever comes, the reader throws nothing of its own', async (t) => {
  const head = Buffer.from('BFL1');
  const anything = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.concat([head, bytes]));
  await fc.assert(
    fc.asyncProperty(fc.oneof(anything, fc.uint8Array({ maxLength: 20 }).map(Buffer.from)), async (bytes) => {
      const outcome = await openerOf()
        .open(Buffer.from(bytes))
        .catch((thrown: unknown) => thrown);
      if (outcome !== undefined && !(outcome instanceof BeffroiError)) throw outcome;
    }),
    { numRuns: 5000 },
  );
  t.pass();
});
