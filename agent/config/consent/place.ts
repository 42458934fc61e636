import { isIP } from 'node:net';
import type { CameraPlace } from '../../contract/consent.ts';

const MAPPED = /^(?:::ffff:|::|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

/** A connection to any of these stays on the machine. */
const THIS_MACHINE = ['0.0.0.0', '::', '::1'];

/**
 * One spelling of an address: `127.1`, `0x7f000001`, `2130706433` and `::ffff:127.0.0.1` lead where `127.0.0.1` does.
 * Of a name: small letters, without the final dot.
 */
export function plainHost(host: string): string {
  const name = host.toLowerCase().replace(/\.$/, '');
  const url = URL.parse(`http://${name.includes(':') ? `[${name}]` : name}/`);
  const plain = (url?.hostname || name).replace(/^\[|\]$/g, '');
  return THIS_MACHINE.includes(plain) ? '127.0.0.1' : (embeddedV4(plain) ?? plain);
}

/** The IPv4 address that an IPv6 address stands for. @see RFC 4291 §2.5.5, RFC 6052 §2.1 */
function embeddedV4(address: string): string | undefined {
  const [, high, low] = MAPPED.exec(address) ?? [];
  if (high === undefined || low === undefined) return undefined;
  const bytes = [high, low].flatMap((word) => {
    const value = Number.parseInt(word, 16);
    return [value >> 8, value & 0xff];
  });
  return bytes.join('.');
}

/** Whether it is an address, and not a name that may lead anywhere. */
export function isAddress(host: string): boolean {
  return isIP(plainHost(host)) !== 0;
}

/** An entry of the configuration, as far as it points at a device. */
interface Placed {
  readonly host: string;
  readonly onvif?:
    | { readonly port: number; readonly path: string; readonly profile?: string | undefined }
    | undefined;
  readonly rtsp?: { readonly port: number; readonly path?: string | undefined } | undefined;
}

/** What of a camera's entry points at a device and one of its views. */
export function placeOf({ host, onvif, rtsp }: Placed): CameraPlace {
  return {
    host: plainHost(host),
    ...(onvif ? { onvif: { ...pick(onvif), ...optional('profile', onvif.profile) } } : {}),
    ...(rtsp ? { rtsp: { port: rtsp.port, ...optional('path', rtsp.path) } } : {}),
  };
}

function pick({ port, path }: { readonly port: number; readonly path: string }) {
  return { port, path };
}

function optional<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: string });
}
