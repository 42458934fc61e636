import { readFileSync } from 'node:fs';
import t from 'tap';
import { conditionOf } from '../../agent/alarms/onvif/condition.ts';
import type { CameraPoint } from '../../agent/alarms/ports.ts';
import { type OnvifEvent, readEvents } from '../../agent/camera/onvif/notification.ts';
import { child, parseXml } from '../../agent/camera/onvif/xml.ts';
import * as fc from '../support/properties.ts';

function event(topic: string, source: object, data: object, operation?: OnvifEvent['operation']): OnvifEvent {
  return { topic, operation, source: { ...source }, data: { ...data } };
}

function pointOf(kind: CameraPoint['kind'], more: Partial<CameraPoint> = {}): CameraPoint {
  return { id: 'pt-a', name: 'A', camera: 'cam-a', kind, ...more };
}

const INPUT = pointOf('digital-input');
const TAMPERING = pointOf('tampering');
const DIGITAL_INPUT = 'tns1:Device/Trigger/DigitalInput';

t.test('digital inputs are read whatever prefix, slashes and spelling the camera has', async (t) => {
  const topics = [
    DIGITAL_INPUT,
    'Device/Trigger/DigitalInput',
    'tns1:Device/tns1:Trigger/tns1:DigitalInput',
    ' ns7:device/trigger/digitalinput ',
    'tns1:Device/Trigger/DigitalInput/',
    '/Device//Trigger/DigitalInput',
  ];
  for (const topic of topics) {
    const seen = conditionOf(INPUT, event(topic, { InputToken: 'DI_1' }, { LogicalState: 'true' }));
    t.same(seen, { key: 'DI_1', active: true }, topic);
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
    const said = event(DIGITAL_INPUT, { InputToken: '1' }, { LogicalState: text });
    t.equal(conditionOf(INPUT, said)?.active, active, text);
    t.equal(conditionOf({ ...INPUT, inverted: true }, said)?.active, !active, text);
    t.equal(conditionOf({ ...INPUT, input: '1' }, said)?.active, active);
    t.equal(conditionOf({ ...INPUT, input: '2' }, said), undefined);
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
      const seen = conditionOf(TAMPERING, event(topic, { Source: source }, { IsTamper: '1' }));
      t.match(seen, { active: true }, topic);
      return seen?.key;
    }),
  );
  t.equal(new Set(keys).size, keys.length);
});

t.test('signal loss and failures of the hardware are states', async (t) => {
  const cases = [
    ['signal-loss', 'tns1:VideoSource/SignalLoss', { State: 'true' }],
    ['hardware-failure', 'tns1:Device/HardwareFailure/FanFailure', { Failed: '1' }],
    ['hardware-failure', 'tns1:Device/HardwareFailure/PowerSupplyFailure', { Failed: 'true' }],
    ['hardware-failure', 'tns1:Device/HardwareFailure/StorageFailure', { Failed: 'true' }],
    ['hardware-failure', 'tns1:Device/HardwareFailure/TemperatureCritical', { Critical: 'true' }],
  ] as const;
  for (const [kind, topic, data] of cases) {
    const seen = conditionOf(pointOf(kind), event(topic, { Token: 'a' }, data, 'Changed'));
    t.match(seen, { active: true, key: / Token=a$/ }, topic);
    t.equal(conditionOf(TAMPERING, event(topic, {}, data)), undefined);
    t.equal(conditionOf(pointOf(kind), event(topic, { Token: 'a' }, {}, 'Deleted'))?.active, undefined);
  }
});

t.test('a refused login and a changed setting happen; what is only repeated has not happened', async (t) => {
  const cases = [
    ['login-failure', 'tns1:Device/SecurityPolicy/AuthFailed'],
    ['configuration-changed', 'tns1:Media/ConfigurationChanged'],
    ['configuration-changed', 'tns1:Media/ProfileChanged'],
    ['configuration-changed', 'tns1:Configuration/Network/Changed'],
  ] as const;
  for (const [kind, topic] of cases) {
    const point = pointOf(kind);
    const said = (operation?: OnvifEvent['operation']) =>
      conditionOf(point, event(topic, { Token: 'p1' }, { UserName: 'adm\u0000in' }, operation));
    for (const operation of [undefined, 'Changed'] as const)
      t.match(said(operation), { active: true, text: 'Token=p1 UserName=adm in' }, topic);
    t.equal(said('Initialized'), undefined);
    t.equal(said('Deleted'), undefined);
    t.equal(conditionOf(INPUT, event(topic, {}, { State: '1' })), undefined);
  }
});

t.test('topics of a maker that the configuration names mean the same', async (t) => {
  const point = pointOf('tampering', { topics: ['tnsvendor:Sabotage/Lens'] });
  for (const topic of ['tns1:tnsvendor:Sabotage/tnsvendor:Lens', 'sabotage/lens', 'x:Sabotage/Lens/Deep'])
    t.match(conditionOf(point, event(topic, {}, { State: '1' })), { active: true }, topic);
  t.match(conditionOf(point, event('tns1:Device/Tampering', {}, { State: '1' })), { active: true });
  t.equal(conditionOf(point, event('tns1:Sabotage/LensCap', {}, { State: '1' })), undefined);
  t.equal(conditionOf(TAMPERING, event('tns1:Sabotage/Lens', {}, { State: '1' })), undefined);
});

t.test('an event of another topic, or one that does not say whether it holds, is none of ours', async (t) => {
  for (const point of [INPUT, TAMPERING]) {
    t.equal(conditionOf(point, event('tns1:VideoSource/MotionAlarm', {}, { State: 'true' })), undefined);
    t.equal(conditionOf(point, event('tns1:VideoSource/ImageTooDarkness', {}, { State: 'true' })), undefined);
    t.equal(conditionOf(point, event('tns1:Device/Trigger/Relay', {}, { LogicalState: '1' })), undefined);
    t.equal(conditionOf(point, event(DIGITAL_INPUT, {}, { LogicalState: 'perhaps' })), undefined);
    t.equal(conditionOf(point, event(DIGITAL_INPUT, {}, {})), undefined);
  }
  const deleted = event(DIGITAL_INPUT, { InputToken: '1' }, {}, 'Deleted');
  t.match(conditionOf(INPUT, deleted), { key: '1', active: undefined });
});

t.test('any event whatever is read without an error', async (t) => {
  const items = fc.dictionary(fc.string(), fc.string(), { maxKeys: 5 });
  const topic = fc.oneof(
    fc.string(),
    fc.constantFrom(DIGITAL_INPUT, 'tns1:Device/Tampering', 'tns1:Media/ProfileChanged'),
  );
  const kind = fc.constantFrom('digital-input', 'tampering', 'hardware-failure', 'configuration-changed');
  const rule = fc.property(kind, topic, items, items, (of, name, source, data) => {
    const seen = conditionOf(pointOf(of), event(name, source, data));
    if (seen === undefined) return true;
    return seen.key.length <= 160 && typeof seen.active === 'boolean' && (seen.text ?? '').length <= 120;
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
  for (const one of events)
    for (const point of [INPUT, TAMPERING]) t.equal(conditionOf(point, one), undefined);
});
