import { isDeepStrictEqual } from 'node:util';
import type { CameraConfig, PartnerConfig } from '../configuration.ts';
import { boundsOf, widened } from './bounds.ts';
import { type Addresses, hostsOf, type Known, learnt, MAX_KNOWN } from './known.ts';
import { placeOf } from './place.ts';

type Camera = Omit<CameraConfig, 'credentials'>;

interface Content {
  readonly cameras: readonly Camera[];
  readonly partners: readonly PartnerConfig[];
}

/** What of a configuration a partner has not agreed to, each with its path. */
export function consentFaults(before: Known, content: Content, addresses: Addresses): string[] {
  const after = learnt(before, content, addresses);
  const faults = [
    ...content.cameras.flatMap((camera, index) =>
      cameraFaults(before, after, camera, addresses).map((why) => `cameras.${index}${why}`),
    ),
    ...content.partners.flatMap((entry, index) =>
      partnerFaults(before, entry).map((why) => `partners.${index}.${why}`),
    ),
  ];
  const size = Math.max(Object.keys(after.cameras).length, Object.keys(after.hosts).length);
  if (size > MAX_KNOWN)
    faults.push(`cameras: expected at most ${MAX_KNOWN} of partners in all, came ${size}`);
  return faults;
}

function cameraFaults(before: Known, after: Known, camera: Camera, addresses: Addresses): string[] {
  const owner = otherOwner(after, camera, addresses);
  if (owner !== undefined)
    return [`: partner ${owner} has not agreed that ${camera.id} is anything but its leased camera`];
  const known = before.cameras[camera.id];
  if (camera.regime !== 'leased' || !known || isDeepStrictEqual(known.place, placeOf(camera))) return [];
  return [`: partner ${known.partner} has not agreed that ${camera.id} stands elsewhere`];
}

/** A partner whose camera this is known to be, by its id or its address, without being entered so. */
export function otherOwner(known: Known, camera: Camera, addresses: Addresses): string | undefined {
  const entered = camera.regime === 'leased' ? camera.partner : undefined;
  const owners = [
    known.cameras[camera.id]?.partner,
    ...hostsOf(camera.host, addresses).map((host) => known.hosts[host]),
  ];
  return owners.find((owner) => owner !== undefined && owner !== entered);
}

function partnerFaults(before: Known, entry: PartnerConfig): string[] {
  const agreed = before.partners[entry.id];
  if (!agreed) return [];
  return widened(agreed.bounds, boundsOf(entry)).map(
    (key) => `${key}: partner ${entry.id} has not agreed to this`,
  );
}
