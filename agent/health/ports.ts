import type { ClockOffset } from '../camera/onvif/system-time.ts';
import type { probe } from '../camera/probe.ts';

/** One short TCP connection, closed at once; `probe` of the camera room fits. */
export type TcpProbe = typeof probe;

/** What health asks a camera by ONVIF; the camera room's helper fits. Each call ends by itself in bounded time. */
export interface OnvifHealth {
  /** Asked without credentials. @throws BeffroiError */
  systemTime(signal: AbortSignal): Promise<ClockOffset>;
  /** Asked with credentials: shows whether the login is accepted. @throws BeffroiError */
  deviceInformation(signal: AbortSignal): Promise<unknown>;
}
