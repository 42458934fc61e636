import { DeviceError } from '../../base/errors.ts';
import { quoted } from '../../base/text.ts';
import type { Headers } from './message.ts';

/** Where to connect. */
export interface Address {
  /** Without user part and fragment; what stands in request lines. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly encrypted: boolean;
}

const DEFAULT_PORT = 554;
/** @see RFC 7826 §4.2 */
const DEFAULT_TLS_PORT = 322;

/** @throws DeviceError `camera-not-found` when the text is no RTSP address */
export function parseAddress(camera: string, text: string): Address {
  const url = URL.parse(text);
  if (!url || !/^rtsps?:$/.test(url.protocol) || url.hostname === '') {
    throw new DeviceError('camera-not-found', `${camera}: expected an rtsp address, have ${quoted(text)}`);
  }
  const encrypted = url.protocol === 'rtsps:';
  const port = url.port === '' ? (encrypted ? DEFAULT_TLS_PORT : DEFAULT_PORT) : Number(url.port);
  return { url: withoutUser(url), host: url.hostname.replace(/^\[|\]$/g, ''), port, encrypted };
}

/**
 * The base of the controls of a description: Content-Base, else Content-Location, else what was asked for; its host
 * is always the one that we connected to.
 * @see RFC 2326 §C.1.1
 */
export function baseUrl(address: Address, headers: Headers): string {
  for (const name of ['content-base', 'content-location']) {
    const value = headers.get(name) ?? '';
    const ours = onOurHost(address, value) ?? fromPath(address, value);
    if (ours) return ours;
  }
  return address.url;
}

/**
 * The addresses that a control may mean, the likeliest first. The standard asks to resolve it like a link, while
 * nearly every client appends it to the base, also behind a query; cameras are built against those clients.
 * @see RFC 2326 §C.1.1
 */
export function controlUrls(address: Address, base: string, control: string): string[] {
  if (control === '*') return [base];
  const absolute = onOurHost(address, control);
  if (absolute) return [absolute];
  const appended = `${base.replace(/\/$/, '')}/${control.replace(/^\//, '')}`;
  const linked = onOurHost(address, URL.parse(control, base)?.href ?? '');
  const cleaned = onOurHost(address, control.startsWith('?') ? base + control : appended) ?? address.url;
  return [...new Set([cleaned, ...(linked ? [linked] : [])])];
}

/** The same address on the host and port that we connected to; a foreign host is never trusted. */
function onOurHost(address: Address, text: string): string | undefined {
  const url = /^rtsp[su]?:\/\//i.test(text) ? URL.parse(text) : null;
  if (!url) return undefined;
  return ourOrigin(address) + url.pathname + url.search;
}

function fromPath(address: Address, text: string): string | undefined {
  const url = text.startsWith('/') ? URL.parse(text, ourOrigin(address)) : null;
  return url ? onOurHost(address, url.href) : undefined;
}

function ourOrigin(address: Address): string {
  const url = new URL(address.url);
  return `${url.protocol}//${url.host}`;
}

function withoutUser(from: URL): string {
  const url = new URL(from);
  url.username = '';
  url.password = '';
  url.hash = '';
  return url.href;
}
