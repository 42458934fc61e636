import type { Code } from '../base/codes.ts';
import { asBeffroiError, type BeffroiError, UplinkError } from '../base/errors.ts';

type DestinationCode = Extract<Code, `destination-${string}`>;

/** What a fault of an RTSP peer means when the peer is a media server of the centre and no camera. */
const MEANS: Partial<Record<Code, DestinationCode>> = {
  'camera-unreachable': 'destination-unreachable',
  'camera-port-closed': 'destination-unreachable',
  'camera-silent': 'destination-silent',
  'camera-slow': 'destination-silent',
  'camera-closed': 'destination-closed',
  'camera-login-refused': 'destination-login-refused',
  'camera-latched': 'destination-login-refused',
  'camera-insecure-login': 'destination-login-refused',
  'camera-certificate': 'destination-certificate',
  'camera-protocol': 'destination-protocol',
  'camera-too-large': 'destination-protocol',
};

/** The thrown value as a fault of a destination. */
export function destinationError(thrown: unknown): BeffroiError {
  const error = asBeffroiError(thrown);
  if (!error.code.startsWith('camera-')) return error;
  return new UplinkError(MEANS[error.code] ?? 'destination-refused', error.message, { cause: error });
}
