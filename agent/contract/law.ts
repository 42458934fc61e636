import { z } from 'zod';
import { count } from './envelope.ts';

/** What a camera is for, as the file of its authorisation says. It decides what its pictures must be. */
const LAW_ROLES = ['narrow-fast', 'narrow', 'wide', 'traffic'] as const;
export const lawRole = z.enum(LAW_ROLES).meta({
  description:
    'narrow-fast: narrow field on the public road, mainly of people who move fast (a pavement), 704 × 576 and 12 images/s; narrow: any other narrow field, 704 × 576 and 6; wide: 352 × 288 and 6; traffic: regulation of traffic, 352 × 288 and 6',
});
export type LawRole = z.infer<typeof lawRole>;

/** What is checked of a camera, each with a verdict of its own. */
const LAW_CHECKS = ['resolution', 'rate', 'clock', 'sound', 'masks', 'card', 'authorisation'] as const;
export type LawCheck = (typeof LAW_CHECKS)[number];

const LAW_VERDICTS = ['ok', 'breach', 'ends-soon', 'not-verifiable', 'not-asked', 'unknown'] as const;
export type LawVerdict = (typeof LAW_VERDICTS)[number];
const verdict = z.enum(LAW_VERDICTS).meta({
  description:
    'not-verifiable: the camera does not say, which is never ok; not-asked: the configuration says nothing of it; unknown: not measured yet',
});

/** The verdicts and their numbers, of the state `law` of a camera. */
export const lawFields = {
  role: lawRole.optional(),
  state: z.enum(['compliant', 'breach', 'unverified']).meta({
    description:
      'breach: of at least one check; unverified: no breach, but not each check is ok that is asked',
  }),
  side: z.enum(['none', 'camera', 'partner', 'centre']).meta({
    description:
      'whose side the breach is on: the camera, the partner whose camera it is, or the centre where the authorisation alone is over',
  }),
  resolution: verdict,
  width: count.optional().meta({ description: 'by the parameter sets of the stream' }),
  height: count.optional(),
  min_width: count.optional(),
  min_height: count.optional(),
  rate: verdict,
  rate_fps: z.number().min(0).optional().meta({ description: 'pictures per second that arrived, measured' }),
  min_fps: z.number().min(0).optional(),
  clock_verdict: verdict,
  clock_offset_ms: z.number().optional(),
  clock_limit_ms: count,
  sound: verdict.meta({
    description:
      'breach: a profile of the camera carries sound, or its stream is described with a sound track',
  }),
  sound_by: z.enum(['profiles', 'stream']).optional().meta({
    description:
      'what the verdict is by. profiles: all of the camera, by ONVIF; stream: the stream that the box knows, of a camera that does not say its profiles, or that offers sound beside what its profiles say',
  }),
  sound_profiles: count.optional().meta({ description: 'profiles with sound' }),
  masks: verdict.meta({ description: 'breach: the privacy masks are not those that were approved' }),
  masks_count: count.optional(),
  masks_sha256: z.string().max(64).optional().meta({ description: 'of the masks as they are' }),
  card: verdict.meta({
    description:
      'breach: the card keeps longer than allowed, or there is one that the inventory does not know',
  }),
  card_days: z.number().min(0).optional().meta({ description: 'how long it keeps; absent: without an end' }),
  card_limit_days: count.optional(),
  authorisation: verdict,
  authorisation_reference: z.string().max(80).optional(),
  authorisation_until: z.iso.date().optional(),
  authorisation_days: z
    .int()
    .optional()
    .meta({ description: 'days that are left; negative once it is over' }),
};
