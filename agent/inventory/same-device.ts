import type { SeenDevice } from '../camera/discovery/device.ts';
import type { KnownDevice } from './ports.ts';

/** By what a camera is known again. */
export interface Identity {
  readonly known: KnownDevice | undefined;
  /** Serial number that is expected of it; empty where none is. */
  readonly serial: string;
}

/** Shorter ones are no proof. Source: guess. */
const MIN_SERIAL_CHARS = 6;

/** Whether the device is the one of the camera: by its endpoint, its hardware address or its serial number. */
export function isSame({ known, serial }: Identity, device: SeenDevice): boolean {
  if (known && known.endpoint !== '' && known.endpoint === device.endpoint) return true;
  if (known && known.mac !== '' && known.mac === device.mac) return true;
  return carriesSerial(device, serial);
}

/** Whether it is certain that the device is another one; false where nothing is known that could tell. */
export function isOther(identity: Identity, device: SeenDevice): boolean {
  const { endpoint = '' } = identity.known ?? {};
  return endpoint !== '' && device.endpoint !== '' && !isSame(identity, device);
}

/** Some makers say the serial number in a scope; some have the hardware address as serial number and end of the endpoint. */
function carriesSerial({ endpoint, serial: said, mac }: SeenDevice, wanted: string): boolean {
  const serial = plain(wanted);
  if (serial.length < MIN_SERIAL_CHARS) return false;
  if (plain(said) === serial || plain(mac) === serial) return true;
  return /^[0-9a-f]{12}$/.test(serial) && plain(endpoint).endsWith(serial);
}

function plain(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}
