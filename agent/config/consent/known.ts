import { z } from 'zod';
import { cameraPlace, partnerBounds } from '../../contract/consent.ts';
import { partnerId } from '../../contract/lease-terms.ts';
import { cameraId } from '../../contract/messages.ts';
import type { CameraConfig, PartnerConfig } from '../configuration.ts';
import { boundsOf } from './bounds.ts';
import { placeOf, plainHost } from './place.ts';

/** What a box remembers of partners: whatever was a partner's stays so until that partner says otherwise. */
export const known = z.strictObject({
  partners: z.record(
    partnerId,
    z.strictObject({
      bounds: partnerBounds,
      /** When the last statement that counted was issued, Unix s; 0 when none was. */
      toldS: z.int(),
      /** Hashes of the statements that counted: a configuration goes on carrying them. */
      taken: z.array(z.string()),
    }),
  ),
  cameras: z.record(cameraId, z.strictObject({ partner: partnerId, place: cameraPlace })),
  /** Every address and host name at which a camera of a partner stood. */
  hosts: z.record(z.string(), partnerId),
});
export type Known = z.infer<typeof known>;

export const NOTHING_KNOWN: Known = { partners: {}, cameras: {}, hosts: {} };

/** Cameras and addresses that a box remembers at most: 16 partners of 256 cameras. */
export const MAX_KNOWN = 4096;

/** The addresses that host names lead to now, by name. */
export type Addresses = ReadonlyMap<string, readonly string[]>;

interface Content {
  readonly cameras: readonly Omit<CameraConfig, 'credentials'>[];
  readonly partners: readonly PartnerConfig[];
}

/** What is known once the configuration was in force; what is known already stays as it is. */
export function learnt(before: Known, { cameras, partners }: Content, addresses: Addresses): Known {
  const after = structuredClone(before);
  for (const camera of cameras) {
    const { partner } = camera;
    if (camera.regime !== 'leased' || partner === undefined) continue;
    const entry = partners.find(({ id }) => id === partner);
    if (entry) after.partners[partner] ??= { bounds: boundsOf(entry), toldS: 0, taken: [] };
    after.cameras[camera.id] ??= { partner, place: placeOf(camera) };
    for (const host of hostsOf(camera.host, addresses)) after.hosts[host] ??= partner;
  }
  return after;
}

/** Every spelling under which a host is known: its own, and what its name leads to. */
export function hostsOf(host: string, addresses: Addresses): string[] {
  return [plainHost(host), ...(addresses.get(host) ?? []).map(plainHost)];
}

/** What either of two copies knows. The one with the later word of a partner tells its bounds. */
export function union(a: Known, b: Known): Known {
  const later = (id: string) =>
    (a.partners[id]?.toldS ?? -1) >= (b.partners[id]?.toldS ?? -1) ? a.partners[id] : b.partners[id];
  const ids = Object.keys({ ...a.partners, ...b.partners });
  return {
    partners: Object.fromEntries(ids.flatMap((id) => [[id, later(id)] as const])) as Known['partners'],
    cameras: { ...b.cameras, ...a.cameras },
    hosts: { ...b.hosts, ...a.hosts },
  };
}
