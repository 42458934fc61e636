import { z } from 'zod';
import { count, text, unixMs } from './envelope.ts';

const word = z.string().max(256).optional();

/** What the last look at the network of the cameras gave, against the configuration. */
export const inventoryFields = {
  state: z.enum(['matches', 'differs', 'partial']).meta({
    description:
      'matches: every camera is in its place and nobody else is there; partial: no difference, but not all could be looked at',
  }),
  complete: z.boolean().meta({
    description:
      'the networks could be asked and no bound was met; unknown devices are not known where false',
  }),
  taken_ts: unixMs.meta({ description: 'when it was taken, Unix ms UTC' }),
  duration_ms: count.meta({ description: 'how long it took, ms' }),
  configured: count.meta({ description: 'cameras of the configuration' }),
  present: count.meta({ description: 'cameras at their address, as far as can be told' }),
  missing: count.meta({ description: 'cameras of which nothing answers, here or elsewhere' }),
  moved: count.meta({ description: 'cameras whose device answers at another address' }),
  swapped: count.meta({ description: 'cameras at whose address another device answers' }),
  unknown: count.meta({ description: 'addresses at which a device answers that is not configured' }),
  ignored: count.meta({
    description: 'answers that were not believed: from outside the networks, to no question, unreadable',
  }),
  asked_from: text.meta({ description: 'addresses of the box from which the networks were asked' }),
  detail: text.meta({ description: 'the differences in words; each is also a report' }),
};

/** One difference between what is configured and what is seen. */
export const findingFields = {
  finding: z.enum(['missing', 'moved', 'swapped', 'unknown']).meta({ description: 'what differs' }),
  change: z
    .enum(['found', 'settled'])
    .meta({ description: 'found: it was not there at the look before; settled: it is no longer there' }),
  name: z.string().max(80).optional().meta({ description: 'name of the camera' }),
  configured_address: word.meta({ description: 'host of the camera by the configuration' }),
  address: word.meta({ description: 'where the device answers' }),
  endpoint: word.meta({
    description: 'WS-Discovery endpoint of the device, which stays when its address changes',
  }),
  mac: word.meta({ description: 'hardware address of the device' }),
  hardware: word.meta({ description: 'model, as the device says' }),
  device_name: word.meta({ description: 'as the device calls itself' }),
};
