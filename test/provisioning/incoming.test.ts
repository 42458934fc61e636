import t from 'tap';
import { incomingOf } from '../../provisioning/receive/incoming.ts';
import { EXAMPLES } from '../generate/examples.ts';
import { SITE } from '../support/scene.ts';

const TOPIC = `csu/v1/${SITE}/pt-a/event/alarm`;
const PAYLOAD = Buffer.from(JSON.stringify({ ...EXAMPLES.alarm, site: SITE }));

t.test('the receiver takes events and refuses what is none, with the reason', async (t) => {
  t.match(incomingOf(TOPIC, PAYLOAD, false), { site: SITE, topic: TOPIC });
  t.equal(incomingOf(TOPIC, PAYLOAD, true), 'an event that was retained on the broker');
  t.equal(incomingOf(TOPIC.replace('event', 'state'), PAYLOAD, false), 'not a topic of events');
  t.equal(
    incomingOf(TOPIC.replace(SITE, '57000-autre'), PAYLOAD, false),
    'an event of another site than its topic',
  );
  t.equal(incomingOf(TOPIC, Buffer.from('{"v":1,"v":1}'), false), 'not an event of the contract');
  t.match(incomingOf(TOPIC, Buffer.alloc(70_000, 0x20), false), /^more than/);
});
