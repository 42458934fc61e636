import { asBeffroiError, type BeffroiError, OrderRefusedError } from '../base/errors.ts';
import { Lease } from '../trust/lease.ts';
import type { OrderOf } from './facts.ts';
import type { LeaseMemory } from './lease-memory.ts';
import type { SignedOrder, ViewingConfiguration, ViewingNeeds } from './ports.ts';

/** Leases at the same time. Source: guess. */
const MAX_LEASES = 32;
/** The clock of the partner may be this much behind that of the box. */
const SINCE_SLACK_MS = 1_000;

/** Says why an order about a lease cannot be carried out. */
export class LeaseCheck {
  readonly #needs: ViewingNeeds;
  readonly #memory: LeaseMemory;

  constructor(needs: ViewingNeeds, memory: LeaseMemory) {
    this.#needs = needs;
    this.#memory = memory;
  }

  /** The lease of a signed order, held against the terms of its camera. @throws OrderRefusedError */
  #verified({ order, jws }: SignedOrder, { cameras }: ViewingConfiguration): Lease {
    const camera = cameras.get(order.camera);
    if (camera?.regime !== 'leased')
      throw new OrderRefusedError('order-wrong-regime', `${order.camera} is not the camera of a partner`);
    const { keyring, site, clock, clockTrust } = this.#needs;
    const now = { site, nowMs: clock.wallMs(), clockTrust: clockTrust() };
    return Lease.verify(jws, keyring, camera.terms, now);
  }

  /** @param open the leases that are open now @param waiting those that wait for their start */
  obstacle(
    signed: SignedOrder,
    configuration: ViewingConfiguration,
    open: readonly Lease[],
    waiting: readonly Lease[],
  ): BeffroiError | undefined {
    const { order } = signed;
    if (order.command === 'lease.open') return this.#openObstacle(signed, configuration, open);
    if (order.command === 'lease.close') return closeObstacle(signed, order, [...open, ...waiting]);
    if (order.command !== 'lease.followup') return undefined;
    const known =
      waiting.find(({ id }) => id === order.lease)?.camera ?? this.#memory.find(order.lease)?.order.camera;
    return known === order.camera ? undefined : unknownLease(order);
  }

  /** The lease of a signed order that nothing stands against. @throws BeffroiError */
  openable(signed: SignedOrder, configuration: ViewingConfiguration, open: readonly Lease[]): Lease {
    const lease = this.#verified(signed, configuration);
    const obstacle = crowdObstacle(lease, open) ?? this.#safetyObstacle(lease.order);
    if (obstacle) throw obstacle;
    return lease;
  }

  #openObstacle(...asked: Parameters<LeaseCheck['openable']>): BeffroiError | undefined {
    try {
      this.openable(...asked);
      return undefined;
    } catch (thrown) {
      return asBeffroiError(thrown);
    }
  }

  /** Whether the lease is surely new, and can surely be closed. */
  #safetyObstacle({ iat }: OrderOf<'lease.open'>): BeffroiError | undefined {
    const { store, control } = this.#needs;
    const unsafe = (why: string) => new OrderRefusedError('lease-not-safe', why);
    if (!store.durable) return unsafe('the disk refuses: a lease that is taken would not be remembered');
    if (!control.link().up) return unsafe('the link to the centre is lost: nobody could close it');
    const sinceMs = this.#memory.sinceMs;
    if (sinceMs === undefined || iat * 1000 < sinceMs - SINCE_SLACK_MS)
      return unsafe('it was signed before the memory of this box begins, and may have been used');
    return undefined;
  }
}

function crowdObstacle(lease: Lease, open: readonly Lease[]): BeffroiError | undefined {
  const same = open.some(({ camera, recipient }) => camera === lease.camera && recipient === lease.recipient);
  if (!same && open.length < MAX_LEASES) return undefined;
  return new OrderRefusedError(
    'channel-open',
    `expected no open lease of ${lease.camera} for ${lease.recipient}, and fewer than ${MAX_LEASES} in all`,
  );
}

function closeObstacle(
  { signers }: SignedOrder,
  order: OrderOf<'lease.close'>,
  taken: readonly Lease[],
): BeffroiError | undefined {
  const lease = taken.find(({ id }) => id === order.lease);
  if (lease?.camera !== order.camera) return unknownLease(order);
  const mayClose = signers.some(
    ({ kid, role }) => role === 'operate' || (role === 'partner' && lease.terms.keys.includes(kid)),
  );
  if (mayClose) return undefined;
  return new OrderRefusedError('lease-wrong-partner', `lease ${order.lease} is not of this partner`);
}

/** The order names a lease that is not there. */
export function unknownLease({
  lease,
  camera,
}: {
  readonly lease: string;
  readonly camera: string;
}): OrderRefusedError {
  return new OrderRefusedError('order-unknown-channel', `no lease ${lease} of ${camera} is open`);
}
