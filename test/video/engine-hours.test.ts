import { setImmediate as turn } from 'node:timers/promises';
import { queryObjects } from 'node:v8';
import t from 'tap';
import { createLog } from '../../agent/base/log.ts';
import { BytePool } from '../../agent/base/pool.ts';
import type { Permit } from '../../agent/camera/types.ts';
import type { VideoCamera, VideoToAgent } from '../../agent/contract/video-link.ts';
import type { PausableDestination, Reached } from '../../agent/video/destination.ts';
import { VideoEngine } from '../../agent/video/engine.ts';
import { TestClock } from '../support/test-clock.ts';
import { cameraAt } from './plane.ts';

const MINUTE_MS = 60_000;
const PARIS = new Intl.DateTimeFormat('fr-FR', {
  timeZone: 'Europe/Paris',
  weekday: 'short',
  hour: '2-digit',
  minute: '2-digit',
});
const log = createLog('error', { write: () => undefined });

/** Takes nothing; the engine is asked only which destinations a camera has. */
function nothing(id: string, began: () => void, ended: () => void, reached?: Reached): PausableDestination {
  return {
    ...{
      id,
      format: 'mp4',
      begin: began,
      take: () => undefined,
      pause: () => undefined,
      resume: () => undefined,
      streamEnded: () => undefined,
    },
    status: () => ({
      ...{
        state: 'waiting',
        sinceWallMs: 0,
        bytes: 0,
        frames: 0,
        gaps: 0,
        droppedFrames: 0,
        waitingBytes: 0,
      },
      ...(reached ? { reached } : {}),
    }),
    end: async () => ended(),
  };
}

const CAMERA: VideoCamera = cameraAt('cam-a', 'rtsp://127.0.0.1/a', {
  destinations: [
    {
      id: 'dst-local',
      kind: 'mqtt',
      creditBytes: 1,
      hours: ['* 7-18 * * *'],
    },
    {
      id: 'dst-metropole',
      kind: 'mqtt',
      creditBytes: 1,
      hours: ['* 19-23 * * *', '* 0-6 * * *'],
    },
  ],
});

type EngineNeeds = ConstructorParameters<typeof VideoEngine>[0];

/** An engine without budget. */
function engineOf(
  needs: Pick<EngineNeeds, 'clock' | 'pull' | 'permits' | 'destination'>,
  report: EngineNeeds['report'] = () => undefined,
): VideoEngine {
  const pool = new BytePool();
  const backbone = { join: () => ({ offered: () => undefined, leave: () => undefined }) };
  const others = { log, random: () => 0, pool, backbone, report };
  return new VideoEngine({ ...needs, ...others }, { mediaOriginMs: 0 });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
}

const NIGHTS = [
  ['in spring', Date.UTC(2026, 2, 28), 'the clocks go forward in the night to 29 March'],
  ['in autumn', Date.UTC(2026, 9, 24), 'and back in the night to 25 October'],
] as const;

/** Minutes after the beginning of the Saturday, UTC, in which the process is away: over a swap, in the night, at noon. */
const AWAY = [
  [17 * 60 - 5, 18 * 60 + 5],
  [25 * 60 + 10, 25 * 60 + 20],
  [35 * 60, 35 * 60 + 1],
] as const;

/** A process with this one camera. @param active the destinations that it has now */
function started(clock: TestClock, active: Set<string>, began: (id: string) => void): VideoEngine {
  const engine = engineOf({
    clock,
    pull: (_camera, _permit, _handlers, signal) => aborted(signal),
    permits: { acquire: () => new Promise(() => undefined) },
    destination: (_camera, { id }) =>
      nothing(
        id,
        () => {
          active.add(id);
          began(id);
        },
        () => active.delete(id),
      ),
  });
  engine.setCameras([CAMERA]);
  return engine;
}

for (const [when, beganMs, why] of NIGHTS) {
  t.test(
    `hours: local by day, metropolitan by night, one of them at each minute, ${when}: ${why}, and the process starts anew`,
    async (t) => {
      let wallMs: number = beganMs;
      const clock = Object.assign(new TestClock(), { wallMs: () => wallMs });
      const changes: string[] = [];
      const began = (id: string) => changes.push(`${PARIS.format(wallMs)} ${id}`);
      let active = new Set<string>();
      let engine: VideoEngine | undefined = started(clock, active, began);
      let alone = true;
      for (let minute = 0; minute < 2 * 24 * 60; minute += 1, wallMs += MINUTE_MS) {
        if (AWAY.some(([from, until]) => minute >= from && minute < until)) {
          engine = undefined;
          continue;
        }
        if (!engine) active = new Set();
        engine ??= started(clock, active, began);
        engine.reviewHours();
        await Promise.resolve();
        alone &&= active.size === 1;
      }
      t.ok(alone, 'always one and never both, from the first minute of each process');
      t.match(changes.slice(1), [
        /^sam.* 07:00 dst-local$/,
        /^sam.* (19|20):05 dst-metropole$/,
        /^dim.* 0[23]:20 dst-metropole$/,
        /^dim.* 07:00 dst-local$/,
        /^dim.* 1[23]:01 dst-local$/,
        /^dim.* 19:00 dst-metropole$/,
      ]);
      t.equal(changes.length, 7);
    },
  );
}

t.test('hours: two days of minutes leave nothing behind beside a pull that goes on', async (t) => {
  const clock = new TestClock();
  const pulls = new Set<AbortSignal>();
  const engine = engineOf({
    clock,
    pull: (_camera, _permit, _handlers, signal) => {
      pulls.add(signal);
      return aborted(signal);
    },
    permits: { acquire: async () => ({ release: () => undefined }) as Permit },
    destination: (_camera, { id }) =>
      nothing(
        id,
        () => undefined,
        () => undefined,
      ),
  });
  engine.setCameras([CAMERA]);
  await turn();
  t.equal(pulls.size, 1, 'it is pulled');
  const before = queryObjects(Promise, { format: 'count' });
  for (let minute = 0; minute < 2 * 24 * 60; minute += 1) {
    engine.reviewHours();
    engine.setViewed(new Set());
    await turn();
  }
  const more = queryObjects(Promise, { format: 'count' }) - before;
  t.ok(more < 100, `expected a handful of promises more than before, there are ${more}`);
  t.equal(pulls.size, 1, 'in the same pull');
  await engine.stop();
  t.ok([...pulls].every(({ aborted }) => aborted));
});

t.test('hours: what a destination has is told in its hours, so that what it misses is known', async (t) => {
  const clock = new TestClock(Date.UTC(2026, 5, 1, 10)); // noon in Paris
  const told: VideoToAgent[] = [];
  const moment = { wallMs: 0, monotonicMs: 0 };
  const reached = { from: moment, until: moment, seen: moment };
  const none = () => undefined;
  const engine = engineOf(
    {
      clock,
      pull: (_camera, _permit, _handlers, signal) => aborted(signal),
      permits: { acquire: async () => ({ release: none }) as unknown as Permit },
      destination: (_camera, { id }) => nothing(id, none, none, reached),
    },
    (message) => told.push(message),
  );
  await engine.start(new AbortController().signal);
  engine.setCameras([CAMERA]);
  await clock.advance(1_000);
  const of = told.flatMap((one) => (one.type === 'reached' ? [one.destination] : []));
  t.same(of, ['dst-local']);
  await engine.stop();
});
