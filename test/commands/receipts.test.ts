import t, { type Test } from 'tap';
import type { ClockTrust } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import { ReceiptDesk } from '../../agent/commands/receipts.ts';
import { MAX_RECEIPT_BYTES, MAX_RECEIPT_EVENTS } from '../../agent/contract/orders.ts';
import { eventDigest, type ReceiptedEvent } from '../../agent/contract/receipt.ts';
import type { SigningKey } from '../../agent/trust/keys.ts';
import type { Refusal } from '../../agent/trust/refusals.ts';
import { signOrder } from '../../agent/trust/sign.ts';
import { signReceipt } from '../../provisioning/sign.ts';
import { appendText, openFor, temporaryFolder } from '../store/support.ts';
import * as fc from '../support/properties.ts';
import { TestClock } from '../support/test-clock.ts';
import { keyringOf, NOW_S, newKey, OPERATOR, SITE } from '../trust/support.ts';

const TOPIC = 'csu/v1/57463-mairie/pt-a/event/alarm';
const RECEIVER = newKey();
const RETIRED = newKey();
const KEYRING = keyringOf(
  { key: RECEIVER, role: 'receive' },
  { key: RETIRED, role: 'receive', notAfter: NOW_S - 100 },
  { key: OPERATOR, role: 'operate' },
);

function desk(t: Test, clockTrust: ClockTrust = 'synced', clock = new TestClock(NOW_S * 1000), floorS = 0) {
  const { store } = openFor(temporaryFolder(t), clock);
  t.teardown(() => store.close());
  const refused: Refusal[] = [];
  const counted: string[] = [];
  store.outbox.rule({ confirm: 'receipt', resendAfterMs: 60_000, liveWithinMs: 60_000 });
  const receipts = new ReceiptDesk({
    site: SITE,
    keyring: KEYRING,
    clock,
    clockTrust: () => clockTrust,
    timeFloorMs: () => floorS * 1000,
    log: createLog('error', { write: () => undefined }),
    outbox: store.outbox,
    refusals: { refuse: (refusal) => refused.push(refusal) > 0, countAgain: () => counted.push('again') },
  });
  const give = (text: string, retained = false) => receipts.receive(Buffer.from(text), retained);
  return { store, receipts, refused, counted, give, codes: () => refused.map(({ error }) => error.code) };
}

/** Of the events that `appendText` makes of 'a', 'b', 'c', as they were sent. */
function stored(id: string): ReceiptedEvent {
  const text = ' abc'[Number(id.slice(3))] ?? '';
  return { id, sha256: eventDigest(TOPIC, `${id} ${text}`) };
}

function receipt(ids: readonly string[], key: SigningKey = RECEIVER, site = SITE, nowS = NOW_S): string {
  return signReceipt(key, site, ids.map(stored), nowS * 1000);
}

t.test('receipts: the events that one names leave the outbox, and no others', async (t) => {
  const { store, give, refused } = desk(t);
  for (const text of ['a', 'b', 'c']) appendText(store, text);
  store.outbox.acknowledge([1, 2, 3]);
  t.equal(store.outbox.pending(), 3, 'the word of the broker is not enough');
  give(receipt(['id-1', 'id-3', 'of-nobody']));
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

t.test('receipts: a key that is known to be over counts no more, whatever the clock says', async (t) => {
  for (const [floorS, taken] of [
    [NOW_S - 101, true],
    [NOW_S - 99, false],
  ] as const) {
    const { store, give, codes } = desk(t, 'untrusted', new TestClock(0), floorS);
    appendText(store, 'a');
    give(receipt(['id-1'], RETIRED, SITE, NOW_S - 200));
    t.same([store.outbox.pending(), codes()], taken ? [0, []] : [1, ['order-bad-signature']]);
    give(receipt(['id-1']));
    t.equal(store.outbox.pending(), 0, 'a key that holds counts');
  }
});

t.test(
  'receipts: what is forged, misaddressed or of another role is refused, and every event stays',
  async (t) => {
    const { store, receipts, give, codes } = desk(t);
    appendText(store, 'a');
    const good = JSON.parse(receipt(['id-1'])) as { payload: string; signatures: object[] };
    const other = JSON.parse(receipt(['id-2'])) as typeof good;
    const claims = { typ: 'receipt', aud: SITE, iat: NOW_S, events: [stored('id-1')] };
    const claiming = (wrong: object) =>
      signOrder({ ...claims, events: [{ ...stored('id-1'), ...wrong }] }, [RECEIVER]);
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
      ['no events', signOrder({ ...claims, events: [] }, [RECEIVER]), 'order-invalid'],
      ['an empty id', claiming({ id: '' }), 'order-invalid'],
      ['an id of no event', claiming({ id: 'id-1\u0000' }), 'order-invalid'],
      ['no digest', claiming({ sha256: undefined }), 'order-invalid'],
      ['half a digest', claiming({ sha256: stored('id-1').sha256.slice(1) }), 'order-invalid'],
      ['ids alone', signOrder({ ...claims, events: undefined, ids: ['id-1'] }, [RECEIVER]), 'order-invalid'],
      ['an unknown claim', signOrder({ ...claims, all: true }, [RECEIVER]), 'order-invalid'],
      ['another order', signOrder({ ...claims, typ: 'command' }, [RECEIVER]), 'order-invalid'],
      [
        'more events than allowed',
        receipt(Array.from({ length: MAX_RECEIPT_EVENTS + 1 }, (_, n) => `id-${n}`)),
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
  const ids = Array.from({ length: MAX_RECEIPT_EVENTS }, (_, n) => String(n).padStart(40, 'f'));
  for (const id of ids) {
    store.outbox.append(() => ({ topic: TOPIC, payload: JSON.stringify({ id }), id, class: 'service' }));
  }
  const events = ids.map((id) => ({ id, sha256: eventDigest(TOPIC, JSON.stringify({ id })) }));
  give(signReceipt(RECEIVER, SITE, events, NOW_S * 1000));
  t.same([codes(), store.outbox.pending()], [[], 0]);
});

t.test(
  'receipts: one for other bytes than those that left the box keeps the event, and is told once',
  async (t) => {
    const clock = new TestClock(NOW_S * 1000);
    const { store, give, refused, counted } = desk(t, 'synced', clock);
    for (const text of ['a', 'b', 'c']) appendText(store, text);
    store.outbox.acknowledge([1, 2, 3]);
    const of = (id: string, topic: string, payload: string) => ({ id, sha256: eventDigest(topic, payload) });
    const altered = [
      of('id-1', TOPIC, 'id-1 A'),
      of('id-1', TOPIC.replace('/alarm', '/activity'), 'id-1 a'),
      of('id-1', TOPIC.replace('/pt-a/', '/pt-b/'), 'id-1 a'),
      stored('id-2'),
    ];
    give(signReceipt(RECEIVER, SITE, [...altered.slice(0, 1), stored('id-3')], NOW_S * 1000));
    t.equal(store.outbox.pending(), 2, 'the others of the receipt count');
    t.match(refused, [{ order: 'receipt', error: { code: 'receipt-altered', message: /id-1/ } }]);
    for (const one of altered.slice(0, 3)) give(signReceipt(RECEIVER, SITE, [one], NOW_S * 1000));
    t.same([refused.length, counted.length, store.outbox.pending()], [1, 3, 2]);
    await clock.advance(60_000);
    store.outbox.settle();
    const due = store.outbox.due({ lane: 'backlog', class: 'intrusion', afterSeq: 0, limit: 9, without: [] });
    t.match(due, [{ id: 'id-1' }, { id: 'id-2' }], 'sent again as if none had come');
    give(signReceipt(RECEIVER, SITE, altered, NOW_S * 1000));
    t.equal(store.outbox.find('id-1')?.id, 'id-1');
    give(signReceipt(RECEIVER, SITE, [...altered, stored('id-1')], NOW_S * 1000));
    t.same(
      [store.outbox.pending(), refused.length],
      [0, 1],
      'the copy that is its own counts beside the others',
    );
    give(signReceipt(RECEIVER, SITE, altered, NOW_S * 1000));
    t.equal(refused.length, 1, 'nothing is known of an event that has left');
  },
);

t.test(
  'receipts: ten thousand forged ones a second cost two hundred signatures, and are told once',
  async (t) => {
    const clock = new TestClock(NOW_S * 1000);
    const { store, give, codes, counted } = desk(t, 'synced', clock);
    appendText(store, 'a');
    const forged = receipt(['id-1'], newKey());
    for (let n = 0; n < 10_000; n += 1) give(forged);
    t.equal(codes().filter((code) => code === 'order-bad-signature').length, 400, 'that many at once');
    t.same([codes().filter((code) => code === 'receipt-flood').length, counted.length], [1, 9_599]);
    give(receipt(['id-1']));
    t.equal(store.outbox.pending(), 1, 'a genuine one among them is lost, its event is not');
    await clock.advance(1_000);
    for (let n = 0; n < 199; n += 1) give(forged);
    give(receipt(['id-1']));
    t.equal(store.outbox.pending(), 0);
  },
);

t.test('receipts: on hist an event has the digest that it has live', async (t) => {
  const { store, give } = desk(t);
  appendText(store, 'a');
  const sha256 = eventDigest(TOPIC.replace('/event/', '/hist/'), 'id-1 a');
  give(signReceipt(RECEIVER, SITE, [{ id: 'id-1', sha256 }], NOW_S * 1000));
  t.equal(store.outbox.pending(), 0);
});

t.test('receipts: no text makes the desk throw or lose an event', async (t) => {
  const clock = new TestClock(NOW_S * 1000);
  const { store, give, refused } = desk(t, 'synced', clock);
  appendText(store, 'a');
  const good = receipt(['id-1']);
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length - 1), fc.string({ minLength: 1, maxLength: 3 }), async (at, put) => {
      const text = good.slice(0, at) + put + good.slice(at + put.length);
      const before = refused.length;
      if (text === good) return;
      await clock.advance(10);
      give(text);
      if (refused.length === before) throw new RangeError(`taken: ${text}`);
    }),
    { numRuns: 2_000 },
  );
  t.equal(store.outbox.pending(), 1);
});
