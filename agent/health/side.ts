import { CODES, type Code } from '../base/codes.ts';
import type { Side } from '../contract/messages.ts';
import { sideOf } from '../contract/side.ts';

/** What is known around a camera that does not do its job. */
export interface Surroundings {
  readonly owner: 'commune' | 'metropole' | 'partner';
  /** The segment whose fault explains it. */
  readonly consequenceOf: string | undefined;
  /** Whether another camera on the same segment answers. */
  readonly neighboursAnswer: 'yes' | 'no' | 'unknown';
}

/** Faults of the network between a camera that is well and the box. */
const SHARED: ReadonlySet<Code> = new Set(['camera-loss', 'camera-path-lost', 'camera-udp-blocked']);

/**
 * Whose side a fault of a camera is on. A camera that is silent alone among neighbours that answer has the fault itself, or
 * its own cable; lost packets and the silence of several are of the network that they share.
 */
export function sideOfCamera(cause: Code | 'none', around: Surroundings): Side {
  if (cause === 'none' || !['device', 'peer'].includes(CODES[cause].fault)) return sideOf(cause);
  if (around.owner === 'partner') return 'partner';
  if (SHARED.has(cause) || around.consequenceOf !== undefined) return 'local-network';
  if (cause !== 'camera-unreachable') return 'camera';
  const { neighboursAnswer } = around;
  return neighboursAnswer === 'unknown' ? 'unknown' : neighboursAnswer === 'yes' ? 'camera' : 'local-network';
}
