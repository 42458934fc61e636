import t, { type Test } from 'tap';
import type { OpenedPanel, PanelPoint } from '../../../agent/alarms/ports.ts';
import { type Call, Dialler } from '../../support/dialler.ts';
import { freePort } from '../../support/port.ts';
import { TestClock } from '../../support/test-clock.ts';
import { Watch } from '../watch.ts';

const ACCOUNT = '12345A';
const AT = { panel: 'panel-a', account: ACCOUNT } as const;
const ZONES: PanelPoint[] = [
  { id: 'pt-5', name: 'Zone 5', kind: 'panel-zone', ...AT, zone: '5' },
  { id: 'pt-6', name: 'Zone 6', kind: 'panel-zone', ...AT, zone: '6' },
  { id: 'pt-7', name: 'Zone 7', kind: 'panel-zone', ...AT, zone: '7' },
  { id: 'pt-all', name: 'Tout', kind: 'panel-zone', ...AT },
];
const SILENCE: PanelPoint = { id: 'pt-silence', name: 'Centrale', kind: 'panel-silence', ...AT };
const SUPERVISION_S = 600;

interface Start {
  readonly watch: Watch;
  /** Sends SIA data, or a NULL, and waits for its ACK. */
  readonly say: (data?: string) => Promise<void>;
}

/** One building: each call is one more start of its box, on the same disk. */
function building(t: Test, supervisionS = SUPERVISION_S) {
  const folder = t.testdir();
  let sequence = 0;
  return async (clock: TestClock, trust: Watch['trust'] = 'synced'): Promise<Start> => {
    const port = await freePort();
    const watch = new Watch(folder, clock, () => undefined);
    watch.trust = trust;
    const panel: OpenedPanel = {
      id: 'panel-a',
      listen: { host: '127.0.0.1', port, tcp: true, udp: false },
      timeWindow: { pastS: 40, futureS: 20 },
      accounts: [{ account: ACCOUNT, supervisionS }],
    };
    t.teardown(() => watch.end());
    await watch.begin({ points: [...ZONES, SILENCE], cameras: [], panels: [panel] });
    const dialler = new Dialler(t, port);
    const say = async (data?: string) => {
      sequence += 1;
      const call: Call = { token: 'NULL', account: ACCOUNT, sequence: String(sequence).padStart(4, '0') };
      const told =
        data === undefined ? call : { ...call, token: 'SIA-DCS', data: `#${ACCOUNT}|Nri1/${data}` };
      t.match(await dialler.call(told), { answer: /^"ACK"/ });
    };
    return { watch, say };
  };
}

const states = ({ watch }: Start) => ZONES.map(({ id }) => watch.shown(id).state);
const ages = ({ watch }: Start) => ZONES.map(({ id }) => watch.shown(id).as_of_ts);

t.test(
  'after a restart zones are unknown until the panel is heard, then last known as of when it was heard before',
  async (t) => {
    const start = building(t);
    const clock = new TestClock();
    const first = await start(clock);
    for (const data of ['BA5', 'BH6']) await first.say(data);
    t.same(states(first), ['raised', 'cleared', 'unknown', 'raised']);
    t.same(ages(first), [undefined, undefined, undefined, undefined], 'what it says now is not old');
    await clock.advance(500_000);
    await first.say();
    const heardMs = clock.wallMs();
    await first.watch.end();

    await clock.advance(300_000);
    const second = await start(clock);
    await clock.advance(11_000);
    t.same(
      states(second),
      ['unknown', 'unknown', 'unknown', 'unknown'],
      'the port is open; that says nothing',
    );
    await second.say();
    t.same(
      states(second),
      ['raised', 'cleared', 'unknown', 'raised'],
      'a zone that never spoke stays unknown',
    );
    t.same(ages(second), [heardMs, heardMs, undefined, heardMs]);
    await second.say('BH6');
    t.same(ages(second), [heardMs, undefined, undefined, heardMs], 'of zone 5 nothing was said');
    t.same(second.watch.transitions, ['pt-5 raised', 'pt-all raised'], 'nothing is told twice');
    await second.watch.end();

    await clock.advance(300_000);
    const third = await start(clock);
    await third.say();
    t.equal(ages(third)[0], heardMs, 'a second loss makes it no younger');
    t.ok(Number(ages(third)[1]) > heardMs, 'what was said in between is as old as that');
    await third.say('BH5');
    t.same(ages(third), [undefined, ages(third)[1], undefined, undefined]);
    t.same(states(third), ['cleared', 'cleared', 'unknown', 'cleared']);
  },
);

t.test('after a silence too: unknown, then last known as of the last message', async (t) => {
  const start = building(t, 60);
  const clock = new TestClock();
  const box = await start(clock);
  await box.say('BA5');
  const heardMs = clock.wallMs();
  await clock.advance(75_000);
  t.equal(states(box)[0], 'unknown');
  t.equal(ages(box)[0], undefined, 'an unknown state has no age');
  await box.say();
  t.match(box.watch.shown('pt-5'), { state: 'raised', as_of_ts: heardMs, alarm_state: 'raised' });
  await box.say('BH5');
  t.match(box.watch.shown('pt-5'), { state: 'cleared', as_of_ts: undefined });
});

t.test('the silence timer goes on over restarts', async (t) => {
  const start = building(t);
  const clock = new TestClock();
  const first = await start(clock);
  await first.say();
  await clock.advance(200_000);
  await first.watch.end();
  const second = await start(clock, 'untrusted');
  await clock.advance(150_000);
  await second.watch.end();
  const third = await start(clock, 'untrusted');
  await clock.advance(295_000);
  t.same(third.watch.transitions, [], 'a panel has half its time to come again');
  await clock.advance(7_000);
  t.same(third.watch.transitions, ['pt-silence raised'], 'silence over three starts, no clock needed');
});

t.test(
  'a clock that can be believed counts the time for which the box was off; one that cannot does not',
  async (t) => {
    for (const trust of ['synced', 'untrusted'] as const) {
      const start = building(t);
      const clock = new TestClock();
      const first = await start(clock);
      await first.say();
      await first.watch.end();
      await clock.advance(86_400_000);
      const { watch } = await start(clock, trust);
      await clock.advance(302_000);
      t.same(watch.transitions, trust === 'synced' ? ['pt-silence raised'] : [], trust);
      watch.trust = 'synced';
      await clock.advance(2_000);
      t.same(watch.transitions, ['pt-silence raised'], 'as soon as the time is known');
      await watch.end();
    }
  },
);

t.test('a kill makes the timer a minute older at most, and a time nobody believed is not used', async (t) => {
  const start = building(t);
  const clock = new TestClock();
  const first = await start(clock, 'untrusted');
  await first.say();
  for (let n = 0; n < 10; n += 1) {
    await clock.advance(59_000);
    await first.say();
  }
  const folder = first.watch.store.memory.entries('panel-silence');
  const { heardMs, quietMs } = JSON.parse(folder[0]?.[1] ?? '{}') as { heardMs?: number; quietMs?: number };
  t.equal(heardMs, undefined);
  t.ok(Number(quietMs) < 60_000);
  await first.watch.end();
  clock.jumpWall(50 * 365 * 86_400_000);
  const second = await start(clock);
  await clock.advance(590_000);
  t.same(second.watch.transitions, [], 'nobody says that it was off for fifty years');
});
