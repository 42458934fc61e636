import { fieldsOfSia } from '../codes.ts';
import type { Details, ObjectValuePoint } from '../ports.ts';
import type { Reading } from './reading.ts';

/**
 * Whether the value is an alarm.
 * @param raised whether the alarm is there already: it ends only beyond the hysteresis
 * @returns undefined when the rule needs a number and the value is none
 */
export function breaks(
  point: ObjectValuePoint,
  { text, number }: Reading,
  raised: boolean,
): boolean | undefined {
  if (point.kind === 'object-equal')
    return typeof point.equals === 'number' ? number === point.equals : text === String(point.equals);
  if (number === undefined) return undefined;
  const room = raised ? point.hysteresis : 0;
  return point.kind === 'object-above' ? number > point.limit - room : number < point.limit + room;
}

/** SIA codes of the categories: raised, cleared. */
export const OBJECT_CODES: Readonly<
  Record<Exclude<ObjectValuePoint['category'], 'temperature'>, readonly [string, string]>
> = {
  technical: ['UA', 'UH'],
  water: ['WA', 'WH'],
  gas: ['GA', 'GH'],
  fire: ['FA', 'FH'],
  intrusion: ['BA', 'BH'],
  tamper: ['TA', 'TR'],
  power: ['AT', 'AR'],
  battery: ['YT', 'YR'],
};

/** What the alarm is about, with its codes. */
export function detailsOfRule({ kind, category }: ObjectValuePoint, active: boolean): Details {
  const heat = kind === 'object-below' ? (['ZA', 'ZH'] as const) : (['KA', 'KH'] as const);
  const codes = category === 'temperature' ? heat : OBJECT_CODES[category];
  return fieldsOfSia(codes[active ? 0 : 1]);
}
