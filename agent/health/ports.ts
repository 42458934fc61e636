import type { MaskList } from '../camera/onvif/masks.ts';
import type { VideoProfile } from '../camera/onvif/profiles.ts';
import type { CardRecordings } from '../camera/onvif/recordings.ts';
import type { ClockOffset } from '../camera/onvif/system-time.ts';
import type { TimeSource } from '../camera/onvif/time-source.ts';
import type { probe } from '../camera/probe.ts';
import type { VideoTrack } from '../camera/types.ts';
import type { Identity } from './identity.ts';

/** One short TCP connection, closed at once; `probe` of the camera room fits. */
export type TcpProbe = typeof probe;

/**
 * Asks a camera to describe its stream, and for no picture; the fleet of the camera room fits.
 * @returns undefined while nobody knows where the stream is
 */
export type Describe = (camera: string, signal: AbortSignal) => Promise<VideoTrack | undefined>;

/** What health asks a camera by ONVIF; the camera room's helper fits. Each call ends by itself in bounded time. */
export interface OnvifHealth {
  /** Asked without credentials. @throws BeffroiError */
  systemTime(signal: AbortSignal): Promise<ClockOffset>;
  /** Asked with credentials: shows whether the login is accepted. @throws BeffroiError */
  deviceInformation(signal: AbortSignal): Promise<Identity>;
  /** The rest is asked with credentials. @throws BeffroiError */
  profiles(signal: AbortSignal): Promise<readonly Pick<VideoProfile, 'token' | 'hasAudio'>[]>;
  /** @returns undefined where the camera does not say */
  timeSource(signal: AbortSignal): Promise<TimeSource | undefined>;
  /** @returns undefined where the camera does not say */
  masks(signal: AbortSignal): Promise<MaskList | undefined>;
  /** @returns undefined where the camera does not say */
  recordings(signal: AbortSignal): Promise<CardRecordings | undefined>;
}
