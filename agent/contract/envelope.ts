import { z } from 'zod';
import { SITE_PATTERN } from './topics.ts';

/** Version of the message formats. */
export const CONTRACT_VERSION = 1;

/** Largest message that the box takes on a subscribed topic, in bytes. Source: guess; a configuration of 64 cameras is about 60 KB. */
export const MAX_DOWN_BYTES = 512 * 1024;

/** A whole number that a dashboard keeps exact. */
export const count = z.int().min(0);
/** Unix milliseconds UTC. */
export const unixMs = z.int().min(0).meta({ description: 'Unix ms UTC' });
/** Free text, bounded. */
export const text = z.string().max(2000);

/** What every JSON message of the box carries. */
export const envelope = {
  v: z.literal(CONTRACT_VERSION).meta({ description: 'version of the message formats' }),
  site: z
    .string()
    .regex(SITE_PATTERN)
    .meta({ description: 'INSEE code of the commune and label of the box' }),
  ts: unixMs.meta({ description: 'when the box wrote the message, Unix ms UTC' }),
  clock: z.enum(['synced', 'holdover', 'untrusted']).meta({ description: 'how far ts can be believed' }),
  boot: count.meta({ description: 'number of the start of the agent, rising, durable' }),
  seq: count.meta({
    description:
      'for events a durable number that rises by one per event of the box over all starts; for other classes a number that rises within one boot',
  }),
};

export interface Envelope {
  v: typeof CONTRACT_VERSION;
  site: string;
  ts: number;
  clock: 'synced' | 'holdover' | 'untrusted';
  boot: number;
  seq: number;
}
