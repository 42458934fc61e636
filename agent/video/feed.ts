import type { AccessUnit, VideoTrack } from '../camera/types.ts';
import type { Chunk, Destination, Format, Source } from './destination.ts';
import { GopCache } from './gop-cache.ts';
import type { MediaClock } from './media-clock.ts';
import { Muxer } from './muxer.ts';
import type { StreamSetup } from './parameter-sets.ts';

export interface FeedNeeds {
  readonly clock: MediaClock;
}

export interface FeedOptions {
  /** About the duration of an MP4 chunk. */
  readonly fragmentMs: number;
  /** Most bytes of a group of pictures that are kept for destinations that begin. */
  readonly cacheBytes: number;
}

/**
 * The pictures of one pull, to every destination of the camera: framed once per format, whatever the number of
 * destinations. It outlives the pulls.
 */
export class Feed implements Source {
  readonly #needs: FeedNeeds;
  #options: FeedOptions;
  readonly #destinations = new Map<string, Destination>();
  #cache: GopCache;
  #muxer: Muxer | undefined;

  constructor(needs: FeedNeeds, options: FeedOptions) {
    this.#needs = needs;
    this.#options = options;
    this.#cache = new GopCache(options.cacheBytes);
  }

  destination(id: string): Destination | undefined {
    return this.#destinations.get(id);
  }

  /** What the pictures are; undefined until the parameter sets are known, and between pulls. */
  get setup(): StreamSetup | undefined {
    return this.#muxer?.setup;
  }

  /** Time stamps of this stream that jumped and were repaired. */
  get timestampRepairs(): number {
    return this.#muxer?.timestampRepairs ?? 0;
  }

  recent(format: Format): readonly Chunk[] {
    return format === 'mp4' ? this.#cache.recent : [];
  }

  /** From now on the destination gets what comes, beginning with the last key picture when the cache holds it. */
  attach(destination: Destination): void {
    this.#destinations.set(destination.id, destination);
    destination.begin(this);
  }

  /** Ends the destination of this name, when there is one. */
  async detach(id: string): Promise<void> {
    const destination = this.#destinations.get(id);
    this.#destinations.delete(id);
    await destination?.end();
  }

  /** For the pulls that begin from now on. */
  change(options: FeedOptions): void {
    this.#options = options;
  }

  streamBegins(track: VideoTrack): void {
    const { fragmentMs, cacheBytes } = this.#options;
    this.#cache.clear();
    this.#cache = new GopCache(cacheBytes);
    this.#muxer = new Muxer({ clock: this.#needs.clock }, { track, fragmentMs });
  }

  take(unit: AccessUnit): void {
    this.#emit(this.#muxer?.push(unit));
  }

  /** Ends every destination. */
  async end(): Promise<void> {
    await Promise.all([...this.#destinations.keys()].map((id) => this.detach(id)));
  }

  /** What is left goes out, and nothing is kept: what comes next does not refer to it. */
  streamEnds(): void {
    this.#emit(this.#muxer?.flush());
    this.#muxer = undefined;
    this.#cache.clear();
    for (const destination of this.#destinations.values()) destination.streamEnded();
  }

  #emit(chunk: Chunk | undefined): void {
    if (!chunk) return;
    this.#cache.take(chunk);
    for (const destination of this.#destinations.values()) destination.take(chunk);
    chunk.release();
  }
}
