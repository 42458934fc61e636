import { z } from 'zod';
import { confirmation } from '../contract/delivery.ts';
import { categoryName } from '../contract/transmission.ts';

/** How events get to the CSU. */
export const eventDelivery = z
  .strictObject({
    confirm: confirmation.default('broker').meta({
      description:
        'an event leaves the box on the signed receipt of the CSU (beffroi-csu receive), or on the PUBACK of the broker',
    }),
    resendAfterS: z.int().min(2).max(3600).default(60).meta({
      description:
        'seconds without a receipt until an event is sent again, doubled up to 2 min for life-safety and intrusion and 15 min for the others; sooner when the receiver is heard again',
    }),
    liveWithinS: z
      .int()
      .min(1)
      .max(3600)
      .default(60)
      .meta({ description: 'an event older than this many seconds goes as backlog, on hist' }),
    backlogPerS: z
      .int()
      .min(1)
      .max(10_000)
      .default(50)
      .meta({ description: 'events of the backlog per second: many boxes may come back at once' }),
    supervisionS: z.int().min(8).max(86_400).default(30).meta({
      description:
        'seconds within which the loss of the path in use is known on both sides; change restarts the links to the brokers',
    }),
    backupSupervisionS: z.int().min(8).max(86_400).default(180).meta({
      description:
        'the same of the back-up path while the main one is up; change restarts the link to the back-up broker',
    }),
    category: categoryName.optional().meta({
      description:
        'category of alarm transmission of the site by EN 50136-1, told in state/link; absent: none stated',
    }),
  })
  .prefault({});
