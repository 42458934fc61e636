/** The parts of an address that a camera gave; its host is left out, because it is never used. */
export interface CameraUri {
  /** Small letters. */
  readonly scheme: string;
  /** Undefined when the address names none. */
  readonly port: number | undefined;
  /** Path and query exactly as the camera wrote them, at least `/`. */
  readonly path: string;
}

/** The port that an HTTP address means. */
export function httpPort({ scheme, port }: CameraUri): number {
  return port ?? (scheme === 'https' ? 443 : 80);
}

/** Longest address that is taken. Source: the limit of the link to the video process. */
const MAX_URI_CHARS = 2048;

/** Splits an address without changing a character of its path: cameras compare it byte by byte. */
export function splitUri(text: string): CameraUri | undefined {
  const match = /^([a-z][a-z0-9+.-]{0,15}):\/\/([^/?#\s]*)([^#\s]*)/i.exec(text.trim());
  if (!match || text.length > MAX_URI_CHARS || /[\u0000-\u0020\u007f]/.test(text.trim())) return undefined;
  const [, scheme = '', authority = '', rest = ''] = match;
  const digits = /:(\d{1,5})$/.exec(authority)?.[1];
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  return { scheme: scheme.toLowerCase(), port, path: rest.startsWith('/') ? rest : `/${rest}` };
}
