import type { Chunk, Destination, Format } from '../../agent/video/destination.ts';

/** A destination that takes everything. */
export class Taker implements Destination {
  readonly id = 'taker';
  readonly format: Format;
  frames = 0;

  constructor(format: Format = 'mp4') {
    this.format = format;
  }

  begin(): void {}
  take(chunk: Chunk): void {
    this.frames += chunk.frames;
  }
  streamEnded(): void {}
  status(): never {
    throw new Error('nobody asks');
  }
  async end(): Promise<void> {}
}
