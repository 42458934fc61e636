import type { VideoCodec } from '../types.ts';
import { at, child, childrenOf, textAt, type XmlElement } from './xml.ts';

/** One profile of a camera that carries video. */
export interface VideoProfile {
  readonly token: string;
  readonly name: string;
  /** `other`: a coding that Beffroi does not forward, such as JPEG. */
  readonly codec: VideoCodec | 'other';
  readonly width: number;
  readonly height: number;
  /** Limit of the encoder, pictures per second; absent when the camera gives none. */
  readonly fps?: number;
  /** Limit of the encoder, kbit/s; absent when the camera gives none. */
  readonly kbps?: number;
  readonly hasAudio: boolean;
}

/** @see ONVIF Media §5.2.2 (GetProfiles), element names of version 1 */
export function readProfiles(content: XmlElement): VideoProfile[] {
  return childrenOf(content, 'Profiles').flatMap((profile) =>
    readProfile(
      profile,
      child(profile, 'VideoEncoderConfiguration'),
      child(profile, 'AudioEncoderConfiguration') !== undefined,
    ),
  );
}

/** @see ONVIF Media2 §5.2.2 (GetProfiles) */
export function readProfiles2(content: XmlElement): VideoProfile[] {
  return childrenOf(content, 'Profiles').flatMap((profile) =>
    readProfile(
      profile,
      at(profile, 'Configurations', 'VideoEncoder'),
      at(profile, 'Configurations', 'AudioEncoder') !== undefined,
    ),
  );
}

function readProfile(
  profile: XmlElement,
  encoder: XmlElement | undefined,
  hasAudio: boolean,
): VideoProfile[] {
  const token = profile.attributes.token;
  if (token === undefined || token === '' || !encoder) return [];
  const fps = positive(textAt(encoder, 'RateControl', 'FrameRateLimit'));
  const kbps = positive(textAt(encoder, 'RateControl', 'BitrateLimit'));
  return [
    {
      token,
      name: textAt(profile, 'Name'),
      codec: codecOf(textAt(encoder, 'Encoding')),
      width: positive(textAt(encoder, 'Resolution', 'Width')) ?? 0,
      height: positive(textAt(encoder, 'Resolution', 'Height')) ?? 0,
      ...(fps === undefined ? {} : { fps }),
      ...(kbps === undefined ? {} : { kbps }),
      hasAudio,
    },
  ];
}

/** Some cameras write H265 where version 1 of the service knows no such value. */
function codecOf(encoding: string): VideoProfile['codec'] {
  const name = encoding.toLowerCase().replace(/[^a-z0-9]/g, '');
  if (name === 'h264') return 'h264';
  return name === 'h265' || name === 'hevc' ? 'h265' : 'other';
}

function positive(text: string): number | undefined {
  const number = /^\d{1,9}(\.\d{1,6})?$/.test(text) ? Number(text) : 0;
  return number > 0 ? number : undefined;
}
