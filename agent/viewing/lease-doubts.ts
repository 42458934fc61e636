import type { ClosedBy } from '../contract/viewing.ts';
import type { Lease } from '../trust/lease.ts';
import type { ViewingConfiguration, ViewingNeeds } from './ports.ts';

/** How often the other end is asked within the time whose silence closes. Source: guess. */
const PINGS_PER_LOSS = 4;

/** A lease that is open, with what it was opened on. */
export interface OpenLease {
  readonly lease: Lease;
  /** Of the camera's entry when it was opened. */
  readonly fingerprint: string;
  readonly deadlineMs: number;
}

/** Why an open lease is to be closed: its end by either clock, the clock itself, the control link, its terms, the configuration. */
export class LeaseDoubts {
  readonly #needs: Pick<ViewingNeeds, 'clock' | 'clockTrust' | 'control'>;
  /** How often the other end of the control link is asked now, ms. */
  #watchMs = Number.POSITIVE_INFINITY;

  constructor(needs: Pick<ViewingNeeds, 'clock' | 'clockTrust' | 'control'>) {
    this.#needs = needs;
  }

  of({ lease, deadlineMs }: OpenLease): ClosedBy | undefined {
    const { clock, clockTrust, control } = this.#needs;
    const nowMs = clock.monotonicMs();
    if (nowMs >= deadlineMs) return 'end';
    if (nowMs - control.link().heardMs > lease.terms.controlLossS * 1000) return 'control-link';
    return lease.doubt(clock.wallMs(), clockTrust());
  }

  /**
   * While a lease is open, the other end has several occasions to answer before its silence closes one; also while one
   * waits for its start, since nothing may have come since its order.
   */
  watchLink(watched: readonly Lease[]): void {
    const lossMs = watched.map(({ terms }) => terms.controlLossS * 1000);
    const everyMs = Math.min(...lossMs) / PINGS_PER_LOSS;
    if (everyMs === this.#watchMs) return;
    this.#watchMs = everyMs;
    this.#needs.control.watch(everyMs);
  }
}

/** Of everything that a lease of the camera rests on; empty when there can be none. */
export function fingerprintOf({ cameras }: ViewingConfiguration, id: string): string {
  const camera = cameras.get(id);
  return camera?.regime === 'leased' ? `${camera.fingerprint} ${JSON.stringify(camera.terms)}` : '';
}
