import type { Block } from '../../base/pool.ts';
import type { AccessUnit } from '../types.ts';
import type { AssembledUnit } from './access-units.ts';

/** What the stream knows of the times of a unit. */
export type UnitTimes = Pick<AccessUnit, 'rtpTime' | 'receivedWallMs'> & {
  readonly captureWallMs: number | undefined;
};

/** An access unit in a block of the pool. */
export class ReceivedUnit implements AccessUnit {
  readonly nals: readonly Buffer[];
  readonly bytes: Buffer;
  readonly rtpTime: number;
  readonly key: boolean;
  readonly damaged: boolean;
  readonly receivedWallMs: number;
  readonly receivedMonotonicMs: number;
  readonly captureWallMs?: number;
  readonly #block: Block;

  constructor(assembled: AssembledUnit, { rtpTime, receivedWallMs, captureWallMs }: UnitTimes) {
    this.nals = assembled.nals;
    this.bytes = assembled.bytes;
    this.rtpTime = rtpTime;
    this.key = assembled.key;
    this.damaged = assembled.damaged;
    this.receivedWallMs = receivedWallMs;
    this.receivedMonotonicMs = assembled.receivedMonotonicMs;
    if (captureWallMs !== undefined) this.captureWallMs = captureWallMs;
    this.#block = assembled.block;
  }

  hold(): void {
    this.#block.hold();
  }

  release(): void {
    this.#block.release();
  }
}
