import { z } from 'zod';
import { envelope } from '../envelope.ts';
import { objectId, upsId } from './ids.ts';

export const upsMeasure = z.strictObject({
  ...envelope,
  ups: upsId,
  status: z.string().max(80).meta({ description: 'flags of NUT as they came, such as `OL CHRG` or `OB LB`' }),
  on_battery: z.boolean(),
  charge_percent: z
    .number()
    .optional()
    .meta({ description: 'absent, as every number, when the UPS does not say it' }),
  runtime_s: z.number().optional().meta({ description: 'how long the battery lasts at this load' }),
  load_percent: z.number().optional(),
  input_v: z.number().optional(),
  output_v: z.number().optional(),
  battery_v: z.number().optional(),
  temperature_c: z.number().optional(),
});

export const objectMeasure = z.strictObject({
  ...envelope,
  object: objectId,
  name: z.string().max(80),
  value: z.number().meta({ description: 'the last value of the object; true is 1 and false is 0' }),
  unit: z.string().max(16).optional().meta({ description: 'as the configuration says' }),
});
