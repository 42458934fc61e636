import { BufferSource, EncodedPacketSink, Input, type InputVideoTrack, MP4 } from 'mediabunny';
import { InternalError } from '../../agent/base/errors.ts';
import type { VideoCodec } from '../../agent/camera/types.ts';

interface Mp4Sample {
  /** NAL units without their length fields. */
  readonly nals: readonly Buffer[];
  readonly key: boolean;
  /** Presentation time, seconds. */
  readonly timestampS: number;
  readonly durationS: number;
}

export interface Mp4Video {
  readonly codec: VideoCodec;
  /** As in the `codecs` parameter of RFC 6381, such as `avc1.64001e`. */
  readonly codecString: string;
  readonly width: number;
  readonly height: number;
  /** Parameter sets of the sample description: the avcC or hvcC record. */
  readonly description: Buffer;
  /** In decode order. */
  readonly samples: readonly Mp4Sample[];
}

/** Reads the video track of an MP4 file, fragmented or not, by mediabunny: a reader that this project did not write. */
export async function readMp4(file: Buffer): Promise<Mp4Video> {
  const input = new Input({ source: new BufferSource(file), formats: [MP4] });
  const track = await input.getPrimaryVideoTrack();
  if (!track) throw new InternalError('internal', 'expected a video track in the MP4 file, found none');
  const description = await descriptionOf(track);
  const codec = (await track.getCodec()) === 'avc' ? 'h264' : 'h265';
  return {
    codec,
    codecString: (await track.getCodecParameterString()) ?? '',
    width: await track.getCodedWidth(),
    height: await track.getCodedHeight(),
    description,
    samples: await samplesOf(track, lengthSize(description, codec)),
  };
}

async function descriptionOf(track: InputVideoTrack): Promise<Buffer> {
  const config = (await track.getDecoderConfig()) as { description?: Uint8Array } | null;
  return Buffer.from(config?.description ?? []);
}

/** Bytes of a length field. @see ISO/IEC 14496-15 §5.3.3.1.2, §8.3.3.1.2 */
function lengthSize(description: Buffer, codec: VideoCodec): number {
  return ((description[codec === 'h264' ? 4 : 21] ?? 3) & 3) + 1;
}

async function samplesOf(track: InputVideoTrack, lengthBytes: number): Promise<Mp4Sample[]> {
  const samples: Mp4Sample[] = [];
  for await (const packet of new EncodedPacketSink(track).packets()) {
    samples.push({
      nals: nalsOf(Buffer.from(packet.data), lengthBytes),
      key: packet.type === 'key',
      timestampS: packet.timestamp,
      durationS: packet.duration,
    });
  }
  return samples;
}

function nalsOf(sample: Buffer, lengthBytes: number): Buffer[] {
  const nals: Buffer[] = [];
  for (let at = 0; at < sample.length; ) {
    const begin = at + lengthBytes;
    const end = begin + sample.readUIntBE(at, lengthBytes);
    if (end > sample.length) throw new InternalError('internal', 'a length field points behind its sample');
    nals.push(sample.subarray(begin, end));
    at = end;
  }
  return nals;
}
