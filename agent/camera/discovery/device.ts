import { isIPv4 } from 'node:net';
import { httpPort, splitUri } from '../onvif/uri.ts';
import type { ProbeMatch } from './probe-matches.ts';
import type { DeviceScopes } from './scopes.ts';

/** Where the device service is, at the address of the device. */
interface DeviceService {
  readonly port: number;
  readonly path: string;
  readonly tls: boolean;
}

/** A device that answered, at the address from which it answered. */
export interface SeenDevice extends DeviceScopes {
  readonly address: string;
  readonly endpoint: string;
  readonly types: readonly string[];
  /** Undefined when it names none at the address from which it answered. */
  readonly service: DeviceService | undefined;
  /** IPv4 addresses, other than its own, at which it says to be: nobody asks there. */
  readonly elsewhere: readonly string[];
}

/** What is believed of an answer: a service at the address of the sender alone. */
export function seenDevice(match: ProbeMatch, address: string, mac: string | undefined): SeenDevice {
  const { addresses, ...said } = match;
  const services = addresses.flatMap((text) => serviceAt(text) ?? []);
  const own = services.filter(({ host }) => host === address).map(({ host: _, ...service }) => service);
  const others = services.map(({ host }) => host).filter((host) => isIPv4(host) && host !== address);
  return {
    ...said,
    ...{ address, mac: mac ?? said.mac },
    service: own.find(({ tls }) => !tls) ?? own[0],
    elsewhere: [...new Set(others)],
  };
}

function serviceAt(text: string): (DeviceService & { readonly host: string }) | undefined {
  const uri = splitUri(text);
  if (!uri || (uri.scheme !== 'http' && uri.scheme !== 'https')) return undefined;
  const host = URL.parse(text)?.hostname ?? '';
  return { host, port: httpPort(uri), path: uri.path, tls: uri.scheme === 'https' };
}
