import { BlockList, isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';

/** An address of this machine, with the network that it is in. */
export interface OwnAddress {
  readonly address: string;
  /** Such as `10.20.0.5/24`. */
  readonly cidr: string;
  /** Loopback. */
  readonly internal: boolean;
}

/** The IPv4 addresses of this machine. */
export function ownAddresses(): OwnAddress[] {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return all.flatMap(({ family, address, cidr, internal }) =>
    family === 'IPv4' && cidr !== null ? [{ address, cidr, internal }] : [],
  );
}

/** Parses `10.20.0.0/16`; undefined for anything else. */
function parseCidr(text: string): { readonly base: string; readonly bits: number } | undefined {
  const [, base = '', digits = ''] = /^([\d.]{7,15})\/(\d{1,2})$/.exec(text) ?? [];
  const bits = Number(digits);
  return isIPv4(base) && digits !== '' && bits <= 32 ? { base, bits } : undefined;
}

/** Whether the text is an IPv4 network such as `10.20.0.0/16`, not wider than a /8. */
export function isNetwork(text: string): boolean {
  return (parseCidr(text)?.bits ?? 0) >= 8;
}

/** The networks that cameras may stand in: nobody outside them is believed or contacted. */
export class Networks {
  readonly #list = new BlockList();
  /** Addresses of this machine from which these networks are reached. */
  readonly own: readonly OwnAddress[];

  /** @param wanted IPv4 networks; those of the machine's own interfaces but loopback when absent */
  constructor(wanted: readonly string[] | undefined, own: readonly OwnAddress[]) {
    this.own = wanted
      ? own.filter(({ cidr }) => wanted.some((one) => overlap(one, cidr)))
      : own.filter(({ internal }) => !internal);
    for (const cidr of wanted ?? this.own.map((one) => one.cidr)) {
      const network = parseCidr(cidr);
      if (network) this.#list.addSubnet(network.base, network.bits);
    }
  }

  has(address: string): boolean {
    return isIPv4(address) && this.#list.check(address);
  }
}

/** Whether one of the two networks holds the other. */
function overlap(a: string, b: string): boolean {
  const [one, other] = [parseCidr(a), parseCidr(b)];
  if (!one || !other) return false;
  const bits = Math.min(one.bits, other.bits);
  return prefix(one.base, bits) === prefix(other.base, bits);
}

function prefix(address: string, bits: number): number {
  const value = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  return Math.floor(value / 2 ** (32 - bits));
}
