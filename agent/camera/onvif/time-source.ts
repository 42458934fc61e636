import { at, childrenOf, textAt, type XmlElement } from './xml.ts';

/** Where a camera takes its time from, as it says. */
export interface TimeSource {
  /** Names and addresses of its time servers, those of DHCP where it asks that. */
  readonly servers: readonly string[];
  readonly fromDhcp: boolean;
}

/** Servers that are kept of a camera, and characters of each. Source: guess. */
const MAX_SERVERS = 8;
const MAX_CHARS = 64;

/** @see ONVIF Core §8.3.11 (GetNTP) */
export function readTimeSource(content: XmlElement): TimeSource {
  const information = at(content, 'NTPInformation');
  const fromDhcp = textAt(information, 'FromDHCP') === 'true';
  const hosts = childrenOf(information, fromDhcp ? 'NTPFromDHCP' : 'NTPManual');
  const servers = hosts.map(hostOf).filter((text) => text !== '');
  return { servers: servers.slice(0, MAX_SERVERS), fromDhcp };
}

function hostOf(host: XmlElement): string {
  const names = ['DNSname', 'IPv4Address', 'IPv6Address'].map((name) => textAt(host, name));
  return (names.find((text) => text !== '') ?? '').slice(0, MAX_CHARS).toLowerCase();
}
