import t, { type Test } from 'tap';
import type { EventTracks } from '../../agent/alarms/onvif/event-tracks.ts';
import type { AlarmConfiguration, BoxView, ObjectBrokers } from '../../agent/alarms/ports.ts';
import type { Code } from '../../agent/base/codes.ts';
import { DeviceError } from '../../agent/base/errors.ts';
import { TestClock } from '../support/test-clock.ts';
import { CAMERA, POINT, ScriptedCamera, Watch } from './watch.ts';

/** One source of alarms as a test drives it. It feeds `point`, and perhaps others. */
export interface Rig {
  readonly point: string;
  readonly configuration: AlarmConfiguration;
  /** The cause that a lost source is told with. */
  readonly cause: Code;
  /** Its events, where the source is a camera. */
  readonly camera?: ScriptedCamera;
  /** The metadata tracks of the streams, where the source is one. */
  readonly tracks?: EventTracks;
  /** Brokers of the building, where the source is one. */
  readonly objectBrokers?: ObjectBrokers;
  /** The box, where it is the source. */
  readonly box?: BoxView;
  /** The source begins to say that the point is at rest; resolves when it was heard. */
  greet(): Promise<void>;
  /** The state changes and the source says so; resolves when it was heard. */
  say(active: boolean): Promise<void>;
  /** The source can no longer be heard, for as long as `lose` and `comeBack` are apart. */
  lose(): Promise<void>;
  /** The source is heard again, and the state is this one; resolves when it was heard. */
  comeBack(active: boolean): Promise<void>;
}

/** Makes the rig of a test; the room starts with its configuration after that. */
export type MakeRig = (t: Test, clock: TestClock) => Promise<Rig>;

const OTHER = { ...POINT, id: 'pt-other', camera: 'cam-other' };

interface Begun {
  readonly clock: TestClock;
  readonly rig: Rig;
  readonly watch: Watch;
  readonly other: ScriptedCamera;
}

async function begin(t: Test, make: MakeRig, folder = t.testdir()): Promise<Begun> {
  const clock = new TestClock();
  const rig = await make(t, clock);
  const other = new ScriptedCamera();
  const events = (camera: string) => (camera === OTHER.camera ? other : rig.camera);
  const watch = new Watch(folder, clock, events, rig.objectBrokers, rig.box, rig.tracks);
  t.teardown(() => watch.end());
  await watch.begin({
    ...rig.configuration,
    points: [...rig.configuration.points, OTHER],
    cameras: [...rig.configuration.cameras, { ...CAMERA, id: OTHER.camera }],
  });
  await clock.advance(0);
  await rig.greet();
  return { clock, rig, watch, other };
}

/** Lost for longer than any source is believed without being heard. */
async function away({ clock, rig }: Begun): Promise<void> {
  await rig.lose();
  await clock.advance(15_000);
}

/** The behaviour that every source has, whatever it speaks. */
export function sourceBehaviour(title: string, make: MakeRig): void {
  t.test(`${title}: an alarm is raised and cleared under one id, each told once`, async (t) => {
    const { rig, watch } = await begin(t, make);
    t.equal(watch.shown(rig.point).state, 'cleared');
    await rig.say(true);
    t.equal(watch.shown(rig.point).state, 'raised');
    await rig.say(false);
    const own = watch.events.filter(({ point }) => point === rig.point);
    t.same(
      own.map(({ transition }) => transition),
      ['raised', 'cleared'],
    );
    t.equal(own[0]?.alarm, own[1]?.alarm);
    t.type(own[0]?.source, 'string', 'the event says where it comes from');
  });

  t.test(`${title}: on loss the state becomes unknown, not cleared`, async (t) => {
    const begun = await begin(t, make);
    await begun.rig.say(true);
    await away(begun);
    t.equal(begun.watch.shown(begun.rig.point).state, 'unknown');
    t.same(begun.watch.transitions, [`${begun.rig.point} raised`]);
  });

  t.test(
    `${title}: a source that fails is an alarm, once, with its cause; cleared when it is back`,
    async (t) => {
      const begun = await begin(t, make);
      t.same(begun.watch.failures, []);
      await away(begun);
      await begun.clock.advance(600_000);
      const told = () => begun.watch.failures.map(({ transition, cause }) => `${transition} ${cause ?? ''}`);
      t.same(told(), [`raised ${begun.rig.cause}`]);
      const [raised] = begun.watch.failures;
      const { source } = begun.watch.events[0] ?? { source: raised?.source };
      t.match(raised, { source, severity: 'major', category: 'communication', code_sia: 'YC' });
      t.equal(begun.watch.shown(raised?.point).state, 'raised');
      await begun.rig.comeBack(false);
      t.same(told(), [`raised ${begun.rig.cause}`, 'cleared ']);
      t.equal(begun.watch.shown(raised?.point).state, 'cleared');
    },
  );

  t.test(`${title}: the failure of a source is known after a restart, and told no second time`, async (t) => {
    const folder = t.testdir();
    const first = await begin(t, make, folder);
    await away(first);
    const [raised] = first.watch.failures;
    await first.watch.room.stop();
    const second = await begin(t, make, folder);
    t.equal(second.watch.shown(raised?.point).alarm, raised?.alarm);
    await second.clock.advance(15_000);
    t.same(
      second.watch.failures.map(({ transition }) => transition),
      ['raised', 'cleared'],
      'it works since the restart',
    );
  });

  t.test(`${title}: a source that fails does not stop the others`, async (t) => {
    const begun = await begin(t, make);
    await away(begun);
    begun.other.input('1', true);
    t.equal(begun.watch.shown(OTHER.id).state, 'raised');
    await begun.other.lose(new DeviceError('camera-unreachable', 'cam-other: no answer'));
    await begun.rig.comeBack(true);
    t.equal(begun.watch.shown(begun.rig.point).state, 'raised');
  });

  for (const [before, after, told] of [
    [true, true, ['raised']],
    [true, false, ['raised', 'cleared']],
    [false, true, ['raised']],
    [false, false, []],
  ] as const) {
    t.test(`${title}: on return the difference is found: ${before} before, ${after} after`, async (t) => {
      const begun = await begin(t, make);
      const { rig, watch } = begun;
      if (before) await rig.say(true);
      await away(begun);
      await rig.comeBack(after);
      t.same(
        watch.transitions,
        told.map((transition) => `${rig.point} ${transition}`),
      );
      t.equal(watch.shown(rig.point).state, after ? 'raised' : 'cleared');
    });
  }

  t.test(`${title}: a kill doubles nothing: the same state after the start is no second alarm`, async (t) => {
    const folder = t.testdir();
    const first = await begin(t, make, folder);
    await first.rig.say(true);
    const [raised] = first.watch.events;
    // Not ended: the folder is as a kill leaves it. What still listens makes way.
    await first.watch.room.stop();
    const second = await begin(t, make, folder);
    await second.rig.say(true);
    const own = second.watch.events.filter(({ transition }) => transition === 'raised');
    t.equal(own[0]?.id, raised?.id);
    t.equal(second.watch.shown(second.rig.point).state, 'raised');
  });
}
