import { z } from 'zod';
import { isNetwork } from '../base/ipv4.ts';
import { isMinuteExpression } from '../base/schedule.ts';

/** The look at the network of the cameras against the configuration. */
export const inventorySettings = z
  .strictObject({
    enabled: z.boolean().default(true).meta({
      description:
        'the box looks by itself, a minute after its start and at the times of `schedule`; an order and `beffroi inventory --now` look also without',
    }),
    schedule: z
      .string()
      .max(100)
      .refine(isMinuteExpression, 'expected a cron expression of five fields')
      .default('17 4 * * *')
      .meta({ description: 'cron expression of the looks, Europe/Paris' }),
    networks: z
      .array(
        z.string().refine(isNetwork, 'expected an IPv4 network such as 10.20.0.0/16, not wider than a /8'),
      )
      .min(1)
      .max(16)
      .optional()
      .meta({
        description:
          'networks of the cameras: asked by multicast where the box has an interface in them, and nobody outside them is believed but the configured addresses; those of the interfaces of the box when absent',
      }),
    listenS: z
      .int()
      .min(1)
      .max(10)
      .default(4)
      .meta({ description: 'how long answers are waited for, seconds' }),
    expected: z
      .array(
        z.strictObject({
          address: z.ipv4().meta({ description: 'where it answers' }),
          name: z.string().min(1).max(80).meta({ description: 'what it is, for people' }),
        }),
      )
      .max(256)
      .default([])
      .meta({
        description:
          'devices that answer to discovery and are no camera of the box, such as a recorder: they are not unknown',
      }),
  })
  .prefault({});
