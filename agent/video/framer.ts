import type { Chunk } from './destination.ts';
import type { Picture } from './picture.ts';

/** Pictures of one pull to chunks of one format. */
export interface Framer {
  /** The next picture, in decoding order. @returns the chunk that is complete by it; whoever takes it releases it */
  push(picture: Picture): Chunk | undefined;
  /** What is left at the end of the pull. */
  flush(): Chunk | undefined;
}
