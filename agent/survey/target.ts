import { isIP } from 'node:net';

/** A camera to be looked at, as far as whoever asks knows it. */
export interface SurveyTarget {
  /** Address or name. */
  readonly host: string;
  /** Its ONVIF device service; guessed where absent. */
  readonly onvif?: { readonly port: number; readonly path: string; readonly tls: boolean };
  /** Its stream; asked by ONVIF where absent. Without user part. */
  readonly rtsp?: string;
}

const DEVICE_PATH = '/onvif/device_service';
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i;

/**
 * Reads `10.20.0.31`, `camera.local`, `10.20.0.31:8080`, `http://…`, `https://…` or `rtsp://…`.
 * @returns undefined for anything else, and for an address that holds a login
 */
export function readTarget(text: string): SurveyTarget | undefined {
  const [, scheme = ''] = /^([a-z]+):\/\//i.exec(text) ?? [];
  const url = URL.parse(scheme === '' ? `http://${isIP(text) === 6 ? `[${text}]` : text}` : text);
  if (!url) return undefined;
  if (url.username !== '' || url.password !== '' || url.hash !== '') return undefined;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) === 0 && !NAME.test(host)) return undefined;
  const kind = scheme.toLowerCase();
  if (kind === 'rtsp' || kind === 'rtsps') return { host, rtsp: text };
  if (kind !== '' && kind !== 'http' && kind !== 'https') return undefined;
  if (kind === '' && `${url.pathname}${url.search}` !== '/') return undefined;
  if (kind === '' && url.port === '' && !/:80$/.test(text)) return { host };
  const tls = kind === 'https';
  const path = url.pathname === '/' ? DEVICE_PATH : `${url.pathname}${url.search}`;
  return { host, onvif: { port: Number(url.port) || (tls ? 443 : 80), path, tls } };
}

/** One camera each: what is said twice of one host is taken together. */
export function joinTargets(targets: readonly SurveyTarget[]): SurveyTarget[] {
  const byPlace = new Map<string, SurveyTarget>();
  for (const target of targets) {
    const before = byPlace.get(target.host);
    const isOther = before && ((before.rtsp && target.rtsp) || (before.onvif && target.onvif));
    const key = isOther ? `${target.host} ${byPlace.size}` : target.host;
    byPlace.set(key, isOther ? target : { ...before, ...target });
  }
  return [...byPlace.values()];
}
