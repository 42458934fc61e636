import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { ReceiptedEvent } from '../../agent/contract/receipt.ts';
import { receiptTopic } from '../../agent/contract/topics.ts';
import { createCsu } from '../../provisioning/csu.ts';
import { signReceipt } from '../../provisioning/sign.ts';
import { receiptedMessage } from '../support/receipted.ts';
import { configurationOf, type Scene, SITE } from '../support/scene.ts';
import { type Alarm, begin, INPUTS, receiver, stored } from './receiving.ts';

t.test(
  'system: with no receiver nothing leaves the box, whatever the broker says; a forger changes nothing',
  async (t) => {
    const receiving = await begin(t);
    const { scene, camera, archive } = receiving;
    camera.setInput('input-1', true);
    const [alarm] = await scene.csu.until('the alarm', () => {
      const alarms = scene.csu.json<Alarm>('/event/alarm');
      return alarms.length > 0 && alarms;
    });
    if (!alarm) return;
    const again = await scene.csu.until('the same event on hist', () =>
      scene.csu.received.find(({ topic }) => topic.endsWith('/hist/alarm')),
    );
    const first = scene.csu.received.find(({ topic }) => topic.endsWith('/event/alarm'));
    t.equal(again.payload.toString(), first?.payload.toString(), 'the same bytes');
    t.ok(
      scene.csu
        .json<{ confirmation: string }>('/state/link')
        .some(({ confirmation }) => confirmation === 'receipt'),
    );

    const event = receiptedMessage(again);
    const altered = again.payload.toString().replace('"transition":"raised"', '"transition":"cleared"');
    const other256 = receiptedMessage({ ...again, payload: altered }).sha256;
    const { csu } = scene.centre;
    const other = await createCsu(join(scene.folder, 'other-csu'), { brokerHosts: ['localhost'] });
    const genuine = signReceipt(
      await csu.key('receive'),
      SITE,
      [{ ...event, id: 'somebody-else' }],
      Date.now(),
    );
    const topic = receiptTopic(SITE);
    const attacks: [string, string, boolean][] = [
      ['order-wrong-role', signReceipt(await csu.key('operate'), SITE, [event], Date.now()), false],
      [
        'order-wrong-audience',
        signReceipt(await csu.key('receive'), '57463-piscine', [event], Date.now()),
        false,
      ],
      ['order-bad-signature', signReceipt(await other.key('receive'), SITE, [event], Date.now()), false],
      ['order-bad-signature', withEvents(genuine, [event]), false],
      ['order-retained', signReceipt(await csu.key('receive'), SITE, [event], Date.now()), true],
      ['order-unsigned', JSON.stringify({ events: [event] }), false],
      [
        'receipt-altered',
        signReceipt(await csu.key('receive'), SITE, [{ ...event, sha256: other256 }], Date.now()),
        false,
      ],
      ['order-too-large', 'x'.repeat(300_000), false],
      ['order-too-large', 'x'.repeat(900_000), false],
    ];
    for (const [cause, text, retain] of attacks) {
      const before = refusals(scene).length;
      await scene.csu.publish(topic, text, { retain });
      if (retain) await scene.csu.publish(topic, '', { retain });
      const refusal = await scene.csu.until(cause, () => refusals(scene)[before]);
      t.match(refusal, { order: 'receipt', cause });
    }
    await scene.csu.publish(topic, genuine);
    const waits = (await scene.box.status()).link.outboxPending;
    t.ok(waits >= 1 + attacks.length, `${waits} events wait`);

    await scene.box.kill();
    await scene.centre.broker.kill();
    const acl = join(scene.folder, 'broker', 'acl');
    await appendFile(acl, 'user csu\ntopic readwrite csu/v1/#\n');
    await scene.centre.broker.restart();
    const early = receiver(t, receiving);
    await early.said(/broker connected/);
    await scene.csu.publish(again.topic, altered);
    await early.said(new RegExp(`${alarm.id}.*\n`));
    await early.end('SIGKILL');
    const centre = receiver(t, receiving);
    scene.box.start();
    await scene.box.until('an empty outbox', ({ link }) => link.outboxPending === 0);
    t.same(
      stored(archive).map(({ id, transition }) => [id, transition]),
      [
        [alarm.id, 'cleared'],
        [alarm.id, 'raised'],
      ],
      'the broker had acknowledged it twice, forgotten it and put another in its place; it came again, the same one',
    );
    await centre.said(/event-conflict/);
    t.equal((await centre.end('SIGTERM')).code, 0);
  },
);

/** The same receipt for other events, under the signature that it had. */
function withEvents(jws: string, events: readonly ReceiptedEvent[]): string {
  const order = JSON.parse(jws) as { payload: string };
  const claims = JSON.parse(Buffer.from(order.payload, 'base64url').toString()) as object;
  return JSON.stringify({
    ...order,
    payload: Buffer.from(JSON.stringify({ ...claims, events })).toString('base64url'),
  });
}

function refusals({ csu }: Scene): { order: string; cause: string }[] {
  return csu.events<{ order: string; cause: string }>('/event/refusal');
}

t.test(
  'system: the configuration says what is in force, and without a word of it the broker confirms',
  async (t) => {
    const { scene, camera } = await begin(t);
    camera.setInput('input-1', true);
    await scene.csu.until('the alarm', () => scene.csu.json('/event/alarm').length > 0);
    await scene.box.until('waits for a receipt', ({ link }) => link.outboxPending > 0);
    await scene.push(configurationOf(camera, INPUTS));
    await scene.box.until(
      'the broker confirms',
      ({ link }) => link.confirmation === 'broker' && link.outboxPending === 0,
    );
    const link = () => scene.csu.json<{ confirmation: string; online: boolean }>('/state/link').at(-1);
    await scene.csu.until('the state of the link', () => link()?.confirmation === 'broker');
    t.match(link(), { online: true });
  },
);
