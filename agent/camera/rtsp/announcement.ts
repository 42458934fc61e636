import type { VideoCodec } from '../types.ts';
import { PAYLOAD_TYPE } from './packetizer.ts';

/** The parameter sets of a stream that is announced, without start codes. */
export interface AnnouncedSets {
  /** Empty for H.264. */
  readonly vps: readonly Buffer[];
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
}

/** `a=control` of the one track. */
export const TRACK = 'trackID=0';

/**
 * The session description of one video track. @see RFC 8866 §5, RFC 6184 §8.2.1, RFC 7798 §7.2
 * @param name ASCII without line ends
 */
export function announcement(name: string, codec: VideoCodec, sets: AnnouncedSets): string {
  const lines = [
    'v=0',
    'o=- 0 0 IN IP4 127.0.0.1',
    `s=${name}`,
    'c=IN IP4 0.0.0.0',
    't=0 0',
    'a=control:*',
    `m=video 0 RTP/AVP ${PAYLOAD_TYPE}`,
    `a=rtpmap:${PAYLOAD_TYPE} ${codec.toUpperCase()}/90000`,
    `a=fmtp:${PAYLOAD_TYPE} ${codec === 'h264' ? format264(sets) : format265(sets)}`,
    `a=control:${TRACK}`,
  ];
  return lines.map((line) => `${line}\r\n`).join('');
}

function format264({ sps, pps }: AnnouncedSets): string {
  const profile = sps[0]?.subarray(1, 4).toString('hex').toUpperCase() ?? '';
  return `packetization-mode=1;profile-level-id=${profile};sprop-parameter-sets=${base64([...sps, ...pps])}`;
}

function format265({ vps, sps, pps }: AnnouncedSets): string {
  return `sprop-vps=${base64(vps)};sprop-sps=${base64(sps)};sprop-pps=${base64(pps)}`;
}

function base64(nals: readonly Buffer[]): string {
  return nals.map((nal) => nal.toString('base64')).join(',');
}
