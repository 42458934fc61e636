import type { Segments } from './tcp-loss.ts';

/** One connection of a path. */
export interface Connection {
  /** Port of this end, by which the kernel and the box know it. */
  readonly localPort: number;
  /** Since it was made: taken by the kernel. */
  readonly takenBytes: number;
  /** Handed over and not taken yet. */
  readonly waitingBytes: number;
}

/** What a path was like over a window. */
export interface Measured {
  /** Median and longest, ms, of the last window in which the broker has answered. */
  readonly roundTripMs?: number;
  readonly roundTripMaxMs?: number;
  /** It has answered in this one. */
  readonly answered: boolean;
  readonly kbps: number;
  /** Share of the looks at which bytes waited that the line had not taken. */
  readonly waitingPercent: number;
  /** Of what was sent, sent again; of the last window with enough to say so. */
  readonly lossPercent?: number;
}

/** Fewer segments say nothing of a loss of some percent: they count with those of the next windows. Source: guess. */
const ENOUGH_SEGMENTS = 100;

/** Adds up what is seen of one path, and sums it up window by window. */
export class PathWindow {
  #connections = new Map<number, Connection>();
  #segments = new Map<number, Segments>();
  #roundTripsMs: number[] = [];
  #roundTrip: Pick<Measured, 'roundTripMs' | 'roundTripMaxMs'> = {};
  #takenBytes = 0;
  #looks = 0;
  #waitingLooks = 0;
  #sent = 0;
  #lost = 0;
  #lossPercent: number | undefined;

  look(connections: readonly Connection[], roundTripsMs: readonly number[]): void {
    this.#roundTripsMs.push(...roundTripsMs);
    for (const { localPort, takenBytes } of connections) {
      // What a connection had carried before it was seen was not within this window.
      const before = this.#connections.get(localPort)?.takenBytes ?? takenBytes;
      this.#takenBytes += Math.max(0, takenBytes - before);
    }
    this.#connections = new Map(connections.map((one) => [one.localPort, one]));
    this.#looks += 1;
    if (connections.some(({ waitingBytes }) => waitingBytes > 0)) this.#waitingLooks += 1;
  }

  /** @param segments of all connections of the box; undefined where the kernel cannot be asked */
  kernel(segments: ReadonlyMap<number, Segments> | undefined): void {
    if (!segments) return;
    const own = [...segments].filter(([port]) => this.#connections.has(port));
    for (const [port, { sent, lost }] of own) {
      const before = this.#segments.get(port) ?? { sent, lost };
      this.#sent += Math.max(0, sent - before.sent);
      this.#lost += Math.max(0, lost - before.lost);
    }
    this.#segments = new Map(own);
    if (this.#sent < ENOUGH_SEGMENTS) return;
    this.#lossPercent = Math.min(100, (100 * this.#lost) / this.#sent);
    this.#sent = 0;
    this.#lost = 0;
  }

  /** Sums up, and begins the next window. */
  sum(elapsedMs: number): Measured {
    const sorted = this.#roundTripsMs.toSorted((a, b) => a - b);
    const [median, longest] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
    if (median !== undefined && longest !== undefined)
      this.#roundTrip = { roundTripMs: median, roundTripMaxMs: longest };
    const measured = {
      ...this.#roundTrip,
      answered: sorted.length > 0,
      kbps: elapsedMs > 0 ? (this.#takenBytes * 8) / elapsedMs : 0,
      waitingPercent: this.#looks > 0 ? (100 * this.#waitingLooks) / this.#looks : 0,
      ...(this.#lossPercent !== undefined && { lossPercent: this.#lossPercent }),
    };
    this.#roundTripsMs = [];
    this.#takenBytes = 0;
    this.#looks = 0;
    this.#waitingLooks = 0;
    return measured;
  }
}
