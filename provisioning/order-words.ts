import { quoted } from '../agent/base/text.ts';
import { type Options, wrong } from './arguments.ts';
import type { CommandWords } from './sign.ts';

/** The options of `order send` that say what the order is about. */
export const ORDER_OPTIONS = {
  camera: 'one',
  point: 'one',
  points: 'one',
  cameras: 'one',
  priority: 'one',
  mission: 'one',
  alarm: 'one',
  window: 'one',
  box: 'flag',
  from: 'one',
  to: 'one',
  until: 'one',
  start: 'one',
  end: 'one',
  by: 'one',
  why: 'one',
} as const;

const TEXTS = ['camera', 'point', 'alarm', 'window', 'mission', 'by', 'why', 'from', 'to'] as const;
const TIMES = ['until', 'start', 'end'] as const;

/** @throws ConfigurationError `command-line-invalid` */
export function orderWords(options: Options): CommandWords {
  const given = <T>(names: readonly string[], read: (name: string, text: string) => T) =>
    names.flatMap((name) => {
      const text = options.optional(name);
      return text === undefined ? [] : [[name, read(name, text)] as const];
    });
  return Object.fromEntries([
    ...given(TEXTS, (_, text) => text),
    ...given(TIMES, unixSeconds),
    ...given(['points', 'cameras'], (_, text) => text.split(',')),
    ...given(['priority'], wholeNumber),
    ...(options.flag('box') ? [['box', true] as const] : []),
  ]);
}

/** @throws ConfigurationError `command-line-invalid` */
function wholeNumber(option: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw wrong(`--${option}: expected a whole number, came ${quoted(text)}`);
}

/** ISO 8601, with or without an offset; without one it is the time of this machine. */
const DATE_TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:?\d{2})?$/;

/** The moment that an option names, Unix s. @throws ConfigurationError `command-line-invalid` */
export function unixSeconds(option: string, text: string): number {
  const ms = DATE_TIME.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN;
  if (Number.isFinite(ms) && ms >= 0) return Math.floor(ms / 1000);
  throw wrong(`--${option}: expected a date and time such as 2026-12-24T18:30, came ${quoted(text)}`);
}
