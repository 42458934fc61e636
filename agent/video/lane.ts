import type { Chunk, Format } from './destination.ts';
import type { Framer } from './framer.ts';
import { GopCache } from './gop-cache.ts';
import type { Picture } from './picture.ts';

/** One format of a pull: its framer, and its chunks from the last key picture on. */
export class Lane {
  readonly format: Format;
  readonly #framer: Framer;
  readonly #cache: GopCache<Chunk>;

  constructor(format: Format, framer: Framer, cacheBytes: number) {
    this.format = format;
    this.#framer = framer;
    this.#cache = new GopCache(cacheBytes);
  }

  get recent(): readonly Chunk[] {
    return this.#cache.recent;
  }

  /** @returns the chunk that is complete; the caller releases it */
  push(picture: Picture): Chunk | undefined {
    return this.#kept(this.#framer.push(picture));
  }

  /** What is left at the end of the pull; the caller releases it. */
  flush(): Chunk | undefined {
    return this.#kept(this.#framer.flush());
  }

  /** Nothing is kept any more; what was not flushed is lost. */
  clear(): void {
    this.#framer.flush()?.release();
    this.#cache.clear();
  }

  #kept(chunk: Chunk | undefined): Chunk | undefined {
    if (!chunk) return undefined;
    const cold = chunk.cold?.();
    this.#cache.take(cold ?? chunk);
    cold?.release();
    return chunk;
  }
}
