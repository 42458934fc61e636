import { quoted } from '../agent/base/text.ts';
import { type Options, wrong } from './arguments.ts';
import type { CommandWords } from './sign.ts';

/** The options of `order send` that say what the order is about. */
export const ORDER_OPTIONS = {
  camera: 'one',
  point: 'one',
  alarm: 'one',
  until: 'one',
  by: 'one',
  why: 'one',
} as const;

const TEXTS = ['camera', 'point', 'alarm', 'by', 'why'] as const;

/** @throws ConfigurationError `command-line-invalid` */
export function orderWords(options: Options): CommandWords {
  const texts = TEXTS.flatMap((name) => {
    const text = options.optional(name);
    return text === undefined ? [] : [[name, text]];
  });
  const until = options.optional('until');
  return {
    ...Object.fromEntries(texts),
    ...(until === undefined ? {} : { until: unixSeconds('until', until) }),
  };
}

/** ISO 8601, with or without an offset; without one it is the time of this machine. */
const DATE_TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:?\d{2})?$/;

function unixSeconds(option: string, text: string): number {
  const ms = DATE_TIME.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN;
  if (Number.isFinite(ms) && ms >= 0) return Math.floor(ms / 1000);
  throw wrong(`--${option}: expected a date and time such as 2026-12-24T18:30, came ${quoted(text)}`);
}
