import type { RecipientId } from '../contract/lease-terms.ts';
import type { ViewingOrder } from '../contract/viewing-orders.ts';

export type OrderOf<C extends ViewingOrder['command']> = Extract<ViewingOrder, { command: C }>;

/** What the register tells of a view or a lease. Times in Unix ms. */
export interface ChannelFacts {
  /** Id of the order that asked for it. */
  readonly channel: string;
  readonly camera: string;
  /** The named person who views. */
  readonly operator: string;
  readonly onBehalfOf: string;
  readonly recipient: RecipientId;
  readonly reason: string;
  readonly startMs: number;
  readonly endMs: number;
  /** When the partner called, with a lease that says so. */
  readonly calledMs?: number;
  /** The partner whose camera it is. */
  readonly partner?: string;
}

export function viewFacts(order: OrderOf<'view.open'>, startMs: number, endMs: number): ChannelFacts {
  const { jti: channel, camera, operator, onBehalfOf, reason } = order;
  return { channel, camera, operator, onBehalfOf, recipient: 'csu', reason, startMs, endMs };
}

export function leaseFacts(
  order: OrderOf<'lease.open'>,
  startMs: number,
  endMs: number,
  partner: string | undefined,
): ChannelFacts {
  const { jti: channel, camera, operator, grantedBy, recipient, reason, calledAt } = order;
  return {
    ...{ channel, camera, operator, onBehalfOf: grantedBy, recipient, reason, startMs, endMs },
    ...(calledAt === undefined ? {} : { calledMs: calledAt * 1000 }),
    ...(partner === undefined ? {} : { partner }),
  };
}

/** What a refused order would have done, as far as it says so. */
export function refusedFacts(order: ViewingOrder, nowMs: number, partner: string | undefined): ChannelFacts {
  if (order.command === 'view.open') return viewFacts(order, nowMs, order.end * 1000);
  if (order.command === 'lease.open') return leaseFacts(order, order.start * 1000, order.end * 1000, partner);
  return {
    channel: 'view' in order ? order.view : order.lease,
    camera: order.camera,
    operator: order.operator,
    onBehalfOf: '',
    recipient: 'csu',
    reason: 'reason' in order ? order.reason : '',
    startMs: nowMs,
    endMs: 'end' in order ? order.end * 1000 : nowMs,
    ...(partner === undefined ? {} : { partner }),
  };
}
