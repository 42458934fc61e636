import type { AccessUnit } from '../camera/types.ts';
import type { Chunk } from './destination.ts';

/** What a chunk is, but for whose memory it lies in. */
export type ChunkFields = Omit<Chunk, 'bytes' | 'frames' | 'hold' | 'release'>;

/** A chunk whose parts lie in the memory of access units; it holds them until nobody holds the chunk any more. */
export class PicturesChunk implements Chunk {
  readonly parts: readonly Buffer[];
  readonly bytes: number;
  readonly frames: number;
  readonly key: boolean;
  readonly number: number;
  readonly wallMs: number;
  readonly durationMs: number;
  readonly #units: readonly AccessUnit[];
  #holders = 1;

  /** @param units already held, for the chunk; the maker of the chunk is its first holder */
  constructor(fields: ChunkFields, units: readonly AccessUnit[]) {
    this.parts = fields.parts;
    this.bytes = fields.parts.reduce((sum, part) => sum + part.length, 0);
    this.frames = units.length;
    this.key = fields.key;
    this.number = fields.number;
    this.wallMs = fields.wallMs;
    this.durationMs = fields.durationMs;
    this.#units = units;
  }

  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) for (const unit of this.#units) unit.release();
  }
}
