import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { certificateEndsMs } from '../../agent/health/certificate.ts';
import { createPki } from '../support/pki.ts';

const DAY_MS = 24 * 3600 * 1000;

t.test('the end of a certificate is read anew each time; a file that holds none is said', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'certificate-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const pki = await createPki(folder);
  const now = Date.now();
  const young = await pki.client('57463-mairie', now);
  const left = (await certificateEndsMs(young.certificate)) - now;
  t.ok(left > 800 * DAY_MS && left < 830 * DAY_MS, `${left / DAY_MS} days`);
  const old = await pki.client('57463-mairie', now - 820 * DAY_MS);
  t.ok((await certificateEndsMs(old.certificate)) - now < 10 * DAY_MS);
  await writeFile(old.certificate, 'nothing');
  await t.rejects(certificateEndsMs(old.certificate), /PEM|no start line|asn1/i);
  await rm(old.certificate);
  await t.rejects(certificateEndsMs(old.certificate), { code: 'key-file-unreadable' });
});
