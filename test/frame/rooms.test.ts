import t from 'tap';
import { checkRooms } from '../rooms/check.ts';

t.test('rooms: every import of the product is allowed by the table', async (t) => {
  const report = await checkRooms();
  t.ok(report.modules > 20, `the check saw ${report.modules} modules`);
  t.same(report.violations, []);
});

t.test('rooms: an import against the table is found', async (t) => {
  const folder = t.testdir({
    agent: {
      base: { 'a.ts': "import { b } from '../store/b.ts';\nexport const a = b;\n" },
      store: { 'b.ts': 'export const b = 1;\n' },
      'stray.ts': 'export const stray = 1;\n',
    },
    provisioning: { 'p.ts': "import { b } from '../agent/store/b.ts';\nexport const p = b;\n" },
  });
  const report = await checkRooms(folder);
  t.same(report.violations, [
    'agent/base/a.ts -> ../store/b.ts: base may not import store',
    'agent/stray.ts is in no room and is no root',
    'provisioning/p.ts -> ../agent/store/b.ts: provisioning may import only agent/store/register-chain.ts',
  ]);
});
