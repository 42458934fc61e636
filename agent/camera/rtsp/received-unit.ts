import { InternalError } from '../../base/errors.ts';
import type { Block } from '../../base/pool.ts';
import type { AccessUnit } from '../types.ts';
import type { AssembledUnit } from './access-units.ts';

/** What the stream knows of the times of a unit. */
export type UnitTimes = Pick<AccessUnit, 'rtpTime' | 'receivedWallMs'> & {
  readonly captureWallMs: number | undefined;
};

/** An access unit in a block of the pool. */
export class ReceivedUnit implements AccessUnit {
  readonly rtpTime: number;
  readonly key: boolean;
  readonly damaged: boolean;
  readonly receivedWallMs: number;
  readonly receivedMonotonicMs: number;
  readonly captureWallMs?: number;
  readonly #nals: readonly Buffer[];
  readonly #bytes: Buffer;
  readonly #block: Block;

  constructor(assembled: AssembledUnit, { rtpTime, receivedWallMs, captureWallMs }: UnitTimes) {
    this.#nals = assembled.nals;
    this.#bytes = assembled.bytes;
    this.rtpTime = rtpTime;
    this.key = assembled.key;
    this.damaged = assembled.damaged;
    this.receivedWallMs = receivedWallMs;
    this.receivedMonotonicMs = assembled.receivedMonotonicMs;
    if (captureWallMs !== undefined) this.captureWallMs = captureWallMs;
    this.#block = assembled.block;
  }

  /** @throws InternalError when nobody holds it: its memory is somebody else's by now */
  get nals(): readonly Buffer[] {
    this.#requireHeld();
    return this.#nals;
  }

  /** @throws InternalError likewise */
  get bytes(): Buffer {
    this.#requireHeld();
    return this.#bytes;
  }

  hold(): void {
    this.#block.hold();
  }

  release(): void {
    this.#block.release();
  }

  #requireHeld(): void {
    if (!this.#block.held)
      throw new InternalError('internal', 'a picture was looked at after its last release');
  }
}
