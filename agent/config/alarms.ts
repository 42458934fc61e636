import { z } from 'zod';

/** Settings of all alarms. */
export const alarmSettings = z
  .strictObject({
    chatter: z
      .strictObject({
        raises: z.int().min(0).max(1000).default(10).meta({
          description: 'a point that is raised so often within `withinS` is chattering; 0: none ever is',
        }),
        withinS: z.int().min(1).max(3600).default(60).meta({ description: 'seconds' }),
        quietS: z
          .int()
          .min(1)
          .max(86_400)
          .default(60)
          .meta({ description: 'seconds without a change after which it no longer is' }),
      })
      .prefault({}),
    shelveMaxH: z
      .int()
      .min(1)
      .max(168)
      .default(24)
      .meta({ description: 'longest time for which an order may shelve a point, hours' }),
  })
  .prefault({});
