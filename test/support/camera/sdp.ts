import type { Clip } from '../clips.ts';
import { VIDEO_PAYLOAD_TYPE } from './rtp-packets.ts';
import type { RtspOptions } from './rtsp-options.ts';

export type TrackKind = 'video' | 'audio' | 'metadata';

/** The last part of each track's address. */
export const TRACK_NAMES: Record<TrackKind, string> = {
  video: 'trackID=0',
  audio: 'trackID=1',
  metadata: 'trackID=4',
};

/**
 * The description of the stream, laid out as cameras do.
 * @param base address of the stream with a final slash
 * @see RFC 4566, RFC 6184 §8.2.1, RFC 7798 §7.2.1
 */
export function describe(clip: Clip, options: RtspOptions, base: string): string {
  const control = (kind: TrackKind) =>
    `a=control:${options.control === 'absolute' ? base : ''}${TRACK_NAMES[kind]}`;
  const lines = [
    'v=0',
    'o=- 2252542845 2252542845 IN IP4 127.0.0.1',
    's=Media Server',
    'c=IN IP4 0.0.0.0',
    't=0 0',
    `a=control:${options.control === 'absolute' ? base : '*'}`,
    'a=range:npt=now-',
    `m=video 0 RTP/AVP ${VIDEO_PAYLOAD_TYPE}`,
    control('video'),
    `a=framerate:${clip.framesPerSecond.toFixed(6)}`,
    `a=rtpmap:${VIDEO_PAYLOAD_TYPE} ${clip.codec.toUpperCase()}/90000`,
    ...formatParameters(clip, options),
    'a=recvonly',
  ];
  if (options.audioTrack) {
    lines.push('m=audio 0 RTP/AVP 8', control('audio'), 'a=rtpmap:8 PCMA/8000', 'a=recvonly');
  }
  if (options.metadataTrack) {
    lines.push('m=application 0 RTP/AVP 107', control('metadata'));
    lines.push('a=rtpmap:107 vnd.onvif.metadata/90000', 'a=recvonly');
  }
  return `${lines.join('\r\n')}\r\n`;
}

function formatParameters(clip: Clip, options: RtspOptions): string[] {
  const sets = clip.parameterSets.map((set) => set.toString('base64'));
  if (clip.codec === 'h265') {
    const [vps, sps, pps] = sets;
    const sprop = `sprop-vps=${vps};sprop-sps=${sps};sprop-pps=${pps}`;
    return options.sprop ? [`a=fmtp:${VIDEO_PAYLOAD_TYPE} ${sprop}`] : [];
  }
  const profile = clip.parameterSets[0]?.toString('hex', 1, 4);
  const sprop = options.sprop ? `;profile-level-id=${profile};sprop-parameter-sets=${sets.join(',')}` : '';
  return [`a=fmtp:${VIDEO_PAYLOAD_TYPE} packetization-mode=1${sprop}`];
}
