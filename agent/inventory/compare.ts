import type { SeenDevice } from '../camera/discovery/device.ts';
import type { Finding } from './finding.ts';
import { type Identity, isOther, isSame } from './same-device.ts';

/** A camera of the configuration with what is known of it. */
export interface Sought extends Identity {
  readonly id: string;
  readonly name: string;
  readonly host: string;
  /** Where the host leads now. */
  readonly addresses: readonly string[];
  /** What a connection to its address met, where discovery heard nobody; `closed`: a machine that refuses it. */
  readonly port: 'open' | 'closed' | 'silent';
  /** Health has heard another serial number there. */
  readonly isSwapped: boolean;
}

export interface Comparison {
  readonly present: readonly Sought[];
  readonly findings: readonly Finding[];
}

const NO_DEVICE = { address: '', endpoint: '', mac: '', hardware: '', deviceName: '' };

/**
 * Holds what is configured against what was seen.
 * @param expected addresses at which no camera of the box stands, and something that is known does
 */
export function compare(
  cameras: readonly Sought[],
  devices: readonly SeenDevice[],
  expected: ReadonlySet<string>,
): Comparison {
  const judged = cameras.map((camera) => ({ camera, finding: judge(camera, cameras, devices) }));
  const findings = judged.flatMap(({ finding }) => finding ?? []);
  const configured = new Set(cameras.flatMap(({ addresses }) => addresses));
  const moved = new Set(findings.flatMap(({ kind, address }) => (kind === 'moved' ? [address] : [])));
  const strangers = devices.filter(
    ({ address }) => !configured.has(address) && !moved.has(address) && !expected.has(address),
  );
  return {
    present: judged.flatMap(({ camera, finding }) => (finding ? [] : [camera])),
    findings: [...findings, ...byAddress(strangers).map(unknown)],
  };
}

function judge(
  camera: Sought,
  cameras: readonly Sought[],
  devices: readonly SeenDevice[],
): Finding | undefined {
  const here = devices.filter(({ address }) => camera.addresses.includes(address));
  const isHere = here.some((device) => isSame(camera, device));
  const stranger = isHere
    ? undefined
    : here.find((device) => isOther(camera, device) || isOfAnother(camera, device, cameras));
  if (stranger || camera.isSwapped) return swapped(camera, stranger ?? here[0], cameras);
  if (here.length > 0 || camera.port === 'open') return undefined;
  const elsewhere = devices.find((device) => isSame(camera, device));
  if (elsewhere) return finding('moved', camera, elsewhere);
  return camera.port === 'silent' ? finding('missing', camera, undefined) : undefined;
}

/** Whether the device is known as that of a camera that stands elsewhere. */
function isOfAnother({ id }: Sought, device: SeenDevice, cameras: readonly Sought[]): boolean {
  return cameras.some(
    (one) => one.id !== id && !one.addresses.includes(device.address) && isSame(one, device),
  );
}

function swapped(camera: Sought, device: SeenDevice | undefined, cameras: readonly Sought[]): Finding {
  const other = cameras.find((one) => one.id !== camera.id && device && isSame(one, device));
  return { ...finding('swapped', camera, device), other: other?.id ?? '' };
}

function finding(kind: Finding['kind'], camera: Sought, device: SeenDevice | undefined): Finding {
  const { id, name, host } = camera;
  return { kind, camera: id, name, configured: host, other: '', ...(device ? saidBy(device) : NO_DEVICE) };
}

function unknown(device: SeenDevice): Finding {
  return { kind: 'unknown', camera: '', name: '', configured: '', other: '', ...saidBy(device) };
}

function saidBy({ address, endpoint, mac, hardware, name }: SeenDevice) {
  return { address, endpoint, mac, hardware, deviceName: name };
}

/** A recorder that answers for the cameras behind it is one device. */
function byAddress(devices: readonly SeenDevice[]): SeenDevice[] {
  return [...new Map(devices.toReversed().map((device) => [device.address, device])).values()].reverse();
}
