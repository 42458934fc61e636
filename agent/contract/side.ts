import { CODES, type Code, type Fault } from '../base/codes.ts';
import type { Fields, Side } from './messages.ts';

const SIDE_OF_FAULT: Readonly<Record<Fault, Side>> = {
  configuration: 'centre',
  order: 'centre',
  device: 'local-network',
  peer: 'local-network',
  uplink: 'backbone',
  ourselves: 'box',
};

/** What the broker or a media server of the centre answered: the way to it is open. */
const ANSWERED_BY_CENTRE: ReadonlySet<Code> = new Set([
  'broker-refused',
  'broker-tls-refused',
  'broker-protocol',
  'destination-login-refused',
  'destination-refused',
  'destination-certificate',
  'destination-protocol',
]);

/** Whose side a fault is on by its cause alone. Of a camera more is known, see the health room. */
export function sideOf(cause: Code | 'none'): Side {
  if (cause === 'none') return 'none';
  return ANSWERED_BY_CENTRE.has(cause) ? 'centre' : SIDE_OF_FAULT[CODES[cause].fault];
}

/** What a fault is told by beside its detail, by its cause alone. */
export function faultFields(cause: Code | 'none'): Pick<Fields<'fault'>, 'cause' | 'fault' | 'side'> {
  return { cause, fault: cause === 'none' ? 'none' : CODES[cause].fault, side: sideOf(cause) };
}
