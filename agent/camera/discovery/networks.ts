import { BlockList, isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { overlap, parseCidr } from '../../base/ipv4.ts';

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
