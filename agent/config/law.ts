import { z } from 'zod';

/**
 * What the prefect authorised of a camera.
 * @see arrêté du 3 août 2007; code de la sécurité intérieure, L.252-1
 */
export const legalProfile = z.strictObject({
  authorisation: z
    .strictObject({
      reference: z.string().min(1).max(80).meta({ description: 'number of the order of the prefect' }),
      until: z.iso.date().meta({ description: 'its last day, such as 2030-12-31' }),
    })
    .optional(),
});
