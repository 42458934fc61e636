import { isIPv4 } from 'node:net';

/** The parts of an IPv4 network such as `10.20.0.0/16`; undefined for anything else. */
export function parseCidr(text: string): { readonly base: string; readonly bits: number } | undefined {
  const [, base = '', digits = ''] = /^([\d.]{7,15})\/(\d{1,2})$/.exec(text) ?? [];
  const bits = Number(digits);
  return isIPv4(base) && digits !== '' && bits <= 32 ? { base, bits } : undefined;
}

/** Whether the text is an IPv4 network such as `10.20.0.0/16`, not wider than a /8. */
export function isNetwork(text: string): boolean {
  return (parseCidr(text)?.bits ?? 0) >= 8;
}

/** Whether one of two IPv4 networks holds the other. */
export function overlap(a: string, b: string): boolean {
  const [one, other] = [parseCidr(a), parseCidr(b)];
  if (!one || !other) return false;
  const bits = Math.min(one.bits, other.bits);
  return prefix(one.base, bits) === prefix(other.base, bits);
}

function prefix(address: string, bits: number): number {
  const value = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  return Math.floor(value / 2 ** (32 - bits));
}
