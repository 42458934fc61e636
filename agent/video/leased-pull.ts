import { InternalError } from '../base/errors.ts';
import type { LeasedCamera, VideoToAgent } from '../contract/video-link.ts';
import type { Lease } from '../trust/lease.ts';
import { CameraStream, type CameraStreamNeeds } from './camera-stream.ts';
import { Feed, type FeedNeeds } from './feed.ts';
import { type LeasedDestination, requireVerified } from './leased-destination.ts';
import { MediaClock } from './media-clock.ts';
import { Meter } from './meter.ts';
import type { Moment } from './moment.ts';

/** Nothing of a partner's camera is kept, not even for a recipient who begins. @see S2-09 */
const NO_CACHE_BYTES = 0;

export type LeasedPullNeeds = Omit<CameraStreamNeeds, 'feed' | 'meter'> & Pick<FeedNeeds, 'pool'>;

export interface LeasedPullOptions {
  /** Media time at monotonic time zero of this process, ms. */
  readonly mediaOriginMs: number;
}

/** The pull of a partner's camera: begun for a verified lease, and ended with the last one. */
export class LeasedPull {
  readonly camera: LeasedCamera;
  readonly #needs: LeasedPullNeeds;
  readonly #feed: Feed;
  readonly #meter: Meter;
  readonly #stream: CameraStream;
  readonly #leases = new Set<string>();
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  /** @throws InternalError when the lease is not verified, or is of another camera */
  constructor(needs: LeasedPullNeeds, options: LeasedPullOptions, camera: LeasedCamera, lease: Lease) {
    requireFor(lease, camera);
    this.camera = camera;
    this.#needs = needs;
    const { fragmentMs } = camera;
    const clock = new MediaClock(options.mediaOriginMs);
    this.#feed = new Feed(
      { clock, pool: needs.pool, random: needs.random },
      { fragmentMs, cacheBytes: NO_CACHE_BYTES },
    );
    this.#meter = new Meter(needs.clock.monotonicMs());
    this.#stream = new CameraStream({ ...needs, feed: this.#feed, meter: this.#meter }, camera);
  }

  /** @throws InternalError when the lease is not verified, or is of another camera */
  attach(lease: Lease, destination: LeasedDestination): void {
    requireFor(lease, this.camera);
    this.#leases.add(lease.id);
    this.#feed.attach(destination);
    this.#running ??= this.#run();
  }

  /** Ends the destination of the lease, and the pull with the last of them. @returns whether it was the last */
  detach(lease: string): boolean {
    this.#leases.delete(lease);
    void this.#feed.detach(lease);
    if (this.#leases.size > 0) return false;
    this.#stopping.abort();
    return true;
  }

  /** Resolves when nothing of it is left. */
  async ended(): Promise<void> {
    await this.#running;
    await this.#feed.end();
  }

  /** What was counted since the last call. */
  measure(now: Moment): VideoToAgent {
    return this.#meter.take(this.camera.camera, now);
  }

  get standing(): VideoToAgent {
    return this.#stream.standing;
  }

  async #run(): Promise<void> {
    await this.#stream.run(this.#stopping.signal).catch((err: unknown) => {
      this.#needs.log.error({ err, camera: this.camera.camera }, 'leased stream ended by a fault of ours');
    });
  }
}

function requireFor(lease: Lease, camera: LeasedCamera): void {
  requireVerified(lease);
  if (lease.camera === camera.camera) return;
  throw new InternalError('internal', `a lease of ${lease.camera} was to open ${camera.camera}`);
}
