import type { AccessUnit } from '../camera/types.ts';
import type { StreamSetup } from './parameter-sets.ts';

/** Objects of one picture with its block, and of one NAL unit, beside its bytes. Source: heap snapshots, rounded up. */
const PICTURE_BYTES = 1024;
const NAL_BYTES = 128;

/** What is known of a picture beside its bytes. */
export interface PictureFacts {
  /** Decoding can begin here: the beginning of the picture is there, and `setup` is all that a decoder needs. */
  readonly key: boolean;
  readonly setup: StreamSetup;
  /** Presentation time on the timeline of the camera, ticks. */
  readonly pts: number;
  /** Most pictures held back for reordering as far as is known, and whether the stream has said so. */
  readonly depth: number;
  readonly depthKnown: boolean;
  /** Usual distance of two pictures, ticks. */
  readonly frameTicks: number;
}

/** A coded picture in its place on the timeline of its camera. */
export class Picture implements PictureFacts {
  readonly unit: AccessUnit;
  readonly key: boolean;
  readonly setup: StreamSetup;
  readonly pts: number;
  readonly depth: number;
  readonly depthKnown: boolean;
  readonly frameTicks: number;

  constructor(unit: AccessUnit, facts: PictureFacts) {
    this.unit = unit;
    this.key = facts.key;
    this.setup = facts.setup;
    this.pts = facts.pts;
    this.depth = facts.depth;
    this.depthKnown = facts.depthKnown;
    this.frameTicks = facts.frameTicks;
  }

  get bytes(): number {
    return this.unit.bytes.length;
  }

  /** What keeping it takes, also of a picture of a few bytes. */
  get heldBytes(): number {
    const { bytes, nals } = this.unit;
    return bytes.length + PICTURE_BYTES + nals.length * NAL_BYTES;
  }

  hold(): void {
    this.unit.hold();
  }

  release(): void {
    this.unit.release();
  }
}
