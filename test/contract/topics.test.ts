import t from 'tap';
import {
  backlogTopic,
  buildTopic,
  commandTopic,
  desiredConfigTopic,
  linkTopic,
  mediaTopic,
  parseTopic,
  receiptTopic,
} from '../../agent/contract/topics.ts';
import * as fc from '../support/properties.ts';

t.test('topics: what is built is parsed back', async (t) => {
  const label = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,20}$/);
  fc.assert(
    fc.property(
      label,
      label,
      fc.constantFrom('state', 'meas', 'event', 'hist', 'media', 'cfg', 'cmd', 'ack'),
      label,
      (box, camera, topicClass, name) => {
        const topic = { site: `2a004-${box}`, entity: `cam-${camera}`, class: topicClass, name };
        t.same(parseTopic(buildTopic(topic as never)), topic);
      },
    ),
  );
});

t.test(
  'topics: any text is parsed or refused, and what is parsed is built back to the same text',
  async (t) => {
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), (text) => {
        const topic = parseTopic(text);
        if (topic) t.equal(buildTopic(topic), text);
      }),
    );
    t.pass();
  },
);

t.test('topics: levels of other alphabets, other depths and wildcards are refused', async (t) => {
  for (const text of [
    'csu/v1/57463-mairie/collector/state',
    'csu/v1/57463-mairie/collector/state/link/x',
    'csu/v2/57463-mairie/collector/state/link',
    'csu/v1/57463/collector/state/link',
    'csu/v1/57463-Mairie/collector/state/link',
    'csu/v1/57463-mairie/camera/state/link',
    'csu/v1/57463-mairie/cam-/state/link',
    'csu/v1/+/collector/state/link',
    'csu/v1/57463-mairie/collector/state/#',
    'csu/v1/57463-mairie/collector/other/link',
  ]) {
    t.equal(parseTopic(text), undefined, text);
  }
  t.throws(() => mediaTopic('57463-mairie', 'cam-a/b'), RangeError);
});

t.test('topics: the fixed ones are as the page says', async (t) => {
  t.equal(desiredConfigTopic('57463-mairie'), 'csu/v1/57463-mairie/collector/cfg/desired');
  t.equal(commandTopic('57463-mairie'), 'csu/v1/57463-mairie/collector/cmd/request');
  t.equal(linkTopic('57463-mairie'), 'csu/v1/57463-mairie/collector/state/link');
  t.equal(linkTopic('57463-mairie', 'backup'), 'csu/v1/57463-mairie/collector/state/link-backup');
  t.equal(receiptTopic('57463-mairie'), 'csu/v1/57463-mairie/collector/ack/receipt');
  t.equal(backlogTopic('csu/v1/57463-mairie/pt-a/event/alarm'), 'csu/v1/57463-mairie/pt-a/hist/alarm');
  t.equal(mediaTopic('57463-mairie', 'cam-a'), 'csu/v1/57463-mairie/cam-a/media/main');
});
