import t from 'tap';
import { ALL_CODES, CODES, type Code } from '../../agent/base/codes.ts';
import { sidesOf } from '../generate/errors.ts';
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
