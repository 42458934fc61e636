import { createLog } from '../../agent/base/log.ts';
import { BytePool } from '../../agent/base/pool.ts';
import { CameraStream, type PullStream } from '../../agent/video/camera-stream.ts';
import { Feed } from '../../agent/video/feed.ts';
import { MediaClock } from '../../agent/video/media-clock.ts';
import { Meter } from '../../agent/video/meter.ts';
import { TestPermit } from '../camera/rtsp/pulling.ts';
import type { TestClock } from '../support/test-clock.ts';
import { cameraAt } from './plane.ts';

/** The stream of a camera that does what `pull` does, with its feed and its numbers. */
export function streamBy(clock: TestClock, pull: PullStream, random: () => number = () => 0) {
  const log = createLog('error', { write: () => undefined });
  const feed = new Feed(
    { clock: new MediaClock(0), pool: new BytePool(), random },
    { fragmentMs: 200, cacheBytes: 2 ** 20 },
  );
  const meter = new Meter(clock.monotonicMs());
  const permits = { acquire: async () => new TestPermit() };
  const stream = new CameraStream(
    { clock, log, random, pull, permits, feed, meter, report: () => undefined },
    cameraAt('cam-1', 'rtsp://192.0.2.1/live'),
  );
  return { stream, feed, meter };
}
