import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { createLog } from '../../agent/base/log.ts';
import type { Incoming } from '../../provisioning/receive/archive.ts';
import { Intake } from '../../provisioning/receive/intake.ts';
import { EXAMPLES } from '../generate/examples.ts';

const [FLOODING, CALM] = ['57463-flot', '57463-mairie'];

t.test('intake: a box that floods leaves room for the others, and for itself the next time', async (t) => {
  const stored: Incoming[][] = [];
  const signed: string[] = [];
  const archive = {
    store: (events: readonly Incoming[]) => {
      stored.push([...events]);
      return events.map(() => 'new' as const);
    },
  };
  const log = createLog('error', { write: () => undefined });
  const intake = new Intake(
    { archive, printer: { news: () => undefined }, log },
    new AbortController().signal,
  );
  const receipts = { add: (site: string) => void signed.push(site) };
  const take = (site: string, from: number, to: number, more: object = {}) => {
    for (let n = from; n < to; n += 1) {
      const id = createHash('md5').update(String(n)).digest('hex');
      const payload = JSON.stringify({ ...EXAMPLES.alarm, site, seq: n, id, ...more });
      intake.take(`csu/v1/${site}/pt-porte-sud/event/alarm`, Buffer.from(payload), false, receipts);
    }
  };
  const counts = () =>
    [FLOODING, CALM].map((site) => stored.at(-1)?.filter((event) => event.site === site).length);
  take(FLOODING, 0, 10_500);
  take(CALM, 0, 10);
  await turn();
  t.same(counts(), [1_250, 10], 'by number');
  take(FLOODING, 0, 200, { text: 'x'.repeat(60_000) });
  take(CALM, 10, 20);
  await turn();
  const [large = 0, calm] = counts();
  t.ok(large > 0 && large < 100, `by size: ${large}`);
  t.equal(calm, 10);
  t.equal(signed.filter((site) => site === CALM).length, 20, 'each is signed for');
});
