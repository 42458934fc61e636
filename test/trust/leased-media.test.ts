import { sign, verify, webcrypto } from 'node:crypto';
import { compactDecrypt, importJWK } from 'jose';
import t from 'tap';
import { BeffroiError } from '../../agent/base/errors.ts';
import { publicKeyObject, type SigningKey } from '../../agent/trust/keys.ts';
import type { Lease } from '../../agent/trust/lease.ts';
import { MediaOpener, MediaSealer, readLeasedMessage } from '../../agent/trust/leased-media.ts';
import * as fc from '../support/properties.ts';
import { CSU_SEAL, NOW_S, newSealKey, tried } from './lease-parts.ts';
import { newKey, SITE } from './support.ts';

const TOPIC = `csu/v1/${SITE}/cam-hall/media/csu`;
const PICTURE = Buffer.from('ftypmoovmoofmdat PICTURE-MARKER');

const BOX = newKey();
const NOW_MS = NOW_S * 1000;
const HOUR_MS = 3_600_000;

function openerOf(key = CSU_SEAL, topic = TOPIC, nowMs = () => NOW_MS): MediaOpener {
  const boxKey = BOX.publicJwk;
  return new MediaOpener({
    ...{ site: SITE, camera: 'cam-hall', recipient: 'csu', topic },
    key,
    boxKey,
    nowMs,
  });
}

/** Each is made a second after the one before. */
let made = 0;

function sealerOf(lease: Lease = tried(), by: SigningKey = BOX, nowMs?: () => number): Promise<MediaSealer> {
  made += 1;
  const madeMs = NOW_MS + made * 1000;
  return MediaSealer.create(lease, {
    ...{ site: SITE, topic: TOPIC, nowMs: nowMs ?? (() => madeMs) },
    sign: (bytes) => sign(null, bytes, by.privateKey),
  });
}

const message = (sealer: MediaSealer, withKey = true, parts = [PICTURE]) =>
  Buffer.concat(sealer.seal(parts, withKey));

t.test('leased media: the recipient reads what was sealed, in its parts and without', async (t) => {
  const sealer = await sealerOf();
  const opener = openerOf();
  t.same(await opener.open(message(sealer)), PICTURE);
  t.same(await opener.open(message(sealer, false, [PICTURE.subarray(0, 3), PICTURE.subarray(3)])), PICTURE);
  t.same(await opener.open(message(sealer, false, [])), Buffer.alloc(0));
});

t.test('leased media: it is what jose and WebCrypto read [RFC 7516, SP 800-38D]', async (t) => {
  const lease = tried();
  const sealer = await sealerOf(lease);
  message(sealer, false);
  const payload = message(sealer);
  const text = payload.toString('latin1');
  t.equal(text.slice(0, 4), 'BFL2');
  const idBytes = payload.readUInt8(4);
  t.equal(text.slice(5, 5 + idBytes), lease.id);
  const jweBytes = payload.readUInt16BE(5 + idBytes);
  const jwe = text.slice(7 + idBytes, 7 + idBytes + jweBytes);
  const privateKey = await importJWK(CSU_SEAL.privateJwk, 'ECDH-ES');
  const { plaintext, protectedHeader } = await compactDecrypt(jwe, privateKey);
  t.match(protectedHeader, { alg: 'ECDH-ES', enc: 'A256GCM', aud: SITE, sub: `cam-hall/csu/${lease.id}` });
  const { k } = JSON.parse(Buffer.from(plaintext).toString()) as { k: string };
  const madeAt = 7 + idBytes + jweBytes + 8;
  const [signedTo, bodyAt] = [madeAt + 16, madeAt + 16 + 64];
  const signed = Buffer.concat([Buffer.from(TOPIC), payload.subarray(0, signedTo)]);
  t.ok(verify(null, signed, publicKeyObject(BOX.publicJwk), payload.subarray(signedTo, bodyAt)), 'RFC 8032');
  const nonce = Buffer.concat([Buffer.alloc(4), payload.subarray(madeAt - 8, madeAt)]);
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
    const sealer = await sealerOf();
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
  const first = readLeasedMessage(message(await sealerOf(lease)));
  const second = readLeasedMessage(message(await sealerOf(lease)));
  t.equal(first?.counter, second?.counter);
  t.not(first?.ciphertext.toString('hex'), second?.ciphertext.toString('hex'));
});

t.test('leased media: another recipient, topic or camera reads nothing', async (t) => {
  const payload = message(await sealerOf());
  const cases = [openerOf(newSealKey()), openerOf(CSU_SEAL, TOPIC.replace('csu/v1', 'csu/v2'))];
  for (const opener of cases) await t.rejects(opener.open(payload), { code: 'secret-unopenable' });
  const other = new MediaOpener({
    ...{ site: SITE, camera: 'cam-other', recipient: 'csu', topic: TOPIC, key: CSU_SEAL },
    ...{ boxKey: BOX.publicJwk, nowMs: () => NOW_MS },
  });
  await t.rejects(other.open(payload), { code: 'secret-unopenable' });
});

t.test('leased media: no bit can be changed, and no message comes twice or late', async (t) => {
  const sealer = await sealerOf();
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
  const before = await sealerOf();
  const now = await sealerOf();
  const opener = openerOf();
  const [kept, more] = [message(before), message(before)];
  await opener.open(kept);
  await opener.open(message(now));
  await t.rejects(opener.open(more), { code: 'secret-unopenable', message: /begun anew/ });
  t.equal(await opener.open(message(before, false)), undefined);
  t.same(await opener.open(message(now, false)), PICTURE, 'and does not disturb');
});

t.test('leased media: what another than the box has made is not shown and blinds nobody', async (t) => {
  const opener = openerOf();
  const genuine = await sealerOf();
  const forged = await sealerOf(tried(), newKey());
  await t.rejects(opener.open(message(forged)), { code: 'secret-unopenable' }, 'before the genuine one');
  t.same(await opener.open(message(genuine)), PICTURE);
  await t.rejects(opener.open(message(forged)), { code: 'secret-unopenable' }, 'and in the midst of it');
  t.equal(await opener.open(message(forged, false)), undefined);
  t.same(await opener.open(message(genuine, false)), PICTURE, 'which goes on');
  const moved = readLeasedMessage(message(forged))?.made?.signature ?? Buffer.alloc(0);
  const payload = message(await sealerOf());
  const at = payload.indexOf(readLeasedMessage(payload)?.made?.signature ?? '');
  moved.copy(payload, at);
  await t.rejects(
    opener.open(payload),
    { code: 'secret-unopenable' },
    'nor with a signature of something else',
  );
  t.same(await opener.open(message(genuine, false)), PICTURE);
});

t.test(
  'leased media: an earlier lease that this viewer never saw does not take the place of a later one',
  async (t) => {
    const [before, now] = [await sealerOf(), await sealerOf()];
    const opener = openerOf();
    await opener.open(message(now));
    await t.rejects(opener.open(message(before)), { code: 'secret-unopenable' });
    t.same(await opener.open(message(now)), PICTURE);
    t.same(
      await openerOf().open(message(before)),
      PICTURE,
      'a clock that was set back: a view begun anew shows it',
    );
  },
);

t.test(
  'leased media: to who begins what was recorded is not shown as of now, however long the lease is open',
  async (t) => {
    let nowMs = NOW_MS - 4 * HOUR_MS;
    const sealer = await sealerOf(tried(), BOX, () => nowMs);
    const old = message(sealer);
    const at = (agoMs: number) => {
      nowMs = NOW_MS - agoMs;
      return message(sealer);
    };
    await t.rejects(openerOf().open(old), { code: 'secret-unopenable', message: /expected pictures of now/ });
    for (const agoMs of [120_001, -60_001])
      await t.rejects(openerOf().open(at(agoMs)), { code: 'secret-unopenable' });
    for (const agoMs of [120_000, 0, -60_000]) t.same(await openerOf().open(at(agoMs)), PICTURE);
  },
);

t.test('leased media: a viewer who comes late begins at the next key picture', async (t) => {
  const sealer = await sealerOf();
  message(sealer);
  const opener = openerOf();
  t.equal(await opener.open(message(sealer, false)), undefined);
  t.same(await opener.open(message(sealer)), PICTURE);
});

t.test('leased media: after the end of the lease its key seals nothing', async (t) => {
  const sealer = await sealerOf();
  sealer.destroy();
  t.throws(() => sealer.seal([PICTURE], true), { code: 'internal' });
});

t.test('leased media: whatever comes, the reader throws nothing of its own', async (t) => {
  const head = Buffer.from('BFL2');
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
