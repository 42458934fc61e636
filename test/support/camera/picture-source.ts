import type { Clip } from '../clips.ts';
import { type PacketRun, packetRuns } from './rtp-packets.ts';

/** The clip without end: picture number to packets. A key picture can be asked for, as of any encoder. */
export class PictureSource {
  #clip: Clip;
  #shift = 0;

  constructor(clip: Clip) {
    this.#clip = clip;
  }

  get clip(): Clip {
    return this.#clip;
  }

  at(picture: number): PacketRun {
    const runs = packetRuns(this.#clip);
    return runs[(picture + this.#shift) % runs.length] as PacketRun;
  }

  /** Picture `picture` becomes a key picture; those after it follow as in the clip. */
  forceKey(picture: number): void {
    this.#shift += this.#toNextKey(picture);
  }

  /** The first key picture from `picture` on. */
  nextKey(picture: number): number {
    return picture + this.#toNextKey(picture);
  }

  /** From `picture` on, the pictures of another clip, beginning with a key picture. */
  change(clip: Clip, picture: number): void {
    this.#clip = clip;
    this.#shift = clip.units.length - (picture % clip.units.length);
  }

  #toNextKey(picture: number): number {
    let steps = 0;
    while (!this.at(picture + steps).key && steps < this.#clip.units.length) steps += 1;
    return steps;
  }
}
