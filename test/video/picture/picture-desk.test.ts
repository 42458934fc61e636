import t from 'tap';
import { InternalError } from '../../../agent/base/errors.ts';
import { createLog } from '../../../agent/base/log.ts';
import { type AccessUnit, NO_COUNTERS, type Permit, type VideoTrack } from '../../../agent/camera/types.ts';
import { type PictureReport, type VideoCamera, videoToAgent } from '../../../agent/contract/video-link.ts';
import type { PullHandlers } from '../../../agent/video/camera-stream.ts';
import { PictureDesk } from '../../../agent/video/picture/picture-desk.ts';
import {
  SMALL_PICTURE_BYTES,
  type SmallPicture,
  smallPicture,
} from '../../../agent/video/picture/small-picture.ts';
import { clip } from '../../support/clips.ts';

const { units, parameterSets } = clip('h264');
const keyFrames = units.filter(({ key }) => key);
const others = units.filter(({ key }) => !key);
const [sps, pps] = parameterSets;
const TRACK: VideoTrack = {
  codec: 'h264',
  clockRate: 90_000,
  parameterSets: { ...(sps && { sps }), ...(pps && { pps }) },
};

function accessUnit(nals: readonly Buffer[] = [], more: Partial<AccessUnit> = {}): AccessUnit {
  const times = { rtpTime: 0, receivedWallMs: 0, receivedMonotonicMs: 0 };
  const memory = { bytes: Buffer.alloc(0), hold: () => undefined, release: () => undefined };
  return { ...times, ...memory, nals, key: true, damaged: false, ...more };
}

const key = (index: number, more: Partial<AccessUnit> = {}) => accessUnit(keyFrames[index]?.nals, more);
const other = (index: number) => accessUnit(others[index]?.nals, { key: false });

/** A desk whose decoder waits until the test lets it go on, with streams that the test feeds. */
class Bench {
  readonly reports: PictureReport[] = [];
  readonly decoding: {
    stream: Buffer;
    done: (picture: SmallPicture) => void;
    fail: (error: Error) => void;
  }[] = [];
  readonly forwarded: string[] = [];
  readonly desk = new PictureDesk({
    log: createLog('error', { write: () => undefined }),
    decode: (_, stream) =>
      new Promise((done, fail) => {
        this.decoding.push({ stream, done, fail });
      }),
    report: (report) => this.reports.push(videoToAgent.parse(report) as PictureReport),
  });

  /** Begins a pull; ends with the signal. */
  stream(
    camera: string,
    signal = new AbortController().signal,
    profile: VideoCamera['profile'] = 'main',
  ): PullHandlers {
    const handlers = Promise.withResolvers<PullHandlers>();
    let given: PullHandlers | undefined;
    const pull = this.desk.watching(async (_entry, _permit, inner) => {
      given = inner;
      handlers.resolve(inner);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    });
    const ours: PullHandlers = {
      described: () => undefined,
      clockSaid: () => undefined,
      playing: () => undefined,
      accessUnit: ({ key: isKey }) => this.forwarded.push(`${camera} ${isKey ? 'key' : 'other'}`),
    };
    void pull({ camera, profile } as VideoCamera, {} as Permit, ours, signal);
    if (!given) throw new Error('the pull began late');
    given.described(TRACK, () => NO_COUNTERS);
    return given;
  }

  /** A look at this key frame, which is decoded. */
  async look(stream: PullHandlers, camera: string, index: number): Promise<void> {
    this.desk.look(camera, false);
    stream.accessUnit(key(index));
    this.decoding.at(-1)?.done(picture(50));
    await this.settle();
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 10; i += 1) await Promise.resolve();
  }
}

function picture(level: number): SmallPicture {
  return smallPicture(new Uint8Array(SMALL_PICTURE_BYTES).fill(level));
}

t.test(
  'picture: nothing is decoded unless the agent asks, and then one key frame with its parameter sets',
  async (t) => {
    const bench = new Bench();
    const stream = bench.stream('cam-a');
    stream.accessUnit(key(0));
    stream.accessUnit(other(0));
    t.equal(bench.decoding.length, 0);
    bench.desk.look('cam-a', false);
    stream.accessUnit(other(1));
    t.equal(bench.decoding.length, 0, 'a frame between key frames cannot be decoded');
    stream.accessUnit(key(1));
    stream.accessUnit(key(2));
    t.equal(bench.decoding.length, 1);
    const sent = bench.decoding[0]?.stream ?? Buffer.alloc(0);
    t.ok(sps && sent.includes(sps) && pps && sent.includes(pps));
    t.ok(keyFrames[1]?.nals.filter((nal) => (nal[0] ?? 0) % 32 === 5).every((nal) => sent.includes(nal)));
    bench.decoding[0]?.done(picture(100));
    await bench.settle();
    t.match(bench.reports, [
      { type: 'picture', camera: 'cam-a', stream: { keyFrames: 2, otherFrames: 2, width: 640 } },
    ]);
    t.strictSame(bench.forwarded, ['cam-a key', 'cam-a other', 'cam-a other', 'cam-a key', 'cam-a key']);
  },
);

t.test('picture: one picture at a time for the whole box, whatever is asked', async (t) => {
  const bench = new Bench();
  const streams = ['cam-a', 'cam-b', 'cam-c'].map((camera) => bench.stream(camera));
  for (const camera of ['cam-a', 'cam-b', 'cam-c']) bench.desk.look(camera, false);
  for (const stream of streams) stream.accessUnit(key(0));
  await bench.settle();
  t.equal(bench.decoding.length, 1);
  bench.decoding[0]?.fail(new InternalError('picture-decoder-failed', 'crashed'));
  await bench.settle();
  t.equal(bench.decoding.length, 2);
  bench.decoding[1]?.done(picture(1));
  await bench.settle();
  bench.decoding[2]?.done(picture(2));
  await bench.settle();
  t.match(bench.reports, [
    { camera: 'cam-a', code: 'picture-decoder-failed' },
    { camera: 'cam-b', picture: { mean: 1 } },
    { camera: 'cam-c', picture: { mean: 2 } },
  ]);
});

t.test(
  'picture: key frames that wait are bounded in bytes; what does not fit is taken at the next key frame',
  async (t) => {
    const bench = new Bench();
    const large = Buffer.concat([Buffer.from([0x65, 0x88]), Buffer.alloc(20 * 1024 * 1024, 7)]);
    const streams = ['cam-a', 'cam-b', 'cam-c'].map((camera) => bench.stream(camera));
    for (const camera of ['cam-a', 'cam-b', 'cam-c']) bench.desk.look(camera, false);
    for (const stream of streams) stream.accessUnit(accessUnit([large]));
    await bench.settle();
    bench.decoding[0]?.done(picture(1));
    await bench.settle();
    bench.decoding[1]?.done(picture(1));
    await bench.settle();
    t.strictSame(
      bench.reports.map(({ camera }) => camera),
      ['cam-a', 'cam-b'],
    );
    streams[2]?.accessUnit(accessUnit([large]));
    await bench.settle();
    t.equal(bench.decoding.length, 3);
  },
);

t.test('picture: a damaged key frame is not looked at', async (t) => {
  const bench = new Bench();
  const stream = bench.stream('cam-a');
  bench.desk.look('cam-a', false);
  stream.accessUnit(key(0, { damaged: true }));
  t.equal(bench.decoding.length, 0);
  stream.accessUnit(key(1));
  t.equal(bench.decoding.length, 1);
});

t.test('picture: a key frame with the bytes of the one before is told without being decoded', async (t) => {
  const bench = new Bench();
  const stream = bench.stream('cam-a');
  await bench.look(stream, 'cam-a', 0);
  bench.desk.look('cam-a', false);
  stream.accessUnit(key(0));
  await bench.settle();
  t.equal(bench.decoding.length, 1);
  t.match(bench.reports, [
    { picture: { mean: 50 } },
    {
      stream: { sameAsBefore: true, keyFrames: 1, repeatedKeyFrames: 1 },
      picture: undefined,
      code: undefined,
    },
  ]);
});

t.test('picture: what repeats a key frame that is still being decoded waits for it', async (t) => {
  const bench = new Bench();
  const stream = bench.stream('cam-a');
  await bench.look(stream, 'cam-a', 0);
  bench.desk.look('cam-a', false);
  stream.accessUnit(key(1));
  bench.desk.look('cam-a', false);
  stream.accessUnit(key(1));
  t.equal(bench.reports.length, 1, 'the picture of before is not told for it');
  bench.decoding[1]?.done(picture(60));
  await bench.settle();
  bench.decoding[2]?.done(picture(60));
  await bench.settle();
  t.match(bench.reports.slice(1), [{ picture: { mean: 60 } }, { stream: { sameAsBefore: true } }]);
});

t.test('picture: a stream that begins anew has no picture before', async (t) => {
  const bench = new Bench();
  const ending = new AbortController();
  const look = async (stream: PullHandlers, index: number) => {
    await bench.look(stream, 'cam-a', index);
    return bench.reports.at(-1)?.picture?.change;
  };
  const first = bench.stream('cam-a', ending.signal);
  t.equal(await look(first, 0), undefined);
  t.match(await look(first, 1), { pixels: 0 });
  ending.abort();
  await bench.settle();
  t.equal(await look(bench.stream('cam-a'), 2), undefined);
});

t.test(
  'picture: of a stream that has ended nothing is looked at or kept, also not what was under way',
  async (t) => {
    const bench = new Bench();
    const ending = new AbortController();
    const [first, blocking] = [bench.stream('cam-a', ending.signal), bench.stream('cam-b')];
    bench.desk.look('cam-a', false);
    first.accessUnit(key(0));
    bench.desk.look('cam-b', false);
    blocking.accessUnit(key(0));
    bench.desk.look('cam-a', false);
    first.accessUnit(key(1));
    ending.abort();
    await bench.settle();
    bench.decoding[0]?.done(picture(50));
    await bench.settle();
    t.same(bench.reports, [], 'the picture under way is thrown away');
    bench.decoding[1]?.done(picture(50));
    await bench.settle();
    t.same(
      bench.reports.map(({ camera }) => camera),
      ['cam-b'],
    );
    t.equal(bench.decoding.length, 2, 'the picture that waited is not decoded');
    const again = bench.stream('cam-a');
    again.accessUnit(key(2));
    t.equal(bench.decoding.length, 2, 'and nobody has asked for one of the next stream');
    bench.desk.look('cam-a', false);
    again.accessUnit(key(2));
    bench.decoding[2]?.done(picture(50));
    await bench.settle();
    t.equal(bench.reports.at(-1)?.picture?.change, undefined, 'nothing of before to compare with');
  },
);

t.test('picture: when the agent goes, what it asked for is forgotten', async (t) => {
  const bench = new Bench();
  const stream = bench.stream('cam-a');
  bench.desk.look('cam-a', false);
  bench.desk.forgetAll();
  stream.accessUnit(key(0));
  t.equal(bench.decoding.length, 0);
});

t.test(
  'picture: the next agent knows no picture: what has not changed is looked at anew for it',
  async (t) => {
    const bench = new Bench();
    const stream = bench.stream('cam-a');
    const look = async () => {
      bench.desk.look('cam-a', false);
      stream.accessUnit(key(0));
      bench.decoding.at(-1)?.done(picture(50));
      await bench.settle();
    };
    await look();
    bench.desk.forgetAll();
    bench.desk.look('cam-a', false);
    stream.accessUnit(key(0));
    bench.desk.forgetAll(); // while it is looked at
    bench.decoding.at(-1)?.done(picture(70));
    await bench.settle();
    await look();
    t.equal(bench.decoding.length, 3);
    t.match(bench.reports, [{ picture: { mean: 50 } }, { picture: { mean: 50 } }]);
  },
);

t.test('picture: looks that are asked for faster than they are taken do not pile up', async (t) => {
  const bench = new Bench();
  const [first, other] = [bench.stream('cam-a'), bench.stream('cam-b')];
  for (let n = 0; n < 50; n += 1) {
    for (const [camera, stream] of [['cam-a', first] as const, ['cam-b', other] as const]) {
      bench.desk.look(camera, false);
      stream.accessUnit(key(n % 2));
    }
  }
  for (let n = 0; n < 5; n += 1) {
    bench.decoding[n]?.done(picture(n));
    await bench.settle();
  }
  t.equal(bench.decoding.length, 3, 'the one under way, and one of each camera');
});

/** What the desk decodes, one after the other, each at once. */
async function decodedInTurn(bench: Bench, count: number): Promise<Buffer[]> {
  for (let n = bench.decoding.length; n <= count; n += 1) {
    bench.decoding[n - 1]?.done(picture(n));
    await bench.settle();
  }
  return bench.decoding.map(({ stream }) => stream);
}

t.test(
  'picture: who waited longest is next; what confirms goes before, but not twice in a row',
  async (t) => {
    const bench = new Bench();
    for (const [camera, confirms] of [
      ['cam-a', false],
      ['cam-b', false],
      ['cam-c', false],
      ['cam-d', true],
      ['cam-e', true],
      ['cam-f', true],
    ] as const) {
      const stream = bench.stream(camera);
      bench.desk.look(camera, confirms);
      stream.accessUnit(key(0));
    }
    await decodedInTurn(bench, 6);
    t.strictSame(
      bench.reports.map(({ camera }) => camera),
      ['cam-a', 'cam-d', 'cam-b', 'cam-e', 'cam-c', 'cam-f'],
    );
  },
);

t.test('picture: a key frame that waits gives way to the next one, and keeps its place', async (t) => {
  const bench = new Bench();
  const [a, b, c] = ['cam-a', 'cam-b', 'cam-c'].map((camera) => bench.stream(camera));
  for (const camera of ['cam-a', 'cam-b', 'cam-c']) bench.desk.look(camera, false);
  for (const stream of [a, b, c]) stream?.accessUnit(key(0));
  b?.accessUnit(other(0));
  b?.accessUnit(key(1));
  const decoded = await decodedInTurn(bench, 3);
  t.strictSame(
    bench.reports.map(({ camera, stream }) => [camera, stream.keyFrames, stream.otherFrames]),
    [
      ['cam-a', 1, 0],
      ['cam-b', 2, 1],
      ['cam-c', 1, 0],
    ],
  );
  const slices = (index: number) => keyFrames[index]?.nals.filter((nal) => (nal[0] ?? 0) % 32 === 5) ?? [];
  t.ok(slices(1).every((nal) => decoded[1]?.includes(nal)));
  t.notOk(slices(0).some((nal) => decoded[1]?.includes(nal)));
  b?.accessUnit(key(0));
  await bench.settle();
  t.equal(bench.decoding.length, 3, 'the look has been answered');
});

t.test('picture: what has the bytes of the look before does not wait behind other cameras', async (t) => {
  const bench = new Bench();
  const [a, b] = [bench.stream('cam-a'), bench.stream('cam-b')];
  await bench.look(a, 'cam-a', 0);
  bench.desk.look('cam-b', false);
  b.accessUnit(key(0));
  bench.desk.look('cam-a', true);
  a.accessUnit(key(0));
  t.match(bench.reports, [{ camera: 'cam-a' }, { camera: 'cam-a', stream: { sameAsBefore: true } }]);
});

t.test('picture: bytes that could not be decoded are decoded again, not taken for known', async (t) => {
  const bench = new Bench();
  const stream = bench.stream('cam-a');
  for (const index of [0, 1, 1]) {
    bench.desk.look('cam-a', false);
    stream.accessUnit(key(index));
    if (bench.decoding.length === 2)
      bench.decoding[1]?.fail(new InternalError('picture-decoder-failed', 'x'));
    else bench.decoding.at(-1)?.done(picture(50));
    await bench.settle();
  }
  t.equal(bench.decoding.length, 3);
  t.match(bench.reports, [{ picture: {} }, { code: 'picture-decoder-failed' }, { picture: {} }]);
});

t.test('picture: key frames that have begun to repeat are counted since they did', async (t) => {
  const bench = new Bench();
  const stream = bench.stream('cam-a');
  for (const unit of [key(0), other(0), key(1), other(1), key(1), other(1), key(1), other(1)])
    stream.accessUnit(unit);
  bench.desk.look('cam-a', false);
  stream.accessUnit(key(1));
  const [size] = others[1]?.nals.map((nal) => nal.length) ?? [];
  bench.decoding[0]?.done(picture(50));
  await bench.settle();
  t.match(bench.reports, [
    { stream: { keyFrames: 5, repeatedKeyFrames: 3, repeatedInARow: 3, bytesInARow: size } },
  ]);
  bench.desk.look('cam-a', false);
  stream.accessUnit(key(2));
  bench.decoding[1]?.done(picture(50));
  await bench.settle();
  t.match(bench.reports[1], { stream: { keyFrames: 1, repeatedInARow: 0, bytesInARow: 0 } });
});

t.test('desk: the second stream of a camera is not looked at', async (t) => {
  const bench = new Bench();
  const sub = bench.stream('cam-a', undefined, 'sub');
  const main = bench.stream('cam-a');
  bench.desk.look('cam-a', false);
  sub.accessUnit(key(0));
  t.equal(bench.decoding.length, 0);
  main.accessUnit(key(0));
  t.equal(bench.decoding.length, 1);
  t.strictSame(bench.forwarded, ['cam-a key', 'cam-a key'], 'both are forwarded');
});
