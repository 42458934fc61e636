import type { ChatterRule, SettlingRule } from './life/settling.ts';
import type { AlarmPoint, AlarmSettings } from './ports.ts';

/** Until a configuration says otherwise. */
export const SETTINGS: AlarmSettings = {
  chatter: { raises: 0, withinS: 60, quietS: 60 },
  flood: { events: 0, withinS: 60 },
  shelveMaxH: 24,
  schedules: [],
  holidays: [],
  windows: [],
};

/** When what the source of a point says counts. An input module does its own debouncing. */
export function rulesOf(
  point: AlarmPoint,
  { chatter }: AlarmSettings,
): { settling: SettlingRule; chatter: ChatterRule } {
  const { minDurationS = 0, debounceMs = 0 } = point;
  return {
    settling: { debounceMs: 'module' in point ? 0 : debounceMs, minDurationMs: minDurationS * 1000 },
    chatter: {
      raises: chatter.raises,
      withinMs: chatter.withinS * 1000,
      quietMs: chatter.quietS * 1000,
    },
  };
}
