import type { BytePool } from '../../base/pool.ts';
import type { Framer } from '../framer.ts';
import type { Picture } from '../picture.ts';
import { RtpChunk } from './rtp-chunk.ts';

const random32 = (random: () => number) => Math.floor(random() * 2 ** 32);

/** What goes on from one pull of a camera to the next: one RTP source, as long as this process runs. */
export class RtpSource {
  readonly ssrc: number;
  readonly timestampOffset: number;
  sequence: number;
  number = 0;

  /** @param random a number in [0, 1): source, first number and first time stamp are random. @see RFC 3550 §5.1 */
  constructor(random: () => number) {
    this.ssrc = random32(random);
    this.timestampOffset = random32(random);
    this.sequence = random32(random) & 0xffff;
  }
}

/** Pictures to RTP packets, one chunk for each picture. */
export class RtpFramer implements Framer {
  readonly #pool: BytePool;
  readonly #source: RtpSource;

  constructor(pool: BytePool, source: RtpSource) {
    this.#pool = pool;
    this.#source = source;
  }

  push(picture: Picture): RtpChunk {
    const source = this.#source;
    const { ssrc, sequence, timestampOffset } = source;
    source.number += 1;
    const timestamp = (picture.pts + timestampOffset) % 2 ** 32;
    const chunk = RtpChunk.of(this.#pool, picture, source.number, { ssrc, sequence, timestamp });
    source.sequence = (sequence + chunk.rtp.packets) & 0xffff;
    return chunk;
  }

  flush(): undefined {}
}
