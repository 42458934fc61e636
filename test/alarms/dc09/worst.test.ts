import t, { type Test } from 'tap';
import type { AlarmSettings, OpenedPanel, PanelPoint } from '../../../agent/alarms/ports.ts';
import { SETTINGS } from '../../../agent/alarms/rules.ts';
import { gravest, type Words, weightOf } from '../../../agent/alarms/words.ts';
import { ALARM_CATEGORIES, SEVERITIES } from '../../../agent/contract/alarm-codes.ts';
import { outboxClassOf } from '../../../agent/contract/delivery.ts';
import { Dialler } from '../../support/dialler.ts';
import { freePort } from '../../support/port.ts';
import * as fc from '../../support/properties.ts';
import { TestClock } from '../../support/test-clock.ts';
import { Watch } from '../watch.ts';

const ACCOUNT = '12345A';
const HOUR = 3_600_000;
const DECISION = { by: 'Operateur 12', signer: 'key-operate', why: 'vu' };
/** One point for everything that the panel of a building says. */
const ALL: PanelPoint = {
  id: 'pt-ecole',
  name: 'Ecole',
  kind: 'panel-zone',
  panel: 'panel-a',
  account: ACCOUNT,
};
const DAY = { id: 'sch-never', armed: ['0 0 1 1 *'], onHolidays: [] };

interface Options {
  readonly point?: Partial<PanelPoint>;
  readonly alarms?: Partial<AlarmSettings>;
  readonly folder?: string;
}

/** A panel that is listened to: `say` sends SIA data and waits for its ACK. */
async function begin(t: Test, { point, alarms, folder = t.testdir() }: Options = {}) {
  const port = await freePort();
  const clock = new TestClock(Date.parse('2026-11-23T12:00:00+01:00'));
  const watch = new Watch(folder, clock, () => undefined);
  t.teardown(() => watch.end());
  const panel: OpenedPanel = {
    id: 'panel-a',
    listen: { host: '127.0.0.1', port, tcp: true, udp: false },
    timeWindow: { pastS: 40, futureS: 20 },
    accounts: [{ account: ACCOUNT, supervisionS: 86_400 }],
  };
  const points = [{ ...ALL, ...point } as PanelPoint];
  await watch.begin({ points, cameras: [], panels: [panel], alarms: { ...SETTINGS, ...alarms } });
  const dialler = new Dialler(t, port);
  let number = 0;
  const say = async (data: string) => {
    number += 1;
    const sequence = String(number).padStart(4, '0');
    const told = await dialler.call({
      token: 'SIA-DCS',
      account: ACCOUNT,
      data: `#12345A|${data}`,
      sequence,
    });
    t.match(told, { answer: /^"ACK"/ });
  };
  return { watch, clock, say };
}

const shown = (watch: Watch) => {
  const { state, alarm_state, category, severity, zone, count } = watch.shown(ALL.id);
  return { state, alarm_state, category, severity, zone, count };
};

t.test(
  'a point of several zones is as grave as the gravest that holds: up as a new call, down without one',
  async (t) => {
    const { watch, say } = await begin(t);
    await say('Nri1/WA001');
    const alarm = String(watch.shown(ALL.id).alarm);
    watch.room.decisions.acknowledge(alarm, DECISION);
    t.match(shown(watch), { alarm_state: 'acknowledged', category: 'water', severity: 'major' });
    await say('Nri1/FA002');
    t.match(watch.events.at(-1), {
      ...{ transition: 'raised', alarm, count: 2, category: 'fire', severity: 'critical', zone: '2' },
      ...{ code_sia: 'FA', code_contact_id: '1110' },
    });
    t.match(shown(watch), { alarm_state: 'raised', category: 'fire' }, 'nobody has acknowledged the fire');
    const entries = watch.store.outbox.next(0, 100).filter(({ topic }) => topic.endsWith('/event/alarm'));
    t.equal(entries.at(-1)?.class, 'life-safety');
    await say('Nri1/BA003');
    t.match(watch.signals, [{ category: 'intrusion', meaning: 'raised', zone: '3' }], 'told beside');
    watch.room.decisions.acknowledge(alarm, DECISION);
    await say('Nri1/FH002');
    t.match(shown(watch), {
      ...{ state: 'raised', alarm_state: 'acknowledged' },
      ...{ category: 'intrusion', severity: 'critical', zone: '3' },
    });
    t.match(watch.signals.at(-1), { category: 'fire', meaning: 'cleared', zone: '2' });
    await say('Nri1/BH003');
    t.match(shown(watch), { category: 'water', severity: 'major', zone: '1' });
    await say('Nri1/WH001');
    t.same(watch.transitions, [
      ...['pt-ecole raised', 'pt-ecole acknowledged', 'pt-ecole raised', 'pt-ecole acknowledged'],
      ...['pt-ecole cleared', 'pt-ecole closed'],
    ]);
  },
);

t.test('a fire that comes again is called again; one more zone of the same gravity is not', async (t) => {
  const { watch, say } = await begin(t);
  for (const data of ['UA001', 'FA002', 'GA003', 'FH002', 'GH003', 'FA002']) await say(`Nri1/${data}`);
  t.same(
    watch.events.map(({ transition, category }) => `${transition} ${category}`),
    ['raised technical', 'raised fire', 'raised fire'],
  );
  t.match(shown(watch), { category: 'fire', count: 3 });
});

t.test('which zones hold, and how grave each is, survives a restart', async (t) => {
  const folder = t.testdir();
  const first = await begin(t, { folder });
  for (const data of ['WA001', 'FA002']) await first.say(`Nri1/${data}`);
  await first.watch.end();
  const { watch, say } = await begin(t, { folder });
  t.match(shown(watch), { state: 'raised', category: 'fire' });
  await say('Nri1/FH002');
  t.match(shown(watch), { state: 'raised', category: 'water', severity: 'major' });
  await say('Nri1/FA002');
  t.match(watch.events.at(-1), { transition: 'raised', category: 'fire' });
});

t.test(
  'a fire behind a zone that a schedule or a maintenance window silences is an alarm all the same',
  async (t) => {
    const settings = { schedules: [DAY] };
    const folder = t.testdir({ one: {}, other: {} });
    const byDay = { point: { schedule: DAY.id }, alarms: settings };
    const scheduled = await begin(t, { ...byDay, folder: `${folder}/one` });
    const window = { id: 'order-1', points: [ALL.id] };
    const maintained = await begin(t, { folder: `${folder}/other` });
    const startMs = maintained.clock.wallMs();
    maintained.watch.room.decisions.announce({ ...window, startMs, endMs: startMs + HOUR }, DECISION);
    for (const { watch, say } of [scheduled, maintained]) {
      await say('Nri1/BA001');
      t.match(shown(watch), { state: 'raised', alarm_state: 'none', category: 'intrusion' });
      await say('Nri1/FA002');
      t.match(watch.events, [{ transition: 'raised', category: 'fire', severity: 'critical' }]);
      t.match(watch.shown(ALL.id), { armed: true });
    }
    t.match(maintained.watch.events, [{ window: 'order-1' }]);
  },
);

t.test('the severity of the entry is kept; the class is that of the gravest all the same', async (t) => {
  const { watch, say } = await begin(t, { point: { severity: 'warning' } });
  for (const data of ['WA001', 'FA002']) await say(`Nri1/${data}`);
  t.match(watch.events, [
    { category: 'water', severity: 'warning' },
    { category: 'fire', severity: 'warning' },
  ]);
});

const words = fc.record({
  severity: fc.constantFrom(...SEVERITIES),
  details: fc.record({ category: fc.constantFrom(...ALARM_CATEGORIES) }),
});

t.test('words: the gravest is of the first class that is there, and of its worst severity', (t) => {
  const property = fc.property(fc.array(words, { minLength: 1, maxLength: 8 }), (all) => {
    const most = gravest(Object.fromEntries(all.map((one, index) => [`k${index}`, one]))) as Words;
    const sort = ({ severity, details }: Words) =>
      outboxClassOf('alarm', { severity, category: details.category });
    const order = ['life-safety', 'intrusion', 'technical', 'service'];
    const first = Math.min(...all.map((one) => order.indexOf(sort(one))));
    const rivals = all.filter((one) => order.indexOf(sort(one)) === first);
    const worst = Math.max(...rivals.map(({ severity }) => SEVERITIES.indexOf(severity)));
    return sort(most) === order[first] && SEVERITIES.indexOf(most.severity) === worst && weightOf(most) > 0;
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }));
  t.end();
});
