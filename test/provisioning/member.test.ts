import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { createCsu } from '../../provisioning/csu.ts';
import { readRequest } from '../../provisioning/viewing/documents.ts';
import { MemberFolder } from '../../provisioning/viewing/member.ts';
import { letPartnerIn } from '../support/partner.ts';
import { temporaryFolder } from './processes.ts';

/** Everything that lies in the files below a folder. */
async function contentOf(folder: string): Promise<string[]> {
  const texts: string[] = [];
  for await (const entry of glob('**/*', { cwd: folder, withFileTypes: true }))
    if (entry.isFile()) texts.push(await readFile(join(entry.parentPath, entry.name), 'latin1'));
  return texts;
}

t.test('the CSU never holds a private key of a partner that it lets in', async (t) => {
  const folder = temporaryFolder(t);
  const csu = await createCsu(join(folder, 'csu'), { brokerHosts: ['localhost'] });
  await letPartnerIn(csu, join(folder, 'emh'), []);
  const own = await contentOf(join(folder, 'emh'));
  const secrets = own.flatMap((text) => [
    ...(/"d": ?"([\w-]{43})"/.exec(text)?.slice(1) ?? []),
    ...(/PRIVATE KEY-----\s+(\S+)/.exec(text)?.slice(1) ?? []),
  ]);
  t.ok(secrets.length >= 2, 'one to sign with, and one to connect with');
  const held = (await contentOf(join(folder, 'csu'))).join();
  t.notOk(secrets.some((secret) => held.includes(secret)));
});

t.test('a partner that asks to be let in under the name of another user or topic is refused', async (t) => {
  const folder = temporaryFolder(t);
  const partner = await MemberFolder.create(join(folder, 'emh'), { kind: 'partner', id: 'emh', name: 'EMH' });
  const request = await partner.request();
  t.equal(readRequest(JSON.stringify(request)).id, 'emh');
  // At the broker, `csu` reads everything, and `media/main` is what the pictures of communes go by.
  for (const id of ['csu', 'main', 'sub', 'dipn', 'availability', 'inventory']) {
    t.throws(() => readRequest(JSON.stringify({ ...request, id })), { code: 'command-line-invalid' }, id);
    const own = MemberFolder.create(join(folder, id), { kind: 'partner', id, name: id });
    await t.rejects(own, { code: 'command-line-invalid' });
  }
});
