import { setImmediate as turn } from 'node:timers/promises';
import type { Test } from 'tap';
import { systemClock } from '../../agent/base/clock.ts';
import { UplinkError } from '../../agent/base/errors.ts';
import { BytePool } from '../../agent/base/pool.ts';
import type { AccessUnit, VideoTrack } from '../../agent/camera/types.ts';
import type { Gap, PausableDestination } from '../../agent/video/destination.ts';
import { Feed } from '../../agent/video/feed.ts';
import { MediaClock } from '../../agent/video/media-clock.ts';
import type { OutletEvents } from '../../agent/video/outlet.ts';
import { accessUnit } from '../support/access-unit.ts';
import { clip } from '../support/clips.ts';
import { until } from '../support/until.ts';
import { Taker } from './taker.ts';

/** A destination with a peer that this project did not write. */
export interface Rig {
  readonly destination: PausableDestination;
  /** Pictures that wait for their successor before they go out. */
  readonly held: number;
  /** The numbers of the pictures that the peer has, in the order in which they came. */
  received(): Promise<number[]>;
  /** The peer takes no byte any more, and takes them again. */
  stall(): void;
  resume(): void;
  /** The peer is gone, and comes back. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  /** The peer comes back, after `cut`, and refuses every login. @returns the codes of which one is told */
  refuse(): Promise<readonly string[]>;
}

export interface RigNeeds {
  readonly clock: typeof systemClock;
  readonly events: OutletEvents;
  readonly creditBytes: number;
}

export type MakeRig = (t: Test, needs: RigNeeds) => Promise<Rig>;

const MIB = 2 ** 20;
const GOP = 10;
const PICTURE_MS = 200;
const HOUR_MS = 3_600_000;
const BEGAN_WALL_MS = Date.UTC(2026, 0, 1);
const KEY_SLICE = 0x65;
const OTHER_SLICE = 0x41;
/** First slice of its picture. */
const STARTS = 0x88;
const NUMBER_AT = 2;

const [sps, pps] = clip('h264').parameterSets as [Buffer, Buffer];
const TRACK: VideoTrack = { codec: 'h264', clockRate: 90_000, parameterSets: { sps, pps }, sound: false };

export function wallMsOf(number: number): number {
  return BEGAN_WALL_MS + number * PICTURE_MS;
}

/**
 * Picture `number`, which carries its number; every tenth is a key picture.
 * @param aheadMs how far the clock of the camera is ahead, when it tells it
 */
function picture(number: number, bytes: number, aheadMs?: number): AccessUnit {
  const key = number % GOP === 0;
  const slice = Buffer.alloc(bytes, 1 + (number % 250));
  slice[0] = key ? KEY_SLICE : OTHER_SLICE;
  slice[1] = STARTS;
  slice[NUMBER_AT] = 0x80 | (number >> 7);
  slice[NUMBER_AT + 1] = 0x80 | (number & 0x7f); // no zeros: they would be a start code
  return accessUnit(key ? [sps, pps, slice] : [slice], {
    ...{ key, damaged: false, rtpTime: number * PICTURE_MS * 90 },
    receivedWallMs: wallMsOf(number),
    receivedMonotonicMs: number * PICTURE_MS,
    ...(aheadMs === undefined ? {} : { captureWallMs: wallMsOf(number) + aheadMs }),
  });
}

/** The number that a NAL unit of a picture carries; undefined for any other NAL unit. */
export function numberOf(nal: Buffer): number | undefined {
  if (nal[0] !== KEY_SLICE && nal[0] !== OTHER_SLICE) return undefined;
  return (((nal[NUMBER_AT] ?? 0) & 0x7f) << 7) | ((nal[NUMBER_AT + 1] ?? 0) & 0x7f);
}

/** A camera whose pictures come when the test says so, with one destination of the rig and one beside it. */
export class Scene {
  readonly gaps: Gap[] = [];
  readonly feed = new Feed(
    {
      clock: new MediaClock(0),
      pool: new BytePool(),
      random: Math.random,
    },
    { fragmentMs: PICTURE_MS, cacheBytes: 8 * MIB },
  );
  readonly rig: Rig;
  readonly beside: Taker;
  dropped = 0;
  /** From here on the camera tells its clock, which is ahead by this. */
  cameraAheadMs: number | undefined;
  #next = 0;

  private constructor(rig: Rig) {
    this.rig = rig;
    this.beside = new Taker(rig.destination.format);
    this.feed.attach(this.beside);
  }

  static async create(t: Test, make: MakeRig, creditBytes = 4 * MIB): Promise<Scene> {
    const late: { scene?: Scene } = {};
    const events: OutletEvents = {
      offered: () => undefined,
      sent: () => undefined,
      unsent: () => undefined,
      dropped: (frames) => {
        if (late.scene) late.scene.dropped += frames;
      },
      gap: (gap) => late.scene?.gaps.push(gap),
      changed: () => undefined,
    };
    const scene = new Scene(await make(t, { clock: systemClock, events, creditBytes }));
    late.scene = scene;
    scene.feed.streamBegins(TRACK);
    t.teardown(() => scene.feed.end());
    return scene;
  }

  /** Number of the next picture. */
  get next(): number {
    return this.#next;
  }

  /** Number of the last picture that has gone out. */
  get last(): number {
    return this.#next - 1 - this.rig.held;
  }

  attach(): void {
    this.feed.attach(this.rig.destination);
  }

  /** So many pictures come while no process is there. */
  leaveOut(count: number): void {
    this.#next += count;
  }

  push(count: number, bytes = 2_000): void {
    for (const end = this.#next + count; this.#next < end; this.#next += 1)
      this.feed.take(picture(this.#next, bytes, this.cameraAheadMs));
  }

  async reaches(...states: readonly string[]): Promise<void> {
    await until(() => states.includes(this.rig.destination.status().state));
  }

  /** Resolves with everything that the peer has when it has picture `number`. */
  async has(number: number): Promise<number[]> {
    return await until(async () => {
      const all = await this.rig.received();
      return all.includes(number) && all;
    });
  }
}

export const numbers = (from: number, until: number) =>
  Array.from({ length: until - from }, (_, i) => from + i);

/** The peer has a group of pictures and stops reading, until the credit is spent. @returns most bytes that waited */
async function blocked(scene: Scene): Promise<number> {
  const { destination } = scene.rig;
  scene.push(GOP);
  await scene.has(scene.last);
  scene.rig.stall();
  let worst = 0;
  while (destination.status().state !== 'blocked') {
    scene.push(1, 100_000);
    worst = Math.max(worst, destination.status().waitingBytes);
    await turn();
  }
  return worst;
}

/** What every destination does, whatever its protocol. */
export function destinationBehaves(t: Test, name: string, make: MakeRig): void {
  t.test(`${name}: a peer that keeps up gets every picture once and in order`, async (t) => {
    const scene = await Scene.create(t, make);
    scene.attach();
    scene.push(2); // some connect when they know what the pictures are
    await scene.reaches('flowing');
    scene.push(GOP * 3);
    await scene.has(scene.last);
    scene.feed.streamEnds();
    t.same(await scene.has(scene.next - 1), numbers(0, scene.next));
    const { frames, gaps, droppedFrames, lastError, bytes, state } = scene.rig.destination.status();
    t.same([frames, gaps, droppedFrames, lastError], [GOP * 3 + 2, 0, 0, undefined]);
    t.ok(bytes > frames * 2_000);
    t.equal(state, 'waiting');
  });

  t.test(`${name}: one that begins in the middle has the last key picture at once`, async (t) => {
    const scene = await Scene.create(t, make);
    scene.push(GOP + 6);
    scene.attach();
    t.same(await scene.has(scene.last), numbers(GOP, scene.last + 1), 'before another picture comes');
    scene.push(2);
    t.same(await scene.has(scene.last), numbers(GOP, scene.last + 1));
    t.same(scene.gaps, []);
  });

  t.test(
    `${name}: a peer that stops reading costs its credit, has a gap with exact times, and disturbs no other`,
    async (t) => {
      const creditBytes = MIB;
      const scene = await Scene.create(t, make, creditBytes);
      const { destination } = scene.rig;
      scene.attach();
      let worst = await blocked(scene);
      const { frames, lastError } = destination.status();
      t.match(lastError, { code: 'destination-slow', detail: /^expected at most 1048576 bytes to wait, / });
      scene.push(3 * GOP, 100_000);
      worst = Math.max(worst, destination.status().waitingBytes);
      t.ok(worst <= creditBytes, `${worst} bytes waited at most`);
      t.equal(destination.status().frames, frames, 'nothing more was handed over');
      scene.rig.resume();
      await until(() => destination.status().waitingBytes === 0);
      scene.push(1 + ((GOP - (scene.next % GOP)) % GOP) + GOP);
      const got = await scene.has(scene.last);
      const resumed = got.find((number, index) => index > 0 && number !== (got[index - 1] ?? 0) + 1) ?? 0;
      t.equal(resumed % GOP, 0, 'it goes on at a key picture');
      const sent = [...numbers(0, frames), ...numbers(resumed, scene.last + 1)];
      t.same(got, sent, 'and all else is there');
      const cause = 'destination-slow';
      const gap = { fromWallMs: wallMsOf(frames), untilWallMs: wallMsOf(resumed), frames: resumed - frames };
      t.same(scene.gaps, [{ ...gap, cause }]);
      t.equal(scene.dropped, resumed - frames);
      t.equal(scene.beside.frames, scene.last + 1, 'the other destination has every picture');
    },
  );

  t.test(`${name}: a peer that goes is told of, and gets pictures again when it is back`, async (t) => {
    const scene = await Scene.create(t, make);
    const { destination } = scene.rig;
    scene.attach();
    scene.push(GOP);
    await scene.has(scene.last);
    await scene.rig.cut();
    await scene.reaches('failed');
    t.ok(destination.status().lastError, 'the error is told');
    const before = scene.next;
    scene.push(3 * GOP);
    await scene.rig.mend();
    await scene.reaches('waiting', 'flowing');
    scene.push(GOP + 1);
    const got = (await scene.has(scene.last)).filter((number) => number > before);
    const resumed = got[0] ?? 0;
    t.equal(resumed % GOP, 0, 'from a key picture on');
    t.same(got, numbers(resumed, scene.last + 1));
    const [gap] = scene.gaps;
    t.equal(scene.gaps.length, 1);
    t.same([gap?.untilWallMs, gap?.frames], [wallMsOf(resumed), scene.dropped]);
    t.equal(gap?.fromWallMs, wallMsOf(resumed - scene.dropped), 'and tells what is missing');
  });

  t.test(
    `${name}: what waited as the connection was lost stands in the gap and is not counted as sent`,
    async (t) => {
      const scene = await Scene.create(t, make, MIB);
      const { destination } = scene.rig;
      scene.attach();
      await blocked(scene);
      const before = destination.status();
      await scene.rig.cut();
      scene.rig.resume();
      await scene.reaches('failed');
      const after = destination.status();
      t.equal(after.waitingBytes, 0);
      t.ok(after.frames < before.frames, `${before.frames} were handed over, ${after.frames} left`);
      t.ok(after.bytes < before.bytes);
      const reachedMs = before.reached?.until.wallMs ?? Number.POSITIVE_INFINITY;
      t.ok(reachedMs <= wallMsOf(after.frames), 'what waits does not count as reached');
      t.equal(after.frames + scene.dropped, scene.last + 1, 'every picture is the one or the other');
      await scene.rig.mend();
      await scene.reaches('waiting', 'flowing');
      scene.push(2 * GOP);
      const got = (await scene.has(scene.last)).slice(GOP);
      const [gap, ...more] = scene.gaps;
      t.same(more, []);
      t.equal(gap?.fromWallMs, wallMsOf(after.frames), 'the gap begins with the first that did not leave');
      t.equal(gap?.frames, scene.dropped);
      const resumed = after.frames + scene.dropped;
      t.equal(gap?.untilWallMs, wallMsOf(resumed));
      t.same(
        got.filter((number) => number >= after.frames && number < resumed),
        [],
        'and nothing in it came',
      );
      t.same(
        got.filter((number) => number >= resumed),
        numbers(resumed, scene.last + 1),
        'all after it did, once',
      );
    },
  );

  t.test(`${name}: a peer that lets nobody in is named, and everything meanwhile is a gap`, async (t) => {
    const scene = await Scene.create(t, make);
    const { destination } = scene.rig;
    scene.attach();
    scene.push(GOP);
    await scene.has(scene.last);
    await scene.rig.cut();
    await scene.reaches('failed');
    const codes = await scene.rig.refuse();
    await until(() => codes.includes(destination.status().lastError?.code ?? ''));
    const { frames, lastError } = destination.status();
    t.equal(destination.status().state, 'failed');
    t.notMatch(lastError?.detail, 'Geheim');
    scene.push(3 * GOP, 100_000);
    t.match(destination.status(), { state: 'failed', frames, waitingBytes: 0 }, 'nothing is kept for it');
    await scene.feed.detach(destination.id);
    t.same([scene.gaps.length, scene.gaps[0]?.frames], [1, scene.last + 1 - frames]);
    t.equal(scene.gaps[0]?.fromWallMs, wallMsOf(frames));
    t.equal(scene.beside.frames, scene.last + 1, 'the other destination has every picture');
  });

  for (const cameraAheadMs of [HOUR_MS, -HOUR_MS])
    t.test(
      `${name}: one that is paused gets nothing, goes on with the last key picture, and its gap is exact by the clock of the box when the camera tells another time in the middle (${cameraAheadMs} ms)`,
      async (t) => {
        const scene = await Scene.create(t, make);
        const { destination } = scene.rig;
        scene.attach();
        scene.push(GOP);
        await scene.has(scene.last);
        const { frames } = destination.status();
        destination.pause(new UplinkError('backbone-budget', 'expected at most 1 kbit/s, 2 are needed'));
        t.match(destination.status(), { state: 'paused', lastError: { code: 'backbone-budget' } });
        scene.push(GOP + 5);
        scene.cameraAheadMs = cameraAheadMs;
        scene.push(GOP);
        t.match(destination.status(), { state: 'paused', frames });
        destination.resume();
        scene.push(2);
        const got = await scene.has(scene.last);
        const resumed = got.find((number, index) => number !== index) ?? 0;
        t.same(got, [...numbers(0, frames), ...numbers(resumed, scene.last + 1)]);
        t.equal(resumed, 3 * GOP, 'from the last key picture on, at once');
        const gap = {
          fromWallMs: wallMsOf(frames),
          untilWallMs: wallMsOf(resumed),
          frames: resumed - frames,
        };
        t.same(scene.gaps, [{ ...gap, cause: 'backbone-budget' }]);
        await until(() => destination.status().waitingBytes === 0);
        t.match(destination.status(), {
          state: 'flowing',
          reached: { from: { wallMs: wallMsOf(0) }, until: { wallMs: wallMsOf(scene.last + 1) } },
        });
        t.equal(scene.beside.frames, scene.last + 1, 'the other destination has every picture');
      },
    );

  t.test(`${name}: an end is an end`, async (t) => {
    const scene = await Scene.create(t, make);
    scene.attach();
    scene.push(GOP);
    await scene.has(scene.last);
    const { frames } = scene.rig.destination.status();
    await scene.feed.detach(scene.rig.destination.id);
    scene.push(GOP);
    t.equal(scene.rig.destination.status().frames, frames);
    t.equal(scene.beside.frames, scene.last + 1);
  });
}
