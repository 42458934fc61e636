import t from 'tap';
import type { ConsignationReport } from '../../agent/contract/messages.ts';
import { LineCount } from '../../provisioning/viewing/line-count.ts';

const line = (number: number, { site = '57463-mairie', verified = true } = {}) => ({
  report: { site, line_detail: JSON.stringify({ partner_line: number }) } as ConsignationReport,
  verified,
});

t.test(
  'partner watch: a line that was not received is missed by its number, also over a restart',
  async (t) => {
    const folder = t.testdir();
    const first = await LineCount.open(folder);
    t.equal(await first.take(line(4)), undefined, 'nothing is known of the time before the first watch');
    t.equal(await first.take(line(5)), undefined);
    t.same(await first.take(line(8)), { site: '57463-mairie', from: 6, to: 7 });
    t.equal(await first.take(line(7)), undefined, 'a late one');
    t.equal(await first.take(line(8)), undefined, 'a repeated one');
    t.equal(await first.take(line(3, { site: '57672-mairie' })), undefined, 'each box counts for itself');
    t.equal(await first.take(line(99, { verified: false })), undefined, 'what is not signed counts nothing');

    const second = await LineCount.open(folder);
    t.same(await second.take(line(10)), { site: '57463-mairie', from: 9, to: 9 }, 'while no watch ran');
    t.equal(await second.take(line(4, { site: '57672-mairie' })), undefined);
    t.equal(await second.take(line(1)), undefined, 'a box that counts anew');
    t.equal(await second.take(line(2)), undefined);
  },
);

t.test('partner watch: a line without a number misses nothing', async (t) => {
  const count = await LineCount.open(t.testdir());
  for (const detail of ['', '{', '{}', '{"partner_line":0}', '{"partner_line":"7"}', '[]'])
    t.equal(
      await count.take({ report: { site: 's', line_detail: detail } as ConsignationReport, verified: true }),
      undefined,
    );
});
