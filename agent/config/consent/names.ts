import { lookup } from 'node:dns/promises';
import { isAddress } from './place.ts';

/** How long a host name may take to lead somewhere, ms. Source: guess. */
const LOOKUP_TIMEOUT_MS = 2_000;

/** Says where a host name leads; an empty list where it leads nowhere. */
export type Lookup = (name: string) => Promise<readonly string[]>;

/** Asks the machine. Never throws. */
export const lookUp: Lookup = async (name) => {
  const late = new Promise<readonly string[]>((resolve) => {
    setTimeout(resolve, LOOKUP_TIMEOUT_MS, []).unref();
  });
  const asked = lookup(name, { all: true }).then(
    (found) => found.map(({ address }) => address),
    () => [],
  );
  return await Promise.race([asked, late]);
};

/** Where the host names among these lead now. */
export async function addressesOf(
  hosts: readonly string[],
  look: Lookup,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = [...new Set(hosts)].filter((host) => !isAddress(host));
  return new Map(await Promise.all(names.map(async (name) => [name, await look(name)] as const)));
}
