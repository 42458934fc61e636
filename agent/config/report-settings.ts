import { z } from 'zod';

const percent = z.number().min(0).max(100).optional();

/** Reports on availability: what is agreed with the commune stands beside the figures. */
export const reportSettings = z
  .strictObject({
    monthly: z
      .boolean()
      .default(true)
      .meta({ description: 'publish the report on each month when it is over, Europe/Paris' }),
    targets: z
      .strictObject({
        cameraAvailabilityPercent: percent.meta({ description: 'proved availability of each camera' }),
        boxAvailabilityPercent: percent.meta({ description: 'of the box with its link to the centre' }),
        detectS: z.number().min(0).max(86_400).optional().meta({
          description: 'mean time to notice a fault, seconds',
        }),
        repairH: z.number().min(0).max(8_784).optional().meta({
          description: 'mean time to repair, hours',
        }),
        clockOffsetMs: z.number().min(0).max(3_600_000).optional().meta({
          description: 'largest offset of a camera clock, ms',
        }),
      })
      .prefault({})
      .meta({ description: 'agreed targets; absent: none is agreed' }),
  })
  .prefault({});
