import { isIP, isIPv4 } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { SeenDevice } from '../camera/discovery/device.ts';
import { discover } from '../camera/discovery/discover.ts';
import { Networks, ownAddresses } from '../camera/discovery/networks.ts';
import { probe } from '../camera/probe.ts';
import { type Comparison, compare, type Sought } from './compare.ts';
import type { Inventory } from './finding.ts';
import type { InventorySettings, KnownDevice, ListedCamera } from './ports.ts';

export interface TakeNeeds {
  readonly clock: Clock;
  readonly log: Log;
  /** Makes the UUID of a question to the network. */
  readonly newId: () => string;
  /** Where a host name leads; nowhere: an empty list. */
  readonly lookUp: (name: string) => Promise<readonly string[]>;
  /** What is known of the device of a camera. */
  readonly known: (camera: string) => KnownDevice | undefined;
  /** Serial number that is expected of a camera; empty where none is. */
  readonly serial: (camera: ListedCamera) => string;
  /** Whether health has heard another device at the address of a camera. */
  readonly isSwapped: (camera: string) => boolean;
}

export interface Taken extends Comparison {
  readonly inventory: Inventory;
  readonly devices: readonly SeenDevice[];
}

/** Connections that are tried at once: those to addresses where nobody is take all their time. Source: guess. */
const PROBES_AT_ONCE = 64;
/** @see RFC 2326 §3.2 */
const RTSP_PORT = 554;
/** Differences that are kept of one look. Source: guess. */
const MAX_FINDINGS = 256;

/**
 * Looks at the network and holds it against the configuration: a question by WS-Discovery to all and to each configured
 * address, and one connection to a configured address whose camera said nothing. No login is sent, nobody else is contacted.
 * @throws the reason of `signal` when it aborts
 */
export async function takeInventory(
  needs: TakeNeeds,
  cameras: readonly ListedCamera[],
  { networks, listenS, expected }: Pick<InventorySettings, 'networks' | 'listenS' | 'expected'>,
  signal: AbortSignal,
): Promise<Taken> {
  const { clock } = needs;
  const startMs = clock.monotonicMs();
  const led = await lead(needs, cameras);
  const known = [...new Set([...led.values()].flat())].filter(isIPv4);
  const own = ownAddresses();
  const options = { networks: new Networks(networks, own), known, listenMs: listenS * 1000 };
  const { devices, askedFrom, ignored } = await discover(needs, options, signal);
  const heard = new Set(devices.map(({ address }) => address));
  const silent = cameras.filter(({ id }) => !led.get(id)?.some((address) => heard.has(address)));
  const ports = await tryPorts(silent, clock, signal);
  const sought = cameras.map((camera) => soughtOf(camera, needs, led.get(camera.id) ?? [], ports));
  const mine = [...expected, ...own].map(({ address }) => address);
  const compared = compare(sought, devices, new Set(mine));
  const inventory = {
    atMs: clock.wallMs(),
    durationMs: Math.round(clock.monotonicMs() - startMs),
    ...{ configured: cameras.length, present: compared.present.length, askedFrom },
    findings: compared.findings.slice(0, MAX_FINDINGS),
    ignored: ignored.foreign + ignored.unrelated + ignored.unreadable,
    complete: askedFrom.length > 0 && ignored.excess === 0 && compared.findings.length <= MAX_FINDINGS,
  };
  return { ...compared, inventory, devices };
}

function soughtOf(
  camera: ListedCamera,
  needs: TakeNeeds,
  addresses: readonly string[],
  ports: ReadonlyMap<string, Sought['port']>,
): Sought {
  const { id, name, host } = camera;
  const known = needs.known(id);
  return {
    ...{ id, name, host, addresses, port: ports.get(id) ?? 'silent' },
    // Of another address: the configuration has moved the camera, or put another one there.
    ...{
      known: known?.host === host ? known : undefined,
      serial: needs.serial(camera),
      isSwapped: needs.isSwapped(id),
    },
  };
}

async function lead(
  { lookUp }: TakeNeeds,
  cameras: readonly ListedCamera[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const where = async (host: string) => (isIP(host) ? [host] : await lookUp(host));
  return new Map(await Promise.all(cameras.map(async ({ id, host }) => [id, await where(host)] as const)));
}

/** What a connection to each of the cameras meets. */
async function tryPorts(
  cameras: readonly ListedCamera[],
  clock: Clock,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Sought['port']>> {
  const ports = new Map<string, Sought['port']>();
  const waiting = [...cameras];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { id, host, onvif, rtsp } = next;
      const { result } = await probe({ host, port: onvif?.port ?? rtsp?.port ?? RTSP_PORT }, clock, signal);
      ports.set(id, result === 'open' || result === 'closed' ? result : 'silent');
    }
  };
  await Promise.all(Array.from({ length: PROBES_AT_ONCE }, worker));
  return ports;
}
