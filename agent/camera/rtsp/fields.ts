import type { Headers } from './message.ts';

/** What a server says of the transport of a track. */
export interface Transport {
  /** True for RTP over the RTSP connection. */
  readonly interleaved: boolean;
  /** To many at once, which we neither ask for nor take. */
  readonly multicast?: true;
  /** Over UDP: where it says that its packets come from. */
  readonly serverPorts?: { readonly rtp: number; readonly rtcp: number };
  readonly rtpChannel: number;
  readonly rtcpChannel: number;
  readonly ssrc?: number;
}

/** @see RFC 2326 §12.37: 60 s when the server does not say. */
const DEFAULT_SESSION_TIMEOUT_S = 60;
const MAX_SESSION_TIMEOUT_S = 24 * 3600;

/** What we ask for, for each track two channels. */
export function askedTransport(rtpChannel: number): string {
  return `RTP/AVP/TCP;unicast;interleaved=${rtpChannel}-${rtpChannel + 1}`;
}

/** The same over UDP, on the ports of RTP and RTCP. */
export function askedPorts([rtp, rtcp]: readonly [rtp: number, rtcp: number]): string {
  return `RTP/AVP;unicast;client_port=${rtp}-${rtcp}`;
}

/** The Transport field of a SETUP reply; missing channels are those that we asked for. @see RFC 2326 §12.39 */
export function parseTransport(value: string | undefined, askedChannel = 0, overUdp = false): Transport {
  const asked = overUdp ? 'RTP/AVP;unicast' : askedTransport(askedChannel);
  const params = (value ?? asked).split(',')[0]?.split(';') ?? [];
  const named = new Map(params.map((param) => splitAt(param, '=')));
  const [rtp, rtcp] = (named.get('interleaved') ?? '').split('-').map((text) => channelOf(text));
  const ssrc = ssrcOf(named.get('ssrc') ?? '');
  const serverPorts = portsOf(named.get('server_port') ?? '');
  return {
    interleaved: /^\s*RTP\/AVP\/TCP\s*$/i.test(params[0] ?? '') || named.has('interleaved'),
    rtpChannel: rtp ?? askedChannel,
    rtcpChannel: rtcp ?? (rtp ?? askedChannel) + 1,
    ...(ssrc === undefined ? {} : { ssrc }),
    ...(named.has('multicast') ? { multicast: true as const } : {}),
    ...(serverPorts === undefined ? {} : { serverPorts }),
  };
}

/** Two ports, or the first of two that are neighbours. */
function portsOf(text: string): Transport['serverPorts'] {
  const [rtp = 0, rtcp = rtp + 1] = text.split('-').map((port) => unsigned(port.trim(), 0xffff) ?? 0);
  return rtp > 0 && rtcp > 0 && rtcp <= 0xffff ? { rtp, rtcp } : undefined;
}

function channelOf(text: string): number | undefined {
  const digits = /^\s*(\d{1,3})\s*$/.exec(text)?.[1];
  return digits !== undefined && Number(digits) <= 255 ? Number(digits) : undefined;
}

/** Hexadecimal by the standard; cameras also write `0x`, blanks, or more digits than fit in hexadecimal: decimal. */
function ssrcOf(text: string): number | undefined {
  const digits = text.trim().replace(/^0x/i, '');
  if (/^[0-9a-f]{1,8}$/i.test(digits)) return Number.parseInt(digits, 16);
  const decimal = /^\d{9,10}$/.test(digits) ? Number(digits) : Number.NaN;
  return decimal <= 0xffffffff ? decimal : undefined;
}

export interface SessionField {
  readonly id: string;
  readonly timeoutMs: number;
}

/** @see RFC 2326 §12.37 */
export function parseSession(value: string | undefined): SessionField | undefined {
  const [id = '', ...params] = (value ?? '').split(';').map((part) => part.trim());
  if (id === '') return undefined;
  const timeout = new Map(params.map((param) => splitAt(param, '='))).get('timeout') ?? '';
  const seconds = /^\d{1,9}/.exec(timeout)?.[0];
  const known = seconds !== undefined && Number(seconds) > 0 ? Number(seconds) : DEFAULT_SESSION_TIMEOUT_S;
  return { id, timeoutMs: Math.min(known, MAX_SESSION_TIMEOUT_S) * 1000 };
}

/** What a PLAY reply says of the first packet of a track; only told in the log, cameras often have it wrong. */
export interface RtpInfo {
  readonly url: string;
  readonly sequence?: number;
  readonly rtpTime?: number;
}

/** Tracks of one reply that are looked at, and the longest address of one. Source: guesses. */
const MAX_RTP_INFOS = 16;
const MAX_RTP_INFO_CHARS = 2048;

/** @see RFC 2326 §12.33 */
export function parseRtpInfo(value: string): RtpInfo[] {
  return value
    .split(/,\s*(?=url\s*=)/i, MAX_RTP_INFOS)
    .filter((entry) => entry.length <= MAX_RTP_INFO_CHARS)
    .flatMap(readRtpInfo);
}

/** Addresses hold semicolons too: what is known is taken from the end. */
function readRtpInfo(entry: string): RtpInfo[] {
  const parts = entry.split(';');
  const known = parts.findLastIndex((part) => !/^\s*(seq|rtptime|ssrc)=/i.test(part)) + 1;
  const [name, url] = splitAt(parts.slice(0, known).join(';'), '=');
  if (name !== 'url') return [];
  const named = new Map(parts.slice(known).map((param) => splitAt(param, '=')));
  const sequence = unsigned(named.get('seq'), 0xffff);
  const rtpTime = unsigned(named.get('rtptime'), 0xffffffff);
  return [
    {
      url,
      ...(sequence === undefined ? {} : { sequence }),
      ...(rtpTime === undefined ? {} : { rtpTime }),
    },
  ];
}

/** The methods that the server offers, in upper case. @see RFC 2326 §12.28 */
export function parsePublic(headers: Headers): ReadonlySet<string> {
  const text = [...headers.all('public'), ...headers.all('allow')].join(',');
  return new Set(
    text
      .toUpperCase()
      .split(/[\s,]+/)
      .filter((word) => word !== ''),
  );
}

function unsigned(text: string | undefined, max: number): number | undefined {
  const value = /^\d{1,10}$/.test(text ?? '') ? Number(text) : Number.NaN;
  return value <= max ? value : undefined;
}

function splitAt(text: string, separator: string): [name: string, value: string] {
  const at = text.indexOf(separator);
  if (at < 0) return [text.trim().toLowerCase(), ''];
  return [text.slice(0, at).trim().toLowerCase(), text.slice(at + 1).trim()];
}
