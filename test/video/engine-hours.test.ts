import t from 'tap';
import { createLog } from '../../agent/base/log.ts';
import { BytePool } from '../../agent/base/pool.ts';
import type { VideoCamera } from '../../agent/contract/video-link.ts';
import type { Destination } from '../../agent/video/destination.ts';
import { VideoEngine } from '../../agent/video/engine.ts';
import { TestClock } from '../support/test-clock.ts';
import { cameraAt } from './plane.ts';

const MINUTE_MS = 60_000;

/** Takes nothing; the engine is asked only which destinations a camera has. */
function nothing(id: string, began: () => void, ended: () => void): Destination {
  return {
    ...{ id, format: 'mp4', begin: began, take: () => undefined, streamEnded: () => undefined },
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
      hours: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '07:00', to: '19:00' }],
    },
    {
      id: 'dst-metropole',
      kind: 'mqtt',
      creditBytes: 1,
      hours: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '19:00', to: '07:00' }],
    },
  ],
});

t.test(
  'hours: the local centre by day, the metropolitan by night, one of them at each minute, also when clocks change',
  async (t) => {
    const beganMs = Date.UTC(2026, 9, 24, 0, 0); // the clocks go back in the night to 25 October
    let wallMs = beganMs;
    const clock = Object.assign(new TestClock(), { wallMs: () => wallMs });
    const active = new Set<string>();
    const changes: string[] = [];
    const paris = new Intl.DateTimeFormat('fr-FR', {
      timeZone: 'Europe/Paris',
      dateStyle: 'short',
      timeStyle: 'short',
    });
    const engine = new VideoEngine(
      {
        ...{
          clock,
          log: createLog('error', { write: () => undefined }),
          random: () => 0,
          pool: new BytePool(0),
        },
        pull: (_camera, _permit, _handlers, signal) =>
          new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
        permits: { acquire: () => new Promise(() => undefined) },
        destination: (_camera, { id }) =>
          nothing(
            id,
            () => {
              active.add(id);
              changes.push(`${paris.format(wallMs)} ${id}`);
            },
            () => active.delete(id),
          ),
        report: () => undefined,
      },
      { mediaOriginMs: 0 },
    );
    engine.setCameras([CAMERA]);
    let alone = true;
    for (; wallMs < beganMs + 3 * 24 * 60 * MINUTE_MS; wallMs += MINUTE_MS) {
      engine.reviewHours();
      await Promise.resolve();
      alone &&= active.size === 1;
    }
    t.ok(alone, 'always one and never both');
    t.same(changes, [
      '24/10/2026 02:00 dst-metropole',
      '24/10/2026 07:00 dst-local',
      '24/10/2026 19:00 dst-metropole',
      '25/10/2026 07:00 dst-local',
      '25/10/2026 19:00 dst-metropole',
      '26/10/2026 07:00 dst-local',
      '26/10/2026 19:00 dst-metropole',
    ]);
  },
);
