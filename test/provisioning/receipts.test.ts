import { createHash } from 'node:crypto';
import t, { type Test } from 'tap';
import type { ReceiptOrder } from '../../agent/contract/orders.ts';
import type { ReceiptedEvent } from '../../agent/contract/receipt.ts';
import { parseSigningKey } from '../../agent/trust/keys.ts';
import { generateSigningKey } from '../../agent/trust/sign.ts';
import { Receipts } from '../../provisioning/receive/receipts.ts';
import { TestClock } from '../support/test-clock.ts';

const SITE = '57463-mairie';
const NEVER = new AbortController().signal;

function event(n: number): ReceiptedEvent {
  return { id: `event-${n}`, sha256: createHash('sha256').update(String(n)).digest('base64url') };
}

interface Rig {
  readonly clock: TestClock;
  /** What each receipt says that was published, in order. */
  readonly published: readonly ReceiptedEvent[][];
  isConnected: boolean;
  add(from: number, to: number): void;
}

/** The real receipts, signed, with a client that takes them at once. */
function rig(t: Test): Rig {
  const published: ReceiptedEvent[][] = [];
  const clock = new TestClock();
  const key = parseSigningKey(JSON.stringify(generateSigningKey().privateJwk));
  const client = {
    get connected(): boolean {
      return stage.isConnected;
    },
    publish: async (topic: string, jws: string | Buffer) => {
      const { payload } = JSON.parse(jws.toString()) as { payload: string };
      const order = JSON.parse(Buffer.from(payload, 'base64url').toString()) as ReceiptOrder;
      t.match(topic, /collector\/ack\/receipt$/);
      t.equal(order.aud, SITE);
      published.push(order.events);
    },
  };
  const receipts = new Receipts({ clock, key, client });
  const stage: Rig = {
    clock,
    published,
    isConnected: true,
    add: (from, to) => {
      for (let n = from; n < to; n += 1) receipts.add(SITE, event(n), NEVER);
    },
  };
  return stage;
}

const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => event(from + n));

t.test('receipts: hundreds of events share one, up to what one may cover', async (t) => {
  const { add, clock, published } = rig(t);
  add(0, 700);
  add(0, 700);
  await clock.advance(0);
  t.same(published, [numbered(0, 500), numbered(500, 700)]);
});

t.test('receipts: events of the same 20 ms share one', async (t) => {
  const { add, clock, published } = rig(t);
  add(0, 1);
  await clock.advance(0);
  add(1, 200);
  await clock.advance(19);
  add(200, 400);
  t.equal(published.length, 1);
  await clock.advance(1);
  t.same(published, [numbered(0, 1), numbered(1, 400)]);
});

t.test('receipts: what came without a connection is not signed for later', async (t) => {
  const stage = rig(t);
  stage.isConnected = false;
  stage.add(0, 10);
  await stage.clock.advance(20);
  stage.isConnected = true;
  stage.add(10, 20);
  await stage.clock.advance(20);
  t.same(stage.published, [numbered(10, 20)]);
});

t.test('receipts: a box with thousands of events that wait does not keep those of others back', async (t) => {
  const sites: string[] = [];
  const clock = new TestClock();
  const key = parseSigningKey(JSON.stringify(generateSigningKey().privateJwk));
  const pending: (() => void)[] = [];
  const client = {
    connected: true,
    publish: (topic: string) => {
      sites.push(topic.split('/')[2] ?? '');
      return new Promise<void>((resolve) => void pending.push(resolve));
    },
  };
  const receipts = new Receipts({ clock, key, client });
  const { sha256 } = event(0);
  for (let n = 0; n < 100_001; n += 1) receipts.add('57463-flot', { id: `event-${n}`, sha256 }, NEVER);
  const others = Array.from({ length: 40 }, (_, n) => `57463-b${n}`);
  for (const site of others) receipts.add(site, event(0), NEVER);
  for (let rounds = 0; rounds < 3; rounds += 1) {
    await clock.advance(20);
    for (const done of pending.splice(0)) done();
    await clock.advance(0);
  }
  t.ok(others.every((site) => sites.includes(site)));
  t.ok(sites.indexOf('57463-b39') < 64, 'in the second round at the latest');
});
