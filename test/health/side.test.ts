import t from 'tap';
import { ALL_CODES, CODES, type Code } from '../../agent/base/codes.ts';
import type { Side } from '../../agent/contract/messages.ts';
import { Forwarding } from '../../agent/health/forwarding.ts';
import { sidesOf } from '../generate/errors.ts';
import { TestClock } from '../support/test-clock.ts';
import { KeptMemory, keptIn } from './kept-memory.ts';
import { Recorder } from './recorder.ts';
import { CAMERA, Watch } from './watch.ts';

const OF_CAMERA = ALL_CODES.filter(
  (code) => /^(camera|picture)-/.test(code) && ['device', 'peer'].includes(CODES[code].fault),
);
/** Told of what several cameras share, and never of one. */
const OF_SEGMENTS: readonly Code[] = ['camera-network-down'];

t.test('side: every cause names one, and each side has causes', async (t) => {
  for (const code of ALL_CODES) {
    const sides = sidesOf(code);
    t.ok(sides.length > 0 && !sides.includes('none'), code);
    const isNamed = code === 'camera-unreachable' || !sides.includes('unknown');
    t.ok(isNamed, `${code} leaves nothing open`);
  }
  const all = new Set(ALL_CODES.flatMap(sidesOf));
  for (const side of ['camera', 'local-network', 'box', 'backbone', 'centre', 'partner'] as const)
    t.ok(all.has(side), side);
});

/** What the camera is told with, of this owner, when its stream fails so. */
async function toldWith(code: Code, owner: 'commune' | 'partner') {
  const watch = new Watch();
  try {
    await watch.start([{ ...CAMERA, owner }]);
    await watch.well();
    if (code === 'camera-unreachable')
      Object.assign(watch.network, { rtsp: 'unreachable', onvif: 'unreachable' });
    if (code === 'camera-port-closed') watch.network.rtsp = 'closed';
    watch.stream('failed', { code });
    await watch.seconds(4, { frames: 0 });
    return watch.state;
  } finally {
    await watch.end();
  }
}

t.test(
  'side: each cause of a camera is told with the side of the reference, by whose camera it is',
  async (t) => {
    for (const code of OF_CAMERA.filter((one) => !OF_SEGMENTS.includes(one))) {
      const own = await toldWith(code, 'commune');
      const expected = code === 'camera-unreachable' ? 'unknown' : sidesOf(code)[0];
      t.match(own, { state: 'down', cause: code, side: expected }, code);
    }
    t.match(await toldWith('camera-closed', 'partner'), { side: 'partner' });
    t.match(await toldWith('camera-loss', 'partner'), { side: 'partner' });
  },
);

/** By hand: every code of the way to the centre, and what else a destination or a gap can be told with. */
const OF_DESTINATIONS: Readonly<Partial<Record<Code, Side>>> = {
  'broker-unreachable': 'backbone',
  'broker-silent': 'backbone',
  'broker-closed': 'backbone',
  'broker-refused': 'centre',
  'broker-tls-refused': 'centre',
  'broker-protocol': 'centre',
  'destination-unreachable': 'backbone',
  'destination-connecting': 'backbone',
  'destination-silent': 'backbone',
  'destination-closed': 'backbone',
  'destination-slow': 'backbone',
  'destination-login-refused': 'centre',
  'destination-refused': 'centre',
  'destination-protocol': 'centre',
  'destination-certificate': 'centre',
  'backbone-budget': 'backbone',
  'backbone-slow': 'backbone',
  'backbone-lossy': 'backbone',
  'backbone-full': 'backbone',
  'box-file-invalid': 'centre',
  'message-too-large': 'box',
  'video-process-down': 'box',
};

t.test('side: what the centre answered is its own, and each destination and gap says whose', async (t) => {
  const all = ALL_CODES.filter((code) => /^(broker|destination|backbone)-/.test(code));
  t.same(
    all.filter((code) => !OF_DESTINATIONS[code]),
    [],
    'each stands in the table',
  );
  for (const [code, side] of Object.entries(OF_DESTINATIONS) as [Code, Side][]) {
    const recorder = tellOf(code);
    t.match(recorder.of('measure', 'destination')[0]?.fields, { cause: code, side });
    t.match(recorder.of('event', 'gap')[0]?.fields, { cause: code, side });
  }
});

/** A destination whose last error has this code, and a gap of it. */
function tellOf(code: Code): Recorder {
  const clock = new TestClock();
  const recorder = new Recorder(clock);
  const forwarding = new Forwarding(
    { clock, reporter: recorder, ...keptIn(new KeptMemory()) },
    { machine: 'one' },
  );
  const of = { camera: 'cam-1', destination: 'dst-a' };
  forwarding.onDestination({
    ...{ ...of, kind: 'rtsp', state: 'failed', sinceWallMs: 0, bytes: 0, frames: 0, gaps: 1 },
    ...{ droppedFrames: 3, waitingBytes: 0, code, detail: '' },
  });
  forwarding.onGap(
    { ...of, fromWallMs: 1_000, untilWallMs: 2_000, frames: 3, code },
    { run: 'one', number: 1 },
  );
  return recorder;
}

t.test('side: a pause for the budget is of the backbone, and its end of nobody', async (t) => {
  const clock = new TestClock();
  const recorder = new Recorder(clock);
  const forwarding = new Forwarding(
    { clock, reporter: recorder, ...keptIn(new KeptMemory()) },
    { machine: 'one' },
  );
  const of = { camera: 'cam-1', destination: 'mqtt', kind: 'mqtt', limit: 'box', priority: 3 } as const;
  for (const paused of [true, false]) forwarding.onPause({ ...of, paused, budgetKbps: 100, neededKbps: 200 });
  t.match(
    recorder.of('event', 'pause').map(({ fields }) => [fields.transition, fields.cause, fields.side]),
    [
      ['paused', 'backbone-budget', 'backbone'],
      ['resumed', 'none', 'none'],
    ],
  );
});
