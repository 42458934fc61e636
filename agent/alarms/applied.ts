import type { AlarmOrder } from '../contract/orders.ts';
import type { Memory } from '../store/store.ts';
import type { Windows } from './arming/windows.ts';
import { ROOM } from './keeping.ts';
import { isOpen } from './life/life.ts';
import type { PointRecord } from './record.ts';
import { parseRecord } from './record-text.ts';

export interface AppliedNeeds {
  readonly memory: Pick<Memory, 'get' | 'entries'>;
  readonly windows: Pick<Windows, 'isAnnounced'>;
}

/**
 * Whether what an order asked for is so, by what is on disk: for an order whose end the last start of the agent did not
 * live to tell. To be asked before anything else has happened, also before there is a configuration.
 */
export function isApplied({ memory, windows }: AppliedNeeds, order: AlarmOrder, signer: string): boolean {
  switch (order.command) {
    case 'alarm.acknowledge':
      return recordOf(memory, order.alarm)?.life.acknowledged !== undefined;
    case 'alarm.close': {
      const record = recordOf(memory, order.alarm);
      return record === undefined || !isOpen(record.life);
    }
    case 'alarm.shelve':
      return isShelvedBy(order, signer, parseRecord(memory.get(ROOM, order.point) ?? ''));
    case 'alarm.unshelve':
      return parseRecord(memory.get(ROOM, order.point) ?? '')?.shelf === undefined;
    case 'maintenance.announce':
      return windows.isAnnounced(order.jti);
    case 'maintenance.cancel':
      return !windows.isAnnounced(order.window);
  }
}

function recordOf(memory: AppliedNeeds['memory'], alarm: string): PointRecord | undefined {
  const records = memory.entries(ROOM).map(([, text]) => parseRecord(text));
  return records.find((record) => record?.life.alarm === alarm);
}

function isShelvedBy(
  { until, by }: AlarmOrder & { command: 'alarm.shelve' },
  signer: string,
  record: PointRecord | undefined,
): boolean {
  const shelf = record?.shelf;
  return shelf?.untilMs === until * 1000 && shelf.by === by && shelf.signer === signer;
}
