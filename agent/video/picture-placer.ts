import { nalRules } from '../camera/codec/nal.ts';
import type { AccessUnit, VideoTrack } from '../camera/types.ts';
import type { MediaClock } from './media-clock.ts';
import { ParameterSetKeeper, type StreamSetup } from './parameter-sets.ts';
import { Picture } from './picture.ts';
import { Timeline } from './timeline.ts';

/** Access units of one stream to pictures on the timeline of the camera; what cannot be decoded is left out. */
export class PicturePlacer {
  readonly #clock: MediaClock;
  readonly #track: VideoTrack;
  readonly #timeline: Timeline;
  readonly #sets: ParameterSetKeeper;
  #adopted: StreamSetup | undefined;
  #skipsLeading = false;

  constructor(clock: MediaClock, track: VideoTrack) {
    this.#clock = clock;
    this.#track = track;
    const { codec, clockRate } = track;
    this.#sets = new ParameterSetKeeper(track);
    this.#timeline = new Timeline({ codec, clockRate, startTicks: (unit) => clock.startTicks(unit) });
  }

  /** What the pictures are; undefined until the parameter sets are known. */
  get setup(): StreamSetup | undefined {
    return this.#sets.setup;
  }

  /** Time stamps of this stream that jumped and were repaired. */
  get timestampRepairs(): number {
    return this.#timeline.repairs;
  }

  /** Call once per unit, in decoding order. @returns undefined for what cannot be decoded from the first key picture on */
  place(unit: AccessUnit): Picture | undefined {
    this.#sets.take(unit);
    const key = this.#isKey(unit);
    if (!this.#takes(unit, key)) return undefined;
    const depthBefore = this.#timeline.depth;
    const setup = key ? this.#adopt() : this.#adopted;
    if (!setup) return undefined;
    const pts = this.#timeline.place(unit);
    const { depth, frameTicks } = this.#timeline;
    this.#clock.shownUntil(pts + frameTicks);
    const depthKnown = setup.sps.reorderDepth !== undefined;
    return new Picture(unit, {
      key,
      setup,
      pts,
      depth: Math.max(depthBefore, depth),
      depthKnown,
      frameTicks,
    });
  }

  /** A key picture of which the beginning is there. */
  #isKey(unit: AccessUnit): boolean {
    const rules = nalRules(this.#track.codec);
    return unit.key && unit.nals.some((nal) => rules.kind(nal) === 'slice' && rules.startsPicture(nal));
  }

  #takes(unit: AccessUnit, key: boolean): boolean {
    const { codec } = this.#track;
    const { kind } = nalRules(codec);
    if (!unit.nals.some((nal) => kind(nal) === 'slice')) return false;
    if (!this.#adopted) {
      this.#skipsLeading = true;
      return key && this.#sets.setup !== undefined;
    }
    if (key) this.#skipsLeading = false;
    return !(this.#skipsLeading && codec === 'h265' && unit.nals.some(isSkippedLeading));
  }

  /** The parameter sets that are known now are in force from this key picture on. */
  #adopt(): StreamSetup | undefined {
    const { setup } = this.#sets;
    if (!setup || setup === this.#adopted) return setup;
    this.#adopted = setup;
    const { sps } = setup;
    this.#timeline.adopt(sps.reorderDepth, sps.codec === 'h264' ? sps.framesPerSecond : undefined);
    return setup;
  }
}

/** Pictures that refer to what came before the first key picture. @see ITU-T H.265 table 7-1: RASL_N, RASL_R */
function isSkippedLeading(nal: Buffer): boolean {
  const type = ((nal[0] ?? 0) >> 1) & 0x3f;
  return type === 8 || type === 9;
}
