import type { Chunk } from './destination.ts';
import type { Picture } from './picture.ts';

/** What a chunk is, but for whose memory it lies in. */
export type ChunkFields = Omit<Chunk, 'bytes' | 'heldBytes' | 'frames' | 'hold' | 'release'>;

/** A chunk whose parts lie in the memory of its pictures; it holds them until nobody holds the chunk any more. */
export class PicturesChunk implements Chunk {
  readonly parts: readonly Buffer[];
  readonly bytes: number;
  readonly heldBytes: number;
  readonly frames: number;
  readonly key: boolean;
  readonly number: number;
  readonly wallMs: number;
  readonly boxWallMs: number;
  readonly boxMonotonicMs: number;
  readonly durationMs: number;
  readonly #pictures: readonly Picture[];
  #holders = 1;

  /** @param pictures already held, for the chunk; the maker of the chunk is its first holder */
  constructor(fields: ChunkFields, pictures: readonly Picture[]) {
    this.parts = fields.parts;
    this.bytes = fields.parts.reduce((sum, part) => sum + part.length, 0);
    this.heldBytes = pictures.reduce((sum, one) => sum + one.heldBytes - one.bytes, this.bytes);
    this.frames = pictures.length;
    this.key = fields.key;
    this.number = fields.number;
    this.wallMs = fields.wallMs;
    this.boxWallMs = fields.boxWallMs;
    this.boxMonotonicMs = fields.boxMonotonicMs;
    this.durationMs = fields.durationMs;
    this.#pictures = pictures;
  }

  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) for (const picture of this.#pictures) picture.release();
  }
}
