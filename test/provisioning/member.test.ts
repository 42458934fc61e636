import { join } from 'node:path';
import t from 'tap';
import { readRequest } from '../../provisioning/viewing/documents.ts';
import { MemberFolder } from '../../provisioning/viewing/member.ts';
import { temporaryFolder } from './processes.ts';

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
