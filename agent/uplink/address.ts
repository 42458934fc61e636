import { ConfigurationError } from '../base/errors.ts';
import { quoted } from '../base/text.ts';

/** Where a broker listens. */
export interface BrokerAddress {
  /** `mqtts://host:port`, for messages: holds no secret. */
  readonly label: string;
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

const SECURE_PORT = 8883;
const PLAIN_PORT = 1883;

/**
 * Takes a broker URL apart.
 * @param plainLoopback whether the box file allows `mqtt://` to a loopback address
 * @throws ConfigurationError `box-file-invalid`
 */
export function parseBroker(url: string, plainLoopback: boolean): BrokerAddress {
  if (!URL.canParse(url)) throw wrong(url, 'expected mqtts://host[:port]');
  const { protocol, hostname, port } = new URL(url);
  const secure = protocol === 'mqtts:';
  if (!secure && protocol !== 'mqtt:') throw wrong(url, 'expected mqtts:// or mqtt://');
  if (!secure && !(plainLoopback && isLoopback(hostname))) {
    throw wrong(url, 'mqtt:// is allowed to a loopback address only, with "plainLoopback": true');
  }
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const chosen = port === '' ? (secure ? SECURE_PORT : PLAIN_PORT) : Number(port);
  return { label: `${protocol}//${hostname}:${chosen}`, host, port: chosen, secure };
}

function wrong(url: string, why: string): ConfigurationError {
  return new ConfigurationError('box-file-invalid', `broker ${quoted(url)}: ${why}`);
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
