import { nalRules } from '../../camera/codec/nal.ts';
import type { AccessUnit, VideoCodec, VideoTrack } from '../../camera/types.ts';
import type { StreamNumbers } from '../../contract/picture.ts';
import { ParameterSetKeeper } from '../parameter-sets.ts';
import { StreamTap } from './stream-tap.ts';

const START_CODE = Buffer.from([0, 0, 0, 1]);

/** A key frame that is to be looked at, with what the stream says. */
export interface KeyFrame {
  readonly codec: VideoCodec;
  readonly numbers: StreamNumbers;
  /** Byte stream (Annex B) of the parameter sets and the key frame. */
  readonly stream: Buffer;
}

/** Takes the access units of one stream in, and hands out a key frame when one is asked for. */
export class PictureSource {
  readonly #codec: VideoCodec;
  readonly #sets: ParameterSetKeeper;
  readonly #tap: StreamTap;

  constructor(track: VideoTrack) {
    this.#codec = track.codec;
    this.#sets = new ParameterSetKeeper(track);
    this.#tap = new StreamTap(track.codec);
  }

  /**
   * @param wanted whether a key frame is asked for
   * @returns it, when this unit is one that is whole, with what came since the last one that was looked at
   */
  take(unit: AccessUnit, wanted: boolean): KeyFrame | undefined {
    this.#tap.unit(unit);
    if (unit.key) this.#sets.take(unit);
    const { setup } = this.#sets;
    if (!wanted || !unit.key || unit.damaged || !setup) return undefined;
    const { width, height } = setup.sps;
    const numbers = { ...this.#tap.numbers, width, height };
    return { codec: this.#codec, numbers, stream: this.#byteStream(unit) };
  }

  /** The key frame that was given out last is looked at. */
  looked(): void {
    this.#tap.looked();
  }

  #byteStream(unit: AccessUnit): Buffer {
    const { vps, sps, pps } = this.#sets.setup?.sets ?? { vps: [], sps: [], pps: [] };
    const { kind } = nalRules(this.#codec);
    const slices = unit.nals.filter((nal) => kind(nal) === 'slice');
    return Buffer.concat([...vps, ...sps, ...pps, ...slices].flatMap((nal) => [START_CODE, nal]));
  }
}
