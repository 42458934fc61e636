import t from 'tap';
import { Segments } from '../../agent/health/segments.ts';
import { sideOfCamera } from '../../agent/health/side.ts';
import type { Verdict } from '../../agent/health/verdict.ts';
import * as fc from '../support/properties.ts';

const OK: Verdict = { state: 'ok', cause: 'none', detail: '' };
const SILENT: Verdict = { state: 'down', cause: 'camera-unreachable', detail: '' };
const STALLED: Verdict = { state: 'down', cause: 'camera-stalled', detail: '' };
const CLOSED: Verdict = { state: 'down', cause: 'camera-port-closed', detail: '' };
const REFUSED: Verdict = { state: 'down', cause: 'camera-login-refused', detail: '' };
const UNKNOWN: Verdict = { state: 'unknown', cause: 'none', detail: '' };

const SWITCH = { id: 'seg-a', name: 'Commutateur', kind: 'switch' as const };
const RADIO = { id: 'seg-b', name: 'Liaison radio', kind: 'radio-link' as const };
const camera = (id: string, segment?: string) => ({ id, owner: 'commune' as const, segment });
const CAMERAS = [
  camera('a1', 'seg-a'),
  camera('a2', 'seg-a'),
  camera('a3', 'seg-a'),
  camera('b1', 'seg-b'),
  camera('b2', 'seg-b'),
  camera('alone'),
];

function looked(silent: Readonly<Record<string, number>>, nowMs = 100_000): Segments {
  const segments = new Segments();
  segments.apply([SWITCH, RADIO], CAMERAS);
  const times = [...new Set([...Object.values(silent), nowMs])].sort((a, b) => a - b);
  for (const at of times)
    segments.look(new Map(CAMERAS.map(({ id }) => [id, (silent[id] ?? at + 1) <= at ? SILENT : OK])), at);
  return segments;
}

const down = (segments: Segments) => segments.views().flatMap(({ id, down }) => (down ? [id] : []));

t.test('cameras of a segment that are all silent are one fault, and its consequence', async (t) => {
  const segments = looked({ a1: 0, a2: 50_000, a3: 90_000 });
  t.same(down(segments), ['seg-a']);
  t.equal(segments.causeOf('a1'), 'seg-a');
  t.equal(segments.causeOf('b1'), undefined);
  t.match(segments.views()[0], {
    side: 'local-network',
    unreachable: ['a1', 'a2', 'a3'],
    consequenceOf: undefined,
  });
});

t.test(
  'most of a segment is one fault when they fell silent together, and not when one after the other',
  async (t) => {
    t.same(down(looked({ a1: 80_000, a2: 90_000 })), ['seg-a']);
    t.same(down(looked({ a1: 10_000, a2: 90_000 })), []);
  },
);

t.test('one silent camera is its own fault where its neighbours answer', async (t) => {
  const segments = looked({ a1: 90_000 });
  t.same(down(segments), []);
  const around = { owner: 'commune', consequenceOf: undefined } as const;
  const side = (id: string, consequenceOf?: string) =>
    sideOfCamera('camera-unreachable', {
      ...around,
      consequenceOf,
      neighboursAnswer: segments.neighboursAnswer(id),
    });
  t.equal(side('a1'), 'camera');
  t.equal(side('a1', 'seg-a'), 'local-network');
  t.equal(sideOfCamera('camera-stalled', { ...around, neighboursAnswer: 'no' }), 'camera');
  t.equal(sideOfCamera('camera-stalled', { ...around, owner: 'partner', neighboursAnswer: 'no' }), 'partner');
  t.equal(sideOfCamera('camera-loss', { ...around, neighboursAnswer: 'yes' }), 'local-network');
  t.equal(sideOfCamera('video-process-down', { ...around, neighboursAnswer: 'yes' }), 'box');
  t.equal(sideOfCamera('none', { ...around, neighboursAnswer: 'yes' }), 'none');
});

t.test('several segments at once are a fault of all cameras, and they its consequence', async (t) => {
  const segments = looked({ a1: 90_000, a2: 90_500, a3: 91_000, b1: 92_000, b2: 93_000 });
  t.same(down(segments), ['seg-a', 'seg-b', 'seg-all']);
  t.equal(segments.causeOf('b2'), 'seg-all');
  t.same(
    segments.views().map(({ consequenceOf }) => consequenceOf),
    ['seg-all', 'seg-all', undefined],
  );
});

t.test('one segment that holds every silent camera explains them better than the whole', async (t) => {
  const segments = new Segments();
  const cameras = [camera('a1', 'seg-a'), camera('a2', 'seg-a'), camera('alone')];
  segments.apply([SWITCH], cameras);
  segments.look(new Map(cameras.map(({ id }) => [id, id === 'alone' ? OK : SILENT])), 0);
  t.same(down(segments), ['seg-a', 'seg-all']);
  t.equal(segments.causeOf('a1'), 'seg-a');
  t.equal(segments.views()[0]?.consequenceOf, undefined);
});

t.test('the fault ends when half of the cameras answer, and lasts while nothing is known', async (t) => {
  const segments = looked({ a1: 90_000, a2: 90_000, a3: 90_000 });
  const look = (a1: Verdict, a2: Verdict, a3: Verdict) => {
    segments.look(new Map([['a1', a1], ['a2', a2], ['a3', a3], ['b1', OK]]), 200_000); // biome-ignore format: a table
    return down(segments).includes('seg-a');
  };
  t.equal(look(UNKNOWN, UNKNOWN, UNKNOWN), true);
  t.equal(look(OK, SILENT, SILENT), true);
  t.equal(look(OK, STALLED, SILENT), true, 'one that answers and has no pictures is not back');
  t.equal(look(OK, OK, SILENT), false);
});

t.test(
  'cameras of a segment that lose their pictures together are one fault, and its consequence',
  async (t) => {
    const at = (segments: Segments, nowMs: number, a1: Verdict, a2: Verdict, a3: Verdict) => {
      segments.look(new Map([['a1', a1], ['a2', a2], ['a3', a3], ['b1', OK], ['b2', OK], ['alone', OK]]), nowMs); // biome-ignore format: a table
      return down(segments);
    };
    const begun = () => {
      const segments = new Segments();
      segments.apply([SWITCH, RADIO], CAMERAS);
      at(segments, 0, OK, OK, OK);
      return segments;
    };
    const together = begun();
    t.same(at(together, 10_000, STALLED, OK, OK), []);
    t.same(at(together, 12_000, STALLED, CLOSED, OK), ['seg-a'], 'most of it');
    t.same(at(together, 13_000, CLOSED, CLOSED, CLOSED), ['seg-a']);
    t.same(together.causeOf('a1'), 'seg-a');
    t.match(together.views()[0], { side: 'local-network', unreachable: [], lost: ['a1', 'a2', 'a3'] });
    t.equal(together.neighboursAnswer('a1'), 'yes', 'their ports answer');
    t.same(at(together, 400_000, OK, OK, CLOSED), [], 'what is left is its own fault');
    t.equal(together.causeOf('a3'), undefined);
    const apart = begun();
    at(apart, 10_000, STALLED, OK, OK);
    at(apart, 60_000, STALLED, CLOSED, OK);
    t.same(at(apart, 110_000, STALLED, CLOSED, CLOSED), [], 'one after the other');
    const logins = begun();
    t.same(
      at(logins, 10_000, REFUSED, REFUSED, REFUSED),
      [],
      'a password is nothing that cameras share a cable for',
    );
    const never = new Segments();
    never.apply([SWITCH, RADIO], CAMERAS);
    t.same(at(never, 0, CLOSED, CLOSED, CLOSED), [], 'never seen well: nobody knows since when');
  },
);

/** Looks at cameras of which only these are not well. */
function lookAt(segments: Segments, nowMs: number, verdicts: Readonly<Record<string, Verdict>>): string[] {
  segments.look(new Map(CAMERAS.map(({ id }) => [id, verdicts[id] ?? OK])), nowMs);
  return down(segments);
}

t.test('a camera that was dead before hides no fault of the others, and has no part in it', async (t) => {
  for (const before of [SILENT, CLOSED])
    for (const cause of [SILENT, CLOSED]) {
      const segments = new Segments();
      segments.apply([SWITCH, RADIO], CAMERAS);
      lookAt(segments, 0, { a1: before });
      lookAt(segments, 1_000, {});
      lookAt(segments, 2_000, { a1: before });
      const lost = { a1: before, a2: cause, a3: cause };
      t.same(lookAt(segments, 900_000, lost), ['seg-a']);
      const all = before === SILENT && cause === SILENT; // nobody of them says whether the network is there
      t.same(segments.views()[0]?.lost, all ? ['a1', 'a2', 'a3'] : ['a2', 'a3']);
      t.same(lookAt(segments, 960_000, { a1: before }), [], 'it is over without that one');
    }
  const elsewhere = new Segments();
  const cameras = ['a1', 'a2', 'a3', 'a4', 'a5'].map((id) => camera(id, 'seg-a'));
  elsewhere.apply([SWITCH], [...cameras, camera('b1')]);
  const look = (nowMs: number, ofA: Verdict) =>
    elsewhere.look(new Map([...cameras.map(({ id }) => [id, ofA] as const), ['b1', CLOSED]]), nowMs);
  look(0, OK);
  look(900_000, SILENT);
  t.equal(elsewhere.causeOf('a1'), 'seg-a', 'the narrowest that explains what was lost together');
});

t.test('cameras that died one after the other did not die together because nobody looked', async (t) => {
  for (const dead of [SILENT, CLOSED]) {
    const dying = () => {
      const segments = new Segments();
      segments.apply([SWITCH, RADIO], CAMERAS);
      lookAt(segments, 0, {});
      lookAt(segments, 100_000, { a1: dead });
      t.same(lookAt(segments, 200_000, { a1: dead, a2: dead }), []);
      return segments;
    };
    const configured = dying();
    configured.apply([SWITCH, RADIO], CAMERAS);
    t.same(lookAt(configured, 201_000, { a1: dead, a2: dead }), [], 'a change of the configuration');
    const unseen = dying();
    lookAt(unseen, 201_000, { a1: UNKNOWN, a2: UNKNOWN });
    t.same(lookAt(unseen, 202_000, { a1: dead, a2: dead }), [], 'a start of the video process');
  }
});

t.test('two dead cameras are no fault of the network while nothing is known of the others', async (t) => {
  const segments = new Segments();
  segments.apply([SWITCH, RADIO], CAMERAS);
  const look = (others: Verdict, nowMs: number) =>
    segments.look(
      new Map(CAMERAS.map(({ id }) => [id, id === 'a1' || id === 'b1' ? SILENT : others])),
      nowMs,
    );
  for (const [others, nowMs] of [
    [UNKNOWN, 1_000],
    [OK, 3_000],
    [UNKNOWN, 900_000],
    [OK, 960_000],
  ] as const) {
    look(others, nowMs);
    t.same(down(segments), [], `at ${nowMs}`);
    t.equal(segments.causeOf('a1'), undefined);
  }
  look(SILENT, 970_000);
  t.same(down(segments), ['seg-a', 'seg-b', 'seg-all']);
  look(UNKNOWN, 980_000);
  t.same(down(segments), ['seg-all'], 'what was known to be down lasts while no more is known');
});

t.test('while most of its cameras may be lost, nobody knows whether a segment is well', async (t) => {
  const segments = new Segments();
  segments.apply([SWITCH, RADIO], CAMERAS);
  const look = (a1: Verdict, a2: Verdict, a3: Verdict) => {
    lookAt(segments, 1_000, { a1, a2, a3 });
    const [{ down, unknown } = {}, , all] = segments.views();
    t.equal(all?.unknown, false, 'the others are well');
    return { down, unknown };
  };
  t.same(look(OK, UNKNOWN, UNKNOWN), { down: false, unknown: true });
  t.same(look(OK, SILENT, UNKNOWN), { down: false, unknown: true });
  t.same(look(OK, OK, UNKNOWN), { down: false, unknown: false });
  t.same(look(OK, SILENT, SILENT), { down: true, unknown: false });
  t.same(look(OK, UNKNOWN, UNKNOWN), { down: false, unknown: true }, 'of what was lost nothing is known now');
});

t.test('cameras that are set aside for work do not count among those that may answer', async (t) => {
  const segments = new Segments();
  segments.apply([SWITCH], CAMERAS.slice(0, 3));
  segments.look(
    new Map([
      ['a1', SILENT],
      ['a2', SILENT],
    ]),
    0,
  );
  t.same(down(segments), ['seg-a', 'seg-all']);
});

t.test('a change of the configuration keeps what is down, and forgets a segment that is gone', async (t) => {
  const segments = looked({ a1: 90_000, a2: 90_000, a3: 90_000 });
  segments.apply([SWITCH, RADIO], CAMERAS);
  t.same(down(segments), ['seg-a']);
  segments.apply([RADIO], CAMERAS.map(({ id, owner, segment }) => ({ id, owner, segment: segment === 'seg-a' ? undefined : segment }))); // biome-ignore format: short
  t.same(down(segments), []);
});

t.test('a change of the configuration forgets nothing until the next look', async (t) => {
  const segments = new Segments();
  segments.apply([SWITCH, RADIO], CAMERAS);
  lookAt(segments, 0, {});
  lookAt(segments, 10_000, { a1: STALLED, a2: STALLED, a3: SILENT });
  const before = segments.views();
  t.match(before[0], { down: true, unknown: false, lost: ['a1', 'a2', 'a3'], unreachable: ['a3'] });
  segments.apply([SWITCH, RADIO], CAMERAS);
  t.same(segments.views(), before);
  segments.apply([SWITCH, RADIO], [...CAMERAS, camera('a4', 'seg-a'), camera('a5', 'seg-a')]);
  t.match(
    segments.views()[0],
    { down: true, lost: ['a1', 'a2', 'a3'] },
    'also with cameras of which nothing is known',
  );
});

t.test(
  'whatever the cameras say: a fault names two lost cameras at least, and explains lost ones alone',
  async (t) => {
    const verdict = fc.constantFrom(OK, SILENT, SILENT, STALLED, REFUSED, UNKNOWN);
    const look = fc.record({ stepMs: fc.nat(20_000), verdicts: fc.tuple(...CAMERAS.map(() => verdict)) });
    let faults = 0;
    fc.assert(
      fc.property(fc.array(look, { maxLength: 12 }), (looks) => {
        const segments = new Segments();
        segments.apply([SWITCH, RADIO], CAMERAS);
        let nowMs = 0;
        let before = new Set<string>();
        for (const { stepMs, verdicts } of looks) {
          nowMs += stepMs;
          const said = new Map(CAMERAS.map(({ id }, index) => [id, verdicts[index] ?? OK]));
          segments.look(said, nowMs);
          const views = segments.views();
          for (const view of views) {
            if (!view.down) continue;
            faults += 1;
            const nothingKnown = view.cameras.every((id) => said.get(id) === UNKNOWN);
            if (!nothingKnown && view.lost.length < 2) throw new Error(`${view.id} by ${view.lost}`);
            if (!before.has(view.id) && view.lost.length < (view.cameras.length * 2) / 3)
              throw new Error(`${view.id} began by ${view.lost} of ${view.cameras}`);
          }
          before = new Set(views.flatMap((view) => (view.down ? [view.id] : [])));
          for (const { id } of CAMERAS) {
            const cause = segments.causeOf(id);
            if (cause === undefined) continue;
            if (![SILENT, STALLED].includes(said.get(id) ?? OK))
              throw new Error(`${id} answers, and is explained by ${cause}`);
            if (!views.some((view) => view.id === cause && view.down && view.cameras.includes(id)))
              throw new Error(`${id} is explained by ${cause}, which is well`);
          }
        }
      }),
      { numRuns: 2_000 },
    );
    t.ok(faults > 100, `${faults} faults were seen`);
  },
);
