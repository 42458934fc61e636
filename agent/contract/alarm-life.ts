import { z } from 'zod';
import { count, unixMs } from './envelope.ts';

/** The life of an alarm, in the order in which it goes when all goes well. */
export const LIFE_STATES = ['none', 'raised', 'acknowledged', 'cleared', 'closed'] as const;

/** What can become of an alarm: each is an event. */
export const ALARM_TRANSITIONS = [
  'raised',
  'acknowledged',
  'shelved',
  'unshelved',
  'cleared',
  'closed',
  'chattering',
  'steady',
  'updated',
] as const;

/** Who answers for an alarm point. */
const alarmOwner = z.enum(['commune', 'metropole', 'partner']);

/** What a window does to its points: not armed, or armed whatever their schedule says. */
export const WINDOW_EFFECTS = ['maintenance', 'mission'] as const;

const placeText = z.string().min(1).max(80);

/** Where an alarm point is, and whose it is. */
export const alarmPlace = {
  owner: alarmOwner.meta({ description: 'who answers for the point' }),
  building: placeText.optional().meta({ description: 'building, as operators call it' }),
  place: placeText.optional().meta({ description: 'where in the building' }),
};

/** A person who decides, as an order names it. */
export const personName = z
  .string()
  .regex(/^[^\p{Cc}]{1,80}$/u, 'expected 1 to 80 characters, no control characters')
  .meta({ description: 'who decides: name or number of the operator' });
export const reasonText = z
  .string()
  .regex(/^[^\p{Cc}]{1,200}$/u, 'expected 1 to 200 characters, no control characters')
  .meta({ description: 'why, in words' });

/** An id of an alarm. */
export const alarmId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,40}$/)
  .meta({ description: 'id of the alarm, as its events carry it' });

/** How it stands with the alarm of a point. */
export const alarmLife = {
  alarm: z
    .string()
    .max(40)
    .meta({ description: 'id of the alarm, the same from raised to closed; empty when there was none' }),
  alarm_state: z.enum(LIFE_STATES).meta({
    description:
      'raised: to be acknowledged; acknowledged: known and still there; cleared: over, to be acknowledged; closed: over and known',
  }),
  count: count.meta({ description: 'how often this alarm was raised; 0 when there was none' }),
  first_ts: unixMs.optional().meta({ description: 'when this alarm was raised for the first time' }),
  last_ts: unixMs.optional().meta({ description: 'when this alarm was raised for the last time' }),
  shelved: z.boolean().meta({ description: 'set aside by an operator for a time; nothing is left out' }),
  chattering: z.boolean().meta({
    description: 'the condition comes and goes; it counts as raised, and its changes are counted, not told',
  }),
};
