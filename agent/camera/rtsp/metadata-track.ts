import { DeviceError } from '../../base/errors.ts';
import { MetadataDocuments } from './metadata-documents.ts';
import { isRtcp, RtpPacket } from './rtp.ts';
import type { DescribedMetadata } from './sdp.ts';
import { SequenceWindow } from './sequence.ts';

/** Takes what the metadata track of one stream brings. */
export interface MetadataHandlers {
  /** The camera is about to be asked for the track: what ends the stream between here and PLAY may come of it. */
  asked(): void;
  /** With PLAY. @param readable whether the stream has a track of metadata that can be read */
  begins(readable: boolean): void;
  /** One whole document, unpacked; nothing of it is checked. */
  document(text: string): void;
  /** Something that the track was to bring may be missing; what follows is still told. */
  doubtful(error: DeviceError): void;
}

export interface MetadataTrackNeeds {
  readonly camera: string;
  readonly monotonicMs: () => number;
  readonly handlers: MetadataHandlers;
}

/** Bytes of the track that are read for a while, and per second, packed and unpacked. Source: guess, far above what cameras send. */
const BURST_BYTES = 1024 * 1024;
const BYTES_PER_S = 256 * 1024;
const TOO_MUCH = `more than ${BYTES_PER_S} bytes a second`;
/** Live tracks close a document each second at the longest. Source: ONVIF Streaming §5.1.2.1.1; patience: guess. */
export const METADATA_SILENCE_MS = 30_000;

/**
 * The packets of the metadata track to documents. Where packets are missing, or no document comes for long, the track is
 * called doubtful, once; one that brings too much is read no longer.
 * @see ONVIF Streaming Specification, section "RTP for Metadata stream"
 */
export class MetadataTrack {
  readonly #needs: MetadataTrackNeeds;
  readonly #track: DescribedMetadata;
  readonly #channel: number;
  /** Where the video has the same payload type, the channel tells them apart. */
  readonly #byChannel: boolean;
  readonly #packet = new RtpPacket();
  readonly #window: SequenceWindow;
  readonly #documents: MetadataDocuments;
  #ssrc: number | undefined;
  #creditBytes = BURST_BYTES;
  #creditMs: number;
  #heardMs: number;
  #doubted = false;
  #given = false;

  constructor(
    needs: MetadataTrackNeeds,
    track: DescribedMetadata,
    channel: number,
    videoPayloadType: number,
  ) {
    this.#needs = needs;
    this.#track = track;
    this.#channel = channel;
    this.#byChannel = track.payloadType === videoPayloadType;
    this.#creditMs = needs.monotonicMs();
    this.#heardMs = this.#creditMs;
    this.#documents = new MetadataDocuments(track.gzip, (text) => this.#document(text));
    this.#window = new SequenceWindow((packet, gap) => this.#ordered(packet, gap));
  }

  /** @returns whether the frame is one of this track */
  frame(channel: number, bytes: Buffer, from: number, until: number): boolean {
    if (isRtcp(bytes, from, until)) return this.#isOurReport(channel, bytes, from, until);
    const payloadType = (bytes[from + 1] ?? 0) & 0x7f;
    if (payloadType !== this.#track.payloadType) return false;
    if (this.#byChannel && channel !== this.#channel) return false;
    if (!this.#given) this.#rtp(bytes, from, until);
    return true;
  }

  /** How long until the track counts as silent, ms; infinite when it is doubted already. */
  silentInMs(): number {
    if (this.#doubted) return Number.POSITIVE_INFINITY;
    return this.#heardMs + METADATA_SILENCE_MS - this.#needs.monotonicMs();
  }

  silent(): void {
    this.#doubt(`no document for ${METADATA_SILENCE_MS} ms`);
  }

  #isOurReport(channel: number, bytes: Buffer, from: number, until: number): boolean {
    if (until - from >= 8 && this.#ssrc !== undefined && bytes.readUInt32BE(from + 4) === this.#ssrc)
      return true;
    return this.#ssrc === undefined && channel === this.#channel + 1;
  }

  #rtp(bytes: Buffer, from: number, until: number): void {
    const packet = this.#packet;
    if (!packet.read(bytes, from, until, this.#needs.monotonicMs())) return;
    if (!this.#affords(packet.payloadBytes)) {
      this.#giveUp(TOO_MUCH);
      return;
    }
    if (this.#ssrc !== undefined && packet.ssrc !== this.#ssrc) this.#window.restart();
    this.#ssrc = packet.ssrc;
    this.#window.push(packet);
  }

  #ordered(packet: RtpPacket, gap: boolean): void {
    if (gap) {
      this.#documents.drop();
      this.#doubt('packets are missing');
    }
    this.#heardMs = packet.receivedMonotonicMs;
    const fault = this.#documents.take(packet.bytes.subarray(packet.from, packet.until), packet.marker);
    if (fault !== undefined) this.#giveUp(fault);
  }

  /** What unpacks to far more than it came as costs as much as if it had come so. */
  #document(text: string): void {
    if (this.#given) return;
    if (this.#track.gzip && !this.#affords(text.length)) this.#giveUp(TOO_MUCH);
    else this.#needs.handlers.document(text);
  }

  #affords(bytes: number): boolean {
    const nowMs = this.#needs.monotonicMs();
    const earned = ((nowMs - this.#creditMs) / 1000) * BYTES_PER_S;
    this.#creditMs = nowMs;
    this.#creditBytes = Math.min(BURST_BYTES, this.#creditBytes + earned) - bytes;
    return this.#creditBytes >= 0;
  }

  #giveUp(why: string): void {
    this.#given = true;
    this.#documents.drop();
    this.#doubt(why);
  }

  #doubt(why: string): void {
    if (this.#doubted) return;
    this.#doubted = true;
    const message = `${this.#needs.camera}: expected every document of the metadata track: ${why}`;
    this.#needs.handlers.doubtful(new DeviceError('camera-metadata-lost', message));
  }
}
