import { BytePool } from '../base/pool.ts';
import { nalRules } from '../camera/codec/nal.ts';
import { parseSps } from '../camera/codec/sps.ts';
import { pullStream } from '../camera/rtsp/pull.ts';
import { defaultStreamOptions, type StreamNeeds, type StreamTarget } from '../camera/rtsp/stream.ts';
import {
  type AccessUnit,
  NO_COUNTERS,
  type Permit,
  type StreamCounters,
  type VideoCodec,
  type VideoTrack,
} from '../camera/types.ts';

/** A stream as it came, whatever the camera declares. */
export interface MeasuredStream {
  readonly codec: VideoCodec;
  /** By its parameter sets; 0 where they cannot be read. */
  readonly width: number;
  readonly height: number;
  readonly seconds: number;
  readonly fps: number;
  /** Payload of the packets. */
  readonly kbps: number;
  /** Pictures from one key picture to the next; 0 where fewer than two came. */
  readonly gopFrames: number;
  readonly lostPercent: number;
  readonly damaged: number;
  /** @see RFC 3550 §6.4.1 */
  readonly jitterMs: number;
}

/** How long the first picture may take. Source: guess, twice the longest group of pictures that is known. */
export const FIRST_PICTURE_MS = 15_000;

/**
 * Pulls the stream and measures it on the packets that come. Nothing is decoded and nothing kept.
 * @throws DeviceError, PeerProtocolError; see the `camera-…` codes; the reason of `signal`
 */
export async function measureStream(
  target: StreamTarget,
  permit: Permit,
  needs: StreamNeeds,
  measureMs: number,
  signal: AbortSignal,
): Promise<MeasuredStream> {
  const meter = new StreamMeasure(measureMs);
  const pool = new BytePool();
  const late = AbortSignal.timeout(FIRST_PICTURE_MS + measureMs);
  const until = AbortSignal.any([signal, meter.done, late]);
  await pullStream(target, permit, meter, { ...needs, pool }, defaultStreamOptions, until);
  signal.throwIfAborted();
  return meter.result();
}

/** From the first picture on, for a set time. */
class StreamMeasure {
  readonly #measureMs: number;
  readonly #done = new AbortController();
  #track: VideoTrack | undefined;
  #counters: () => StreamCounters = () => NO_COUNTERS;
  #before: StreamCounters | undefined;
  #size: { readonly width: number; readonly height: number } | undefined;
  #firstMs = 0;
  #lastMs = 0;
  #frames = 0;
  #keyAt: number | undefined;
  #gopFrames = 0;

  constructor(measureMs: number) {
    this.#measureMs = measureMs;
  }

  get done(): AbortSignal {
    return this.#done.signal;
  }

  described(track: VideoTrack, counters: () => StreamCounters): void {
    this.#track = track;
    this.#counters = counters;
  }

  playing(): void {}

  clockSaid(): void {}

  accessUnit(unit: AccessUnit): void {
    const nowMs = unit.receivedMonotonicMs;
    this.#lastMs = nowMs;
    if (this.#before === undefined) {
      this.#before = { ...this.#counters() };
      this.#firstMs = nowMs;
    } else this.#frames += 1;
    if (unit.key) this.#key(unit);
    if (nowMs - this.#firstMs >= this.#measureMs) this.#done.abort();
  }

  result(): MeasuredStream {
    const [before, now] = [this.#before ?? this.#counters(), this.#counters()];
    const seconds = Math.max(0, this.#lastMs - this.#firstMs) / 1000;
    const lost = Math.max(0, now.rtpLost - before.rtpLost);
    const all = lost + now.rtpReceived - before.rtpReceived;
    const perSecond = (count: number) => (seconds > 0 ? rounded(count / seconds) : 0);
    return {
      codec: this.#track?.codec ?? 'h264',
      ...(this.#size ?? { width: 0, height: 0 }),
      seconds: rounded(seconds),
      fps: perSecond(this.#frames),
      kbps: perSecond(((now.bytes - before.bytes) * 8) / 1000),
      gopFrames: this.#gopFrames,
      lostPercent: all > 0 ? rounded((100 * lost) / all) : 0,
      damaged: now.framesDamaged - before.framesDamaged,
      jitterMs: rounded(now.jitterMs),
    };
  }

  #key(unit: AccessUnit): void {
    if (this.#keyAt !== undefined) this.#gopFrames = this.#frames - this.#keyAt;
    this.#keyAt = this.#frames;
    const codec = this.#track?.codec ?? 'h264';
    const kinds = nalRules(codec);
    const inPicture = unit.nals.find((nal) => kinds.kind(nal) === 'sps');
    const nal = inPicture ?? this.#track?.parameterSets.sps;
    this.#size = (nal && parseSps(codec, nal)) ?? this.#size;
  }
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
