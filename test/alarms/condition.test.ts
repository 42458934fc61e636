import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { conditionOf } from '../../agent/alarms/onvif/condition.ts';
import { type OnvifEvent, readEvents } from '../../agent/camera/onvif/notification.ts';
import { child, parseXml } from '../../agent/camera/onvif/xml.ts';

function event(topic: string, source: object, data: object, operation?: OnvifEvent['operation']): OnvifEvent {
  return { topic, operation, source: { ...source }, data: { ...data } };
}

t.test('digital inputs are read whatever prefix and spelling the camera has', async (t) => {
  const topics = [
    'tns1:Device/Trigger/DigitalInput',
    'Device/Trigger/DigitalInput',
    'tns1:Device/tns1:Trigger/tns1:DigitalInput',
    ' ns7:device/trigger/digitalinput ',
  ];
  for (const topic of topics) {
    const seen = conditionOf(event(topic, { InputToken: 'DI_1' }, { LogicalState: 'true' }));
    t.same(seen, { kind: 'digital-input', key: 'DI_1', input: 'DI_1', active: true }, topic);
  }
  const states = {
    true: true,
    '1': true,
    active: true,
    ' TRUE ': true,
    false: false,
    '0': false,
    inactive: false,
  };
  for (const [text, active] of Object.entries(states)) {
    const seen = conditionOf(
      event('tns1:Device/Trigger/DigitalInput', { InputToken: '1' }, { LogicalState: text }),
    );
    t.equal(seen?.active, active, text);
  }
});

t.test('each kind of tampering of each video source is a condition of its own', async (t) => {
  const topics = [
    'tns1:VideoSource/GlobalSceneChange/ImagingService',
    'tns1:VideoSource/GlobalSceneChange/AnalyticsService',
    'tns1:VideoSource/ImageTooBlurry/RecordingService',
    'tns1:VideoSource/ImageTooDark',
    'tns1:VideoSource/ImageTooBright/AnalyticsService',
    'tns1:VideoSource/tnsaxis:Tampering',
    'tns1:Device/Tampering',
    'tns1:RuleEngine/TamperDetector/Tamper',
  ];
  const keys = topics.flatMap((topic) =>
    ['1', '2'].map((source) => {
      const seen = conditionOf(event(topic, { Source: source }, { IsTamper: '1' }));
      t.match(seen, { kind: 'tampering', active: true }, topic);
      return seen?.key;
    }),
  );
  t.equal(new Set(keys).size, keys.length);
});

t.test('an event of another topic, or one that does not say whether it holds, is none of ours', async (t) => {
  t.equal(conditionOf(event('tns1:VideoSource/MotionAlarm', {}, { State: 'true' })), undefined);
  t.equal(conditionOf(event('tns1:VideoSource/ImageTooDarkness', {}, { State: 'true' })), undefined);
  t.equal(conditionOf(event('tns1:Device/Trigger/Relay', {}, { LogicalState: 'active' })), undefined);
  t.equal(conditionOf(event('tns1:Device/Trigger/DigitalInput', {}, { LogicalState: 'perhaps' })), undefined);
  t.equal(conditionOf(event('tns1:Device/Trigger/DigitalInput', {}, {})), undefined);
  const deleted = event('tns1:Device/Trigger/DigitalInput', { InputToken: '1' }, {}, 'Deleted');
  t.match(conditionOf(deleted), { key: '1', active: undefined });
});

t.test('any event whatever is read without an error', async (t) => {
  const items = fc.dictionary(fc.string(), fc.string(), { maxKeys: 5 });
  const topic = fc.oneof(
    fc.string(),
    fc.constantFrom('tns1:Device/Trigger/DigitalInput', 'tns1:Device/Tampering'),
  );
  const rule = fc.property(topic, items, items, (name, source, data) => {
    const seen = conditionOf(event(name, source, data));
    return seen === undefined || (seen.key.length <= 160 && typeof seen.active === 'boolean');
  });
  t.doesNotThrow(() => fc.assert(rule));
});

t.test('a captured answer of a camera holds no alarm of ours', async (t) => {
  const file = new URL(
    '../../node_modules/onvif-fixtures/test/serverMockup/PullMessages.xml',
    import.meta.url,
  );
  const xml = readFileSync(file, 'utf8').replace(/\{\{[^}]*\}\}/g, '');
  const body = child(await parseXml(xml, 'fixture'), 'Body');
  const answer = child(body, 'PullMessagesResponse');
  t.ok(answer);
  const events = answer ? readEvents(answer) : [];
  t.equal(events.length, 2);
  for (const one of events) t.equal(conditionOf(one), undefined);
});
