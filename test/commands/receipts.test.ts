import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { ClockTrust } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import { ReceiptDesk } from '../../agent/commands/receipts.ts';
import { MAX_RECEIPT_BYTES, MAX_RECEIPT_IDS } from '../../agent/contract/orders.ts';
import type { SigningKey } from '../../agent/trust/keys.ts';
import type { Refusal } from '../../agent/trust/refusals.ts';
import { signOrder } from '../../agent/trust/sign.ts';
import { signReceipt } from '../../provisioning/sign.ts';
import { appendText, openFor, temporaryFolder } from '../store/support.ts';
import { TestClock } from '../support/test-clock.ts';
import { keyringOf, NOW_S, newKey, OPERATOR, SITE } from '../trust/support.ts';

const RECEIVER = newKey();
const RETIRED = newKey();
const KEYRING = keyringOf(
  { key: RECEIVER, role: 'receive' },
  { key: RETIRED, role: 'receive', notAfter: NOW_S - 100 },
  { key: OPERATOR, role: 'operate' },
);

function desk(t: Test, clockTrust: ClockTrust = 'synced', clock = new TestClock(NOW_S * 1000)) {
  const { store } = openFor(temporaryFolder(t));
  t.teardown(() => store.close());
  const refused: Refusal[] = [];
  store.outbox.rule({ confirm: 'receipt', resendAfterMs: 60_000, liveWithinMs: 60_000 });
  const receipts = new ReceiptDesk({
    site: SITE,
    keyring: KEYRING,
    clock,
    clockTrust: () => clockTrust,
    log: createLog('error', { write: () => undefined }),
    outbox: store.outbox,
    refusals: { refuse: (refusal) => refused.push(refusal) > 0 },
  });
  const give = (text: string, retained = false) => receipts.receive(Buffer.from(text), retained);
  return { store, receipts, refused, give, codes: () => refused.map(({ error }) => error.code) };
}

function receipt(ids: readonly string[], key: SigningKey = RECEIVER, site = SITE, nowS = NOW_S): string {
  return signReceipt(key, site, ids, nowS * 1000);
}

t.test('receipts: the events that one names leave the outbox, and no others', async (t) => {
  const { store, give, refused } = desk(t);
  for (const text of ['a', 'b', 'c']) appendText(store, text);
  store.outbox.acknowledge([1, 2, 3]);
  t.equal(store.outbox.pending(), 3, 'the word of the broker is not enough');
  give(receipt(['id-1', 'id-3', 'of nobody']));
  t.equal(store.outbox.find('id-2')?.seq, 2);
  t.same([store.outbox.pending(), store.outbox.find('id-1')], [1, undefined]);
  t.same(refused, [], 'an id that the box does not hold is passed over');
});

t.test(
  'receipts: one that comes before the PUBACK counts, and the PUBACK then changes nothing',
  async (t) => {
    const { store, give } = desk(t);
    appendText(store, 'a');
    give(receipt(['id-1']));
    store.outbox.acknowledge([1]);
    t.equal(store.outbox.pending(), 0);
  },
);

t.test('receipts: the same one again changes nothing and is no refusal', async (t) => {
  const { store, give, refused } = desk(t);
  appendText(store, 'a');
  const text = receipt(['id-1']);
  give(text);
  appendText(store, 'b');
  give(text);
  t.same([store.outbox.pending(), refused], [1, []]);
});

t.test('receipts: without a trusted clock, or far from the time of the CSU, they count', async (t) => {
  for (const wallMs of [0, NOW_S * 1000 + 10 * 365 * 24 * 3600 * 1000]) {
    const { store, give, codes } = desk(t, 'untrusted', new TestClock(wallMs));
    appendText(store, 'a');
    give(receipt(['id-1']));
    t.same([store.outbox.pending(), codes()], [0, []]);
  }
});

t.test(
  'receipts: what is forged, misaddressed or of another role is refused, and every event stays',
  async (t) => {
    const { store, receipts, give, codes } = desk(t);
    appendText(store, 'a');
    const good = JSON.parse(receipt(['id-1'])) as { payload: string; signatures: object[] };
    const other = JSON.parse(receipt(['id-2'])) as typeof good;
    const claims = { typ: 'receipt', aud: SITE, iat: NOW_S, ids: ['id-1'] };
    const attacks: [string, string, string][] = [
      ['an unknown key', receipt(['id-1'], newKey()), 'order-bad-signature'],
      ['another role', receipt(['id-1'], OPERATOR), 'order-wrong-role'],
      ['another site', receipt(['id-1'], RECEIVER, '57463-piscine'), 'order-wrong-audience'],
      ['a key past its end', receipt(['id-1'], RETIRED), 'order-bad-signature'],
      [
        'a key past its end that dates back',
        receipt(['id-1'], RETIRED, SITE, NOW_S - 200),
        'order-bad-signature',
      ],
      ['the payload of another', JSON.stringify({ ...good, payload: other.payload }), 'order-bad-signature'],
      ['no signature', JSON.stringify({ ...good, signatures: [] }), 'order-unsigned'],
      ['no ids', signOrder({ ...claims, ids: [] }, [RECEIVER]), 'order-invalid'],
      ['an empty id', signOrder({ ...claims, ids: [''] }, [RECEIVER]), 'order-invalid'],
      ['an unknown claim', signOrder({ ...claims, all: true }, [RECEIVER]), 'order-invalid'],
      ['another order', signOrder({ ...claims, typ: 'command' }, [RECEIVER]), 'order-invalid'],
      [
        'more ids than allowed',
        signOrder({ ...claims, ids: Array.from({ length: MAX_RECEIPT_IDS + 1 }, (_, n) => `id-${n}`) }, [
          RECEIVER,
        ]),
        'order-invalid',
      ],
      ['too many bytes', receipt(['id-1']) + ' '.repeat(MAX_RECEIPT_BYTES), 'order-too-large'],
      ['no JSON', 'id-1', 'order-unsigned'],
    ];
    for (const [title, text, code] of attacks) {
      give(text);
      t.equal(codes().at(-1), code, title);
    }
    give(receipt(['id-1']), true);
    t.equal(codes().at(-1), 'order-retained', 'a retained one');
    receipts.refuseOversize(10_000_000);
    t.equal(codes().at(-1), 'order-too-large', 'thrown away by the uplink');
    t.equal(codes().length, attacks.length + 2);
    t.equal(store.outbox.pending(), 1);
    give(receipt(['id-1']));
    t.equal(store.outbox.pending(), 0, 'the genuine one counts after all of them');
  },
);

t.test('receipts: the largest that the schema allows fits the bound in bytes', async (t) => {
  const { store, give, codes } = desk(t);
  const ids = Array.from({ length: MAX_RECEIPT_IDS }, (_, n) => String(n).padStart(40, 'f'));
  for (const id of ids) {
    store.outbox.append(() => ({
      topic: 'csu/v1/57463-mairie/pt-a/event/alarm',
      payload: JSON.stringify({ id }),
      id,
      class: 'service',
    }));
  }
  give(receipt(ids));
  t.same([codes(), store.outbox.pending()], [[], 0]);
});

t.test('receipts: no text makes the desk throw or lose an event', async (t) => {
  const { store, give, refused } = desk(t);
  appendText(store, 'a');
  const good = receipt(['id-1']);
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.string({ minLength: 1, maxLength: 3 }), (at, put) => {
      const text = good.slice(0, at) + put + good.slice(at + put.length);
      const before = refused.length;
      if (text === good) return;
      give(text);
      if (refused.length === before) throw new RangeError(`taken: ${text}`);
    }),
    { numRuns: 2_000 },
  );
  t.equal(store.outbox.pending(), 1);
});
