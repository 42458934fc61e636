import { z } from 'zod';
import { lawRole } from '../contract/law.ts';

/**
 * What the prefect authorised of a camera, and what the law asks of it.
 * @see arrêté du 3 août 2007; code de la sécurité intérieure, L.251-3, L.252-1 and L.252-5
 */
export const legalProfile = z
  .strictObject({
    role: lawRole.optional(),
    faceThumbnails: z.boolean().default(false).meta({
      description:
        'of a narrow field: thumbnails of faces of 90 × 60 pixels can be extracted, so that a smaller picture may do; the box cannot verify it',
    }),
    masksSha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits in small letters')
      .optional()
      .meta({
        description:
          'the privacy masks as they were approved: `masks_sha256` of the state `law` on the day they were looked at; not checked when absent',
      }),
    cardDays: z.int().min(1).max(31).optional().meta({
      description: 'days that the card of the camera may keep recordings; absent: the camera has no card',
    }),
    authorisation: z
      .strictObject({
        reference: z.string().min(1).max(80).meta({ description: 'number of the order of the prefect' }),
        until: z.iso.date().meta({ description: 'its last day, such as 2030-12-31' }),
        warnDays: z
          .int()
          .min(0)
          .max(730)
          .default(120)
          .meta({ description: 'so many days before, its end is told' }),
      })
      .optional(),
  })
  .refine(({ role, faceThumbnails }) => !faceThumbnails || role === 'narrow' || role === 'narrow-fast', {
    message: 'only a narrow field may do with thumbnails',
    path: ['faceThumbnails'],
  });
