import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { writeFrame } from '../../../agent/alarms/dc09/frame.ts';
import type { AlarmConfiguration, OpenedPanel, PanelPoint } from '../../../agent/alarms/ports.ts';
import { type Clock, systemClock } from '../../../agent/base/clock.ts';
import { SmallDisk } from '../../store/support.ts';
import { type Call, Dialler } from '../../support/dialler.ts';
import { freePort } from '../../support/port.ts';
import { TestClock } from '../../support/test-clock.ts';
import { Watch } from '../watch.ts';

const ACCOUNT = '12345A';
const ZONE: PanelPoint = {
  id: 'pt-zone',
  name: 'Zone 5',
  kind: 'panel-zone',
  panel: 'panel-a',
  account: ACCOUNT,
  zone: '5',
};
const ALARM: Call = { token: 'SIA-DCS', account: ACCOUNT, data: '#12345A|Nri1/BA005' };
const RESTORE: Call = { ...ALARM, data: '#12345A|Nri1/BH005', sequence: '0002' };
const KEYS = ['00112233445566778899AABBCCDDEEFF', 'A1'.repeat(24), 'B2'.repeat(32)];

interface Options {
  readonly key?: string;
  readonly points?: readonly PanelPoint[];
  readonly clock?: Clock;
  readonly folder?: string;
  readonly port?: number;
  readonly supervisionS?: number;
  readonly timeWindow?: OpenedPanel['timeWindow'] | undefined;
  /** Accounts beside the one of these tests. */
  readonly others?: OpenedPanel['accounts'];
}

interface Begun {
  readonly watch: Watch;
  readonly dialler: Dialler;
  readonly port: number;
}

async function begin(t: Test, options: Options = {}): Promise<Begun> {
  const port = options.port ?? (await freePort());
  const watch = new Watch(options.folder ?? t.testdir(), options.clock ?? systemClock, () => undefined);
  t.teardown(() => watch.end());
  await watch.begin(configuration(port, options));
  return { watch, port, dialler: new Dialler(t, port) };
}

function configuration(
  port: number,
  {
    key,
    points = [ZONE],
    supervisionS = 3600,
    timeWindow = { pastS: 40, futureS: 20 },
    others = [],
  }: Options,
): AlarmConfiguration {
  const keyed = key === undefined ? {} : { key: Buffer.from(key, 'hex') };
  const panel: OpenedPanel = {
    id: 'panel-a',
    listen: { host: '127.0.0.1', port, tcp: true, udp: true },
    timeWindow,
    accounts: [{ account: ACCOUNT, supervisionS, ...keyed }, ...others],
  };
  return { points, cameras: [], panels: [panel] };
}

for (const udp of [false, true]) {
  t.test(
    `${udp ? 'UDP' : 'TCP'}: an alarm and its end are acknowledged, with number and path of the message`,
    async (t) => {
      const { watch, dialler } = await begin(t);
      t.same(await dialler.call({ ...ALARM, udp, path: 'R1L2' }), {
        answer: '"ACK"0001R1L2#12345A[]',
        good: true,
      });
      t.same(await dialler.call({ ...RESTORE, udp, path: 'L' }), {
        answer: '"ACK"0002L#12345A[]',
        good: true,
      });
      t.same(watch.transitions, ['pt-zone raised', 'pt-zone cleared']);
      t.match(watch.events[0], {
        kind: 'panel-zone',
        source: 'panel-a',
        account: ACCOUNT,
        area: '1',
        zone: '5',
        category: 'intrusion',
        severity: 'critical',
        code_sia: 'BA',
        code_contact_id: '1130',
      });
      t.match(watch.events[1], { code_sia: 'BH', code_contact_id: '3130' });
    },
  );
}

t.test('Contact ID raises and clears, with the codes of both languages', async (t) => {
  const { watch, dialler } = await begin(t);
  const call = { token: 'ADM-CID', account: ACCOUNT };
  t.match(await dialler.call({ ...call, data: '#12345A|1110 01 005' }), { answer: /^"ACK"/ });
  t.match(await dialler.call({ ...call, data: '#12345A|3110 01 005', sequence: '0002' }), {
    answer: /^"ACK"/,
  });
  t.same(watch.transitions, ['pt-zone raised', 'pt-zone cleared']);
  t.match(watch.events[0], { category: 'fire', code_sia: 'FA', code_contact_id: '1110' });
});

t.test('duress of a user is not told of the zone that has the number of the user', async (t) => {
  const { watch, dialler } = await begin(t);
  const call = { token: 'ADM-CID', account: ACCOUNT };
  t.match(await dialler.call({ ...call, data: '#12345A|1121 01 005' }), { answer: /^"ACK"/ });
  t.match(watch.signals, [{ category: 'panic', meaning: 'raised', severity: 'critical', zone: '5' }]);
  t.same(watch.transitions, []);
});

t.test('a panel that writes its CRC as two bytes is answered like that', async (t) => {
  const { dialler } = await begin(t);
  t.same(await dialler.call({ ...ALARM, binary: true }), { answer: '"ACK"0001R0L0#12345A[]', good: true });
});

for (const key of KEYS) {
  t.test(
    `AES-${key.length * 4}: an encrypted message gets an encrypted ACK with padding and time`,
    async (t) => {
      const clock = new TestClock();
      const { watch, dialler } = await begin(t, { key, clock });
      const time = stampOf(clock.wallMs());
      const told = await dialler.call({
        ...ALARM,
        key,
        time,
        more: ['H10:20:30,03-01-2026'],
        decrypts: true,
      });
      t.match(told, { answer: /^"\*ACK"0001R0L0#12345A\[[0-9A-F]+$/, good: true });
      t.match(told.plain, /^[^|[\]]+\|\]_\d\d:\d\d:\d\d,\d\d-\d\d-\d{4}$/);
      t.same(watch.transitions, ['pt-zone raised']);
      t.equal(
        watch.events[0]?.source_ts,
        Date.UTC(2026, 2, 1, 10, 20, 30),
        "the panel's own time of the event",
      );
      t.match(await dialler.call({ token: 'NULL', account: ACCOUNT, key, time }), {
        answer: /^"\*ACK"/,
        good: true,
      });
    },
  );
}

t.test(
  'an encrypted message is taken from 40 s before to 20 s after; outside it gets NAK with our time',
  async (t) => {
    const [key = ''] = KEYS;
    const clock = new TestClock();
    const { watch, dialler } = await begin(t, { key, clock });
    const at = (aheadS: number) => stampOf(clock.wallMs() + aheadS * 1_000);
    for (const aheadS of [-60, 40])
      t.same(await dialler.call({ ...ALARM, key, time: at(aheadS) }), {
        answer: `"NAK"0000R0L0A0[]${at(0)}`,
        good: true,
      });
    t.same(watch.transitions, []);
    t.match(watch.faults, [{ cause: 'panel-clock-offset' }], 'told once');
    for (const aheadS of [-30, 15])
      t.match(await dialler.call({ ...ALARM, key, time: at(aheadS) }), { answer: /^"\*ACK"/ });
    t.same(watch.transitions, ['pt-zone raised']);
  },
);

t.test(
  'a box that does not know the time loses no alarm by it, and takes nothing that is played again',
  async (t) => {
    const [key = ''] = KEYS;
    const clock = new TestClock();
    const { watch, dialler } = await begin(t, { key, clock });
    const at = (aheadS: number) => stampOf(clock.wallMs() + aheadS * 1_000);
    watch.trust = 'untrusted';
    t.match(await dialler.call({ ...ALARM, key, time: at(86_400) }), { answer: /^"\*ACK"/ });
    const older = await dialler.call({ ...RESTORE, key, time: at(86_400 - 60), wait: 0.3 });
    t.match(older, { answer: null }, 'no NAK: it would give the panel a time that nobody knows');
    t.same(watch.transitions, ['pt-zone raised']);
    t.match(watch.events[0], { clock: 'untrusted' });
    t.match(await dialler.call({ ...RESTORE, key, time: at(86_405) }), { answer: /^"\*ACK"/ });
    t.same(watch.transitions, ['pt-zone raised', 'pt-zone cleared']);
    watch.trust = 'synced';
    t.match(await dialler.call({ ...ALARM, key, sequence: '0003', time: at(86_410) }), { answer: /^"NAK"/ });
  },
);

t.test('a message in clear is taken whatever its time stamp says', async (t) => {
  const { watch, dialler } = await begin(t);
  t.match(await dialler.call({ ...ALARM, stamp: true, offset: -86_400 }), { answer: /^"ACK"/ });
  t.same(watch.transitions, ['pt-zone raised']);
});

t.test('what is well received but cannot be processed gets DUH, and is told with its cause', async (t) => {
  const [key = '', , other = ''] = KEYS;
  const clear = await begin(t);
  t.same(await clear.dialler.call({ ...ALARM, data: '#12345A|?' }), {
    answer: '"DUH"0001R0L0#12345A[]',
    good: true,
  });
  t.match(await clear.dialler.call({ ...ALARM, token: 'XSIA-DCS' }), { answer: /^"DUH"/ });
  t.match(await clear.dialler.call({ ...ALARM, key }), { answer: /^"DUH"/ }, 'no key is configured');
  t.same(
    clear.watch.faults.map(({ cause }) => cause),
    ['panel-protocol', 'panel-key-wrong'],
  );
  const keyed = await begin(t, { key, folder: t.testdir({ keyed: {} }) });
  t.match(await keyed.dialler.call(ALARM), { answer: /^"DUH"/ }, 'in clear, although the account has a key');
  t.match(await keyed.dialler.call({ ...ALARM, key: other }), { answer: /^"DUH"/ }, 'another key');
  t.same(
    keyed.watch.faults.map(({ cause }) => cause),
    ['panel-unencrypted', 'panel-key-wrong'],
  );
  t.same(keyed.watch.transitions, []);
});

t.test(
  'a message with a wrong CRC gets no answer, one of an unknown account DUH; each account is told once',
  async (t) => {
    const { watch, dialler } = await begin(t);
    t.match(await dialler.call({ ...ALARM, damage: true, wait: 0.3 }), { answer: null });
    await until(async () => watch.faults.length === 1);
    for (const account of ['BAD1', 'BAD2', 'BAD1', 'BAD2']) {
      const { answer, good } = await dialler.call({ ...ALARM, account });
      t.equal(answer, `"DUH"0001R0L0#${account}[]`);
      t.ok(good);
    }
    t.same(
      watch.faults.map(({ cause, detail }) => `${cause} ${/BAD./.exec(detail) ?? ''}`),
      ['panel-protocol ', 'panel-account-unknown BAD1', 'panel-account-unknown BAD2'],
    );
    t.same(watch.transitions, []);
  },
);

t.test('a repeated message is acknowledged again and is no second event, also after a restart', async (t) => {
  const folder = t.testdir();
  const test: Call = { token: 'SIA-DCS', account: ACCOUNT, data: '#12345A|NRP', sequence: '0007' };
  const first = await begin(t, { folder });
  for (let n = 0; n < 3; n += 1) t.match(await first.dialler.call(test), { answer: /^"ACK"0007/ });
  t.equal(first.watch.signals.length, 1);
  await first.watch.room.stop();
  const second = await begin(t, { folder });
  t.match(await second.dialler.call(test), { answer: /^"ACK"0007/ });
  t.equal(second.watch.signals.length, 1);
  t.match(await second.dialler.call({ ...test, sequence: '0008' }), { answer: /^"ACK"0008/ });
  t.equal(second.watch.signals.length, 2);
});

t.test('ever new accounts that nobody knows are counted together at last', async (t) => {
  const { watch, dialler } = await begin(t);
  for (let n = 0; n < 80; n += 1) {
    const account = `BAD${n.toString(16).toUpperCase()}`;
    t.match(await dialler.call({ ...ALARM, account }), { answer: /^"DUH"/ });
  }
  t.equal(watch.faults.length, 33);
});

t.test('a panel that numbers every message alike is heard, also when it says the same later', async (t) => {
  const clock = new TestClock();
  const { watch, dialler } = await begin(t, { clock });
  const test: Call = { ...ALARM, data: '#12345A|NRP' };
  const say = (call: Call) => dialler.call({ ...call, sequence: '0001' });
  for (const call of [ALARM, RESTORE, ALARM, RESTORE, test]) await say(call);
  t.equal(watch.transitions.length, 4);
  t.equal(watch.signals.length, 1);
  for (const [afterMs, told] of [
    [60_000, 1],
    [1, 2],
  ] as const) {
    await clock.advance(afterMs);
    t.match(await say(test), { answer: /^"ACK"/ });
    t.equal(watch.signals.length, told);
  }
});

t.test('a panel that begins its numbers anew is heard; a late datagram of before is not', async (t) => {
  const [key = ''] = KEYS;
  const clock = new TestClock();
  const { watch, dialler } = await begin(t, { key, clock });
  const at = (aheadS: number) => stampOf(clock.wallMs() + aheadS * 1_000);
  const raise: Call = { ...ALARM, key, sequence: '0001', time: at(-5) };
  for (const call of [raise, { ...RESTORE, key, sequence: '0002', time: at(0) }, raise])
    t.match(await dialler.call(call), { answer: /^"\*ACK"/ });
  t.same(watch.transitions, ['pt-zone raised', 'pt-zone cleared'], 'the same to its time stamp');
  t.match(await dialler.call({ ...raise, time: at(0) }), { answer: /^"\*ACK"/ });
  t.same(watch.transitions, ['pt-zone raised', 'pt-zone cleared', 'pt-zone raised']);
});

t.test('an encrypted message that is played again within the window clears nothing', async (t) => {
  const [key = ''] = KEYS;
  const clock = new TestClock();
  const timeWindow = { pastS: 3600, futureS: 20 };
  const folder = t.testdir();
  const first = await begin(t, { key, clock, timeWindow, folder });
  const at = (aheadS: number) => stampOf(clock.wallMs() + aheadS * 1_000);
  const cleared: Call = { ...RESTORE, key, sequence: '0006', time: at(-2) };
  const raised: Call = { ...ALARM, key, sequence: '0007', time: at(0) };
  for (const call of [cleared, raised]) t.match(await first.dialler.call(call), { answer: /^"\*ACK"/ });
  await clock.advance(35_000);
  t.match(await first.dialler.call(cleared), { answer: /^"\*ACK"/ }, 'a repetition');
  await first.watch.room.stop();
  const { watch, dialler } = await begin(t, { key, clock, timeWindow, folder });
  t.match(await dialler.call(cleared), { answer: /^"\*ACK"/ }, 'also after a restart');
  for (let n = 100; n < 240; n += 1) {
    await clock.advance(1_000);
    const test: Call = { ...ALARM, data: '#12345A|NRP', key, sequence: `0${n}`, time: at(0) };
    t.match(await dialler.call(test), { answer: /^"\*ACK"/ });
  }
  t.match(await dialler.call(cleared), { answer: /^"NAK"/ }, 'older than all that is remembered');
  t.notOk([...first.watch.transitions, ...watch.transitions].includes('pt-zone cleared'));
  t.equal(watch.shown('pt-zone').state, 'raised');
  t.match(await dialler.call({ ...cleared, sequence: '0240', time: at(0) }), { answer: /^"\*ACK"/ });
  t.equal(watch.transitions.at(-1), 'pt-zone cleared');
});

t.test(
  'a box that does not know the time takes nothing twice, however late it is played again',
  async (t) => {
    const [key = ''] = KEYS;
    const clock = new TestClock();
    const { watch, dialler } = await begin(t, { key, clock });
    watch.trust = 'untrusted';
    const at = (aheadS: number) => stampOf(clock.wallMs() + aheadS * 1_000);
    const test: Call = { ...ALARM, data: '#12345A|NRP', key, sequence: '0005', time: at(-2) };
    const cleared: Call = { ...RESTORE, key, sequence: '0006', time: at(-2) };
    const raised: Call = { ...ALARM, key, sequence: '0007', time: at(0) };
    const never: Call = { ...cleared, sequence: '0008', time: at(-1) };
    for (const call of [test, cleared, raised]) t.match(await dialler.call(call), { answer: /^"\*ACK"/ });
    t.match(await dialler.call({ ...never, wait: 0.3 }), { answer: null }, 'older than what was taken');
    await clock.advance(3_000_000);
    for (const call of [test, cleared, raised]) t.match(await dialler.call(call), { answer: /^"\*ACK"/ });
    t.same(watch.transitions, ['pt-zone raised']);
    t.equal(watch.signals.length, 2, 'the test, and the end of what had not begun');
  },
);

t.test('a time stamp anew is something new of a panel that numbers every message alike', async (t) => {
  for (const secret of SECRETS) {
    const { watch, say } = await stamped(t, secret);
    await say('NRP', '0001', -10);
    for (const aheadS of [-5, -5, 0]) await say('Nri1/PA009', '0001', aheadS);
    t.equal(watch.signals.length, 3);
  }
});

t.test(
  'of a panel that counts it is another try of the same, within a minute and after a restart',
  async (t) => {
    for (const secret of SECRETS) {
      const folder = t.testdir({ [`${Object.keys(secret).length}`]: {} });
      const first = await stamped(t, secret, { folder });
      for (const aheadS of [-20, -10]) await first.say('Nri1/PA009', '0001', aheadS);
      t.equal(first.watch.signals.length, 1, 'also its first message');
      for (const aheadS of [-5, 0]) await first.say('Nri1/PA009', '0002', aheadS);
      t.equal(first.watch.signals.length, 2);
      await first.watch.end();
      const { watch, clock, say } = await stamped(t, secret, { folder, clock: first.clock });
      await clock.advance(50_000);
      await say('Nri1/PA009', '0002', 5);
      t.equal(watch.signals.length, 2);
      await clock.advance(6_000);
      await say('Nri1/PA009', '0002', 0);
      t.equal(watch.signals.length, 3, 'later than any panel tries');
      await say('Nri1/PA009', '0002', -10);
      t.equal(watch.signals.length, 4, 'nor is it one that was sent before');
    }
  },
);

const SECRETS = [{}, { key: KEYS[0] ?? '' }];

/** A panel that writes a time stamp, in clear or encrypted. */
async function stamped(t: Test, secret: { key?: string }, { clock = new TestClock(), folder = '' } = {}) {
  const place = folder === '' ? t.testdir({ [`${Object.keys(secret).length}`]: {} }) : folder;
  const { watch, dialler } = await begin(t, { ...secret, clock, folder: place });
  const say = async (data: string, sequence: string, aheadS: number) => {
    const time = stampOf(clock.wallMs() + aheadS * 1_000);
    const told = await dialler.call({
      ...ALARM,
      ...secret,
      data: `#12345A|${data}`,
      sequence,
      stamp: true,
      time,
    });
    t.match(told, { answer: /^"\*?ACK"/ });
  };
  return { watch, clock, say };
}

t.test(
  'what raises no point is told by itself: unknown codes, other zones, reports, a second zone',
  async (t) => {
    const { watch, dialler } = await begin(t);
    const say = async (data: string, sequence: string) =>
      t.match(await dialler.call({ ...ALARM, data: `#12345A|${data}`, sequence }), { answer: /^"ACK"/ });
    await say('NQQ5^porte du fond^', '0001');
    await say('Nri1/FA009', '0002');
    await say('NRP', '0003');
    t.match(watch.signals, [
      {
        category: 'unknown',
        meaning: 'unknown',
        code_sia: 'QQ',
        zone: '5',
        text: 'porte du fond',
        sequence: '0001',
      },
      { category: 'fire', meaning: 'raised', severity: 'critical', zone: '9', code_contact_id: '1110' },
      { category: 'test', meaning: 'report', severity: 'info' },
    ]);
    t.same(watch.transitions, []);
  },
);

t.test(
  'silence is an alarm of its own point, its end another; the zones become unknown meanwhile',
  async (t) => {
    const clock = new TestClock();
    const silence: PanelPoint = {
      id: 'pt-silence',
      name: 'Centrale',
      kind: 'panel-silence',
      panel: 'panel-a',
      account: ACCOUNT,
    };
    const { watch, dialler } = await begin(t, { clock, points: [ZONE, silence], supervisionS: 60 });
    await dialler.call(ALARM);
    await clock.advance(59_000);
    await dialler.call({ token: 'NULL', account: ACCOUNT });
    await clock.advance(59_000);
    t.same(watch.transitions, ['pt-zone raised']);
    await clock.advance(15_000);
    t.same(watch.transitions, ['pt-zone raised', 'pt-silence raised']);
    t.match(watch.events[1], { cause: 'panel-silent', kind: 'panel-silence' });
    t.equal(watch.shown('pt-zone').state, 'unknown');
    await clock.advance(600_000);
    t.same(watch.failures, [], 'the point says it');
    await dialler.call({ token: 'NULL', account: ACCOUNT, sequence: '0002' });
    t.same(watch.transitions.at(-1), 'pt-silence cleared');
    t.equal(watch.shown('pt-zone').state, 'raised');
  },
);

t.test('each account of a panel has its own zones, its own key and its own silence', async (t) => {
  const clock = new TestClock();
  const [key = ''] = KEYS;
  const silenceOf = (id: string, account: string): PanelPoint => ({
    ...{ id, name: id, kind: 'panel-silence', panel: 'panel-a', account },
  });
  const points = [
    ZONE,
    { ...ZONE, id: 'pt-other', account: 'BEF0' },
    silenceOf('pt-silence', ACCOUNT),
    silenceOf('pt-other-silence', 'BEF0'),
  ];
  const others = [{ account: 'BEF0', supervisionS: 300, key: Buffer.from(key, 'hex') }];
  const { watch, dialler } = await begin(t, { clock, points, supervisionS: 60, others });
  const ofOther: Call = { ...ALARM, account: 'BEF0', data: '#BEF0|Nri1/BA005' };
  const encrypted = (call: Call) => dialler.call({ ...call, key, time: stampOf(clock.wallMs()) });
  t.match(await dialler.call(ALARM), { answer: /^"ACK"/ });
  t.match(await dialler.call(ofOther), { answer: /^"DUH"/ }, 'in clear, of the one that has a key');
  t.same(watch.transitions, ['pt-zone raised']);
  t.match(await encrypted(ofOther), { answer: /^"\*ACK"/ });
  t.same(watch.transitions, ['pt-zone raised', 'pt-other raised']);
  await clock.advance(75_000);
  const told = (end: string) => watch.transitions.filter((one) => one.endsWith(end));
  t.same(told('silence raised'), ['pt-silence raised'], 'who is silent is the one');
  t.match([watch.shown('pt-zone').state, watch.shown('pt-other').state], ['unknown', 'raised']);
  const sign: Call = { token: 'NULL', account: 'BEF0', sequence: '0002' };
  t.match(await encrypted(sign), { answer: /^"\*ACK"/ });
  t.same(told('silence cleared'), [], 'and the other does not speak for it');
  await clock.advance(295_000);
  t.same(told('other-silence raised'), []);
  await clock.advance(20_000);
  t.same(told('other-silence raised'), ['pt-other-silence raised']);
});

t.test('a point that its panel never clears is cleared by itself', async (t) => {
  const clock = new TestClock();
  const { watch, dialler } = await begin(t, { clock, points: [{ ...ZONE, clearsAfterS: 30 }] });
  await dialler.call(ALARM);
  await clock.advance(29_000);
  t.same(watch.transitions, ['pt-zone raised']);
  await clock.advance(3_000);
  t.same(watch.transitions, ['pt-zone raised', 'pt-zone cleared']);
  t.match(watch.events[1], { code_sia: 'BH', code_contact_id: '3130' });
});

t.test('a port that is taken is told with its cause, and opened when it is free', async (t) => {
  const clock = new TestClock();
  const first = await begin(t, { folder: t.testdir({ first: {} }) });
  await first.dialler.call({ token: 'NULL', account: ACCOUNT });
  const second = await begin(t, { clock, port: first.port, folder: t.testdir({ second: {} }) });
  await until(async () => {
    await clock.advance(2_000);
    return second.watch.failures.length > 0;
  });
  t.match(second.watch.failures, [{ cause: 'panel-port-unavailable', transition: 'raised' }]);
  await first.watch.room.stop();
  await until(async () => {
    await clock.advance(31_000);
    return second.watch.failures.length > 1;
  });
  t.equal(second.watch.failures[1]?.transition, 'cleared');
  t.match(await second.dialler.call(ALARM), { answer: /^"ACK"/ });
});

t.test('while the disk refuses nothing is acknowledged; the alarm goes up all the same', async (t) => {
  const disk = SmallDisk.mount(t, 'tmpfs');
  if (typeof disk === 'string') return t.pass(disk, { skip: true });
  const { watch, dialler } = await begin(t, { folder: disk.folder });
  t.match(await dialler.call({ token: 'NULL', account: ACCOUNT }), { answer: /^"ACK"/ });
  disk.fill(0);
  const told: (string | null)[] = [];
  for (let n = 1; watch.store.durable && n < 500; n += 1) {
    const sequence = String(n).padStart(4, '0');
    told.push((await dialler.call({ ...(n % 2 ? ALARM : RESTORE), sequence, wait: 0.3 })).answer);
    // One that was slow to be answered is taken before the next is sent.
    await until(async () => watch.transitions.length === n);
  }
  t.notOk(watch.store.durable);
  t.equal(told.at(-1), null, 'the first one that is not on disk is not acknowledged');
  t.equal(watch.transitions.length, told.length);
});

t.test('the window of time is inclusive and in whole seconds, and it can be set', async (t) => {
  const [key = ''] = KEYS;
  const clock = new TestClock();
  await clock.advance(1_000 - (clock.wallMs() % 1_000) + 900);
  const nowMs = clock.wallMs() - 900;
  for (const [timeWindow, pastS, futureS] of [
    [undefined, 40, 20],
    [{ pastS: 5, futureS: 300 }, 5, 300],
  ] as const) {
    const { dialler } = await begin(t, { key, clock, timeWindow, folder: t.testdir({ [`${pastS}`]: {} }) });
    const told = async (aheadS: number) => {
      const { answer } = await dialler.call({ ...ALARM, key, time: stampOf(nowMs + aheadS * 1_000) });
      return answer?.split('"')[1];
    };
    t.equal(await told(-pastS), '*ACK');
    t.equal(await told(-pastS - 1), 'NAK');
    t.equal(await told(futureS), '*ACK');
    t.equal(await told(futureS + 1), 'NAK');
    t.equal(
      (await dialler.call({ ...ALARM, key, time: '_00:00:00,00-00-0000' })).answer?.slice(0, 5),
      '"NAK"',
    );
  }
});

t.test('silent, half-closed and endless peers keep nobody out', async (t) => {
  const { watch, port, dialler } = await begin(t);
  const peers: Socket[] = [];
  t.teardown(() => peers.map((peer) => peer.destroy()));
  for (let n = 2; n < 40; n += 1) {
    for (let i = 0; i < 4; i += 1) {
      const peer = connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${n}` });
      peer.on('error', () => undefined);
      peers.push(peer);
    }
  }
  const endless = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.100' });
  endless.on('error', () => undefined);
  const closed = closing(endless);
  endless.write(`\n00000FFF"${'A'.repeat(20_000)}`);
  await closed;
  t.match(await dialler.call(ALARM), { answer: /^"ACK"/ });
  t.same(watch.transitions, ['pt-zone raised']);
});

t.test('an address that floods is slowed down, and another is answered at once', async (t) => {
  const clock = new TestClock();
  const { port, dialler } = await begin(t, { clock });
  const flood = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.9' });
  t.teardown(() => flood.destroy());
  flood.on('error', () => undefined);
  let answered = 0;
  flood.on('data', (bytes) => {
    answered += bytes.toString('latin1').split('\r').length - 1;
  });
  flood.write(NULL_MESSAGE);
  await until(async () => answered === 1);
  // Its address is known from now on, and begins a second of its own.
  await clock.advance(1_000);
  answered = 0;
  flood.write(Buffer.concat(Array.from({ length: 1_000 }, () => NULL_MESSAGE)));
  await until(async () => answered === 100);
  t.match(await dialler.call(ALARM), { answer: /^"ACK"/ }, 'in the same second');
  t.equal(answered, 100);
  for (let second = 2; second <= 10; second += 1) {
    await clock.advance(1_000);
    await until(async () => answered === second * 100);
  }
});

/** A peer on this address; what it hears is kept, and errors of the line are its own business. */
function peerOf(t: Test, port: number, localAddress: string): Socket & { readonly heard: () => string } {
  const peer = connect({ port, host: '127.0.0.1', localAddress });
  t.teardown(() => peer.destroy());
  let text = '';
  peer
    .on('error', () => undefined)
    .on('data', (bytes) => {
      text += bytes.toString('latin1');
    });
  return Object.assign(peer, { heard: () => text });
}

const NULL_MESSAGE = writeFrame({
  token: 'NULL',
  encrypted: false,
  sequence: '0000',
  line: '0',
  account: ACCOUNT,
  content: '[]',
  crcForm: 'text',
});

t.test('a panel that closes its side with the message hears the answer all the same', async (t) => {
  const { port } = await begin(t);
  const peer = peerOf(t, port, '127.0.0.1');
  peer.end(NULL_MESSAGE);
  await closing(peer);
  t.match(peer.heard(), /"ACK"0000L0#12345A\[\]\r$/);
});

t.test('a panel that breaks off and begins again on the same connection is heard', async (t) => {
  const { port } = await begin(t);
  const peer = peerOf(t, port, '127.0.0.1');
  peer.write(NULL_MESSAGE.subarray(0, 20));
  peer.write(NULL_MESSAGE);
  await once(peer, 'data');
  t.match(peer.heard(), /"ACK"/);
});

t.test('who never sends a whole message is cut off, one that has spoken is kept', async (t) => {
  const clock = new TestClock();
  const { port } = await begin(t, { clock });
  const spoken = peerOf(t, port, '127.0.0.2');
  spoken.write(NULL_MESSAGE);
  await once(spoken, 'data');
  const silent = peerOf(t, port, '127.0.0.3');
  const slow = peerOf(t, port, '127.0.0.4');
  slow.write(NULL_MESSAGE.subarray(0, 9));
  const babbling = peerOf(t, port, '127.0.0.5');
  const closed = [silent, slow, babbling].map(closing);
  babbling.write('x'.repeat(80_000));
  await closed[2];
  await until(async () => {
    await clock.advance(5_000);
    slow.write('A');
    return silent.destroyed && slow.destroyed;
  });
  await Promise.all(closed);
  spoken.write(NULL_MESSAGE);
  await once(spoken, 'data');
  t.notOk(spoken.destroyed);
});

t.test('connections that a panel lost without a word give way to its new one', async (t) => {
  const { port, dialler } = await begin(t);
  const old = Array.from({ length: 8 }, () => peerOf(t, port, '127.0.0.1'));
  await Promise.all(old.map((peer) => once(peer, 'connect')));
  const first = closing(old[0] as Socket);
  t.match(await dialler.call(ALARM), { answer: /^"ACK"/ });
  await first;
  t.equal(old.filter(({ destroyed }) => !destroyed).length, 7);
});

/** Resolves when the connection has ended, also where it was reset with bytes on their way. */
function closing(peer: Socket): Promise<void> {
  return new Promise((resolve) => peer.once('close', () => resolve()));
}

/** As a panel writes it: `_HH:MM:SS,MM-DD-YYYY`. */
function stampOf(wallMs: number): string {
  const [day = '', clock = ''] = new Date(wallMs).toISOString().split('T');
  const [year, month, date] = day.split('-');
  return `_${clock.slice(0, 8)},${month}-${date}-${year}`;
}

/** Waits, bounded by the time-out of the test, until what is asked for holds. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await systemClock.sleep(20);
}
