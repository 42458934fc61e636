import type { BytePool } from '../base/pool.ts';
import type { AccessUnit, VideoTrack } from '../camera/types.ts';
import type { Chunk, Destination, Format, Source } from './destination.ts';
import { Muxer } from './fmp4/muxer.ts';
import { GopCache } from './gop-cache.ts';
import { Lane } from './lane.ts';
import type { MediaClock } from './media-clock.ts';
import type { StreamSetup } from './parameter-sets.ts';
import type { Picture } from './picture.ts';
import { PicturePlacer } from './picture-placer.ts';
import { RtpFramer, RtpSource } from './rtp/rtp-framer.ts';

export interface FeedNeeds {
  readonly clock: MediaClock;
  /** Where what is framed anew lies. */
  readonly pool: BytePool;
  readonly random: () => number;
}

export interface FeedOptions {
  /** About the duration of an MP4 chunk. */
  readonly fragmentMs: number;
  /** Most bytes of a group of pictures that are kept for destinations that begin. */
  readonly cacheBytes: number;
}

/**
 * The pictures of one pull, to every destination of the camera: framed once per format that somebody wants, whatever
 * the number of destinations. It outlives the pulls.
 */
export class Feed implements Source {
  readonly #needs: FeedNeeds;
  readonly #rtp: RtpSource;
  readonly #destinations = new Map<string, Destination>();
  readonly #lanes: Lane[] = [];
  #options: FeedOptions;
  #pictures: GopCache<Picture>;
  #placer: PicturePlacer | undefined;

  constructor(needs: FeedNeeds, options: FeedOptions) {
    this.#needs = needs;
    this.#rtp = new RtpSource(needs.random);
    this.#options = options;
    this.#pictures = new GopCache(options.cacheBytes);
  }

  destination(id: string): Destination | undefined {
    return this.#destinations.get(id);
  }

  /** What the pictures are; undefined until the parameter sets are known, and between pulls. */
  get setup(): StreamSetup | undefined {
    return this.#placer?.setup;
  }

  /** Time stamps of this stream that jumped and were repaired. */
  get timestampRepairs(): number {
    return this.#placer?.timestampRepairs ?? 0;
  }

  /** Groups of pictures of this stream that were above the bound of the cache. */
  get gopsUncached(): number {
    return this.#pictures.overflows;
  }

  recent(format: Format): readonly Chunk[] {
    return this.#lane(format)?.recent ?? [];
  }

  /** From now on the destination gets what comes, beginning with the last key picture when the cache holds it. */
  attach(destination: Destination): void {
    this.#destinations.set(destination.id, destination);
    if (this.#placer) this.#open(destination.format);
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
    this.#forget();
    this.#pictures = new GopCache(this.#options.cacheBytes);
    this.#placer = new PicturePlacer(this.#needs.clock, track);
    for (const { format } of this.#destinations.values()) this.#open(format);
  }

  /** @returns whether decoding can begin with it */
  take(unit: AccessUnit): boolean {
    const picture = this.#placer?.place(unit);
    if (!picture) return false;
    this.#pictures.take(picture);
    for (const lane of this.#lanes) this.#emit(lane.format, lane.push(picture));
    return picture.key;
  }

  /** Ends every destination. */
  async end(): Promise<void> {
    await Promise.all([...this.#destinations.keys()].map((id) => this.detach(id)));
  }

  /** What is left goes out, and nothing is kept: what comes next does not refer to it. */
  streamEnds(): void {
    for (const lane of this.#lanes) this.#emit(lane.format, lane.flush());
    this.#forget();
    this.#placer = undefined;
    for (const destination of this.#destinations.values()) destination.streamEnded();
  }

  #lane(format: Format): Lane | undefined {
    return this.#lanes.find((lane) => lane.format === format);
  }

  #forget(): void {
    this.#pictures.clear();
    for (const lane of this.#lanes) lane.clear();
    this.#lanes.length = 0;
  }

  /** Frames for this format from the last key picture on, until the pull ends. */
  #open(format: Format): void {
    if (this.#lane(format)) return;
    const { clock, pool } = this.#needs;
    const { fragmentMs, cacheBytes } = this.#options;
    const framer = format === 'mp4' ? new Muxer({ clock }, { fragmentMs }) : new RtpFramer(pool, this.#rtp);
    const lane = new Lane(format, framer, cacheBytes);
    this.#lanes.push(lane);
    for (const picture of this.#pictures.recent) lane.push(picture)?.release();
  }

  #emit(format: Format, chunk: Chunk | undefined): void {
    if (!chunk) return;
    for (const destination of this.#destinations.values()) {
      if (destination.format === format) destination.take(chunk);
    }
    chunk.release();
  }
}
