import { z } from 'zod';
import { isMinuteExpression } from '../base/schedule.ts';
import { POINT_CODES } from '../contract/alarm-codes.ts';
import { alarmPlace } from '../contract/alarm-life.ts';
import { pointId, severity } from '../contract/messages.ts';
import { FAILURE_POINT_PREFIX } from '../contract/topics.ts';

/** What several entries of the configuration have. */

export const port = z.int().min(1).max(65_535);
/** Labels of letters, digits, hyphens and underscores, which the names of devices hold; an IPv4 address is one too. */
const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;
export const host = z
  .string()
  .max(253)
  .refine(
    (text) => HOST_NAME.test(text) || z.ipv6().safeParse(text).success,
    'expected a host name or an IP address without brackets',
  );
export const name = z.string().min(1).max(80);
/** Cron expressions of the minutes in which something holds, by the clock of Europe/Paris. */
export const minutes = z
  .array(
    z.string().max(100).refine(isMinuteExpression, 'expected a cron expression of five fields, minute first'),
  )
  .max(32);
/** Compact JWE (ECDH-ES, X25519, A256GCM). */
const sealed = z.string().max(4096).meta({
  description: 'compact JWE (ECDH-ES, X25519, A256GCM) to the key of the box: {"user","password"}',
});
export const credentials = z.strictObject({
  version: z.int().min(1).meta({ description: 'raise it with each change: opens the login latch again' }),
  sealed,
});

/** What every alarm point has. */
export const anyPoint = {
  id: pointId.refine(
    (id) => !id.startsWith(FAILURE_POINT_PREFIX),
    `${FAILURE_POINT_PREFIX} begins the points that the box makes for its sources`,
  ),
  name: name.meta({ description: 'what operators call the point' }),
  ...alarmPlace,
  owner: alarmPlace.owner.default('commune'),
  schedule: z
    .string()
    .max(64)
    .optional()
    .meta({ description: 'id of the schedule by which the point is armed; always armed when absent' }),
  minDurationS: z
    .number()
    .min(0)
    .max(3600)
    .default(0)
    .meta({ description: 'a condition that holds for less raises nothing, seconds' }),
};
/** Of points on which lives may depend. */
export const vital = {
  maintenanceSilences: z.boolean().default(false).meta({
    description:
      'true: a maintenance window silences the point also where it means fire, panic, medical or gas; else such an alarm is raised all the same and carries the window',
  }),
};
/** Of points of a contact, which says only that it is open or closed. */
export const meaning = {
  code: z.enum(POINT_CODES).default('UA').meta({
    description: 'SIA code of alarms.md that says what the contact means: its category and severity',
  }),
  severity: severity.optional().meta({ description: 'that of the code when absent' }),
  ...vital,
};
/** Of points whose source does not do it by itself. */
export const debounce = {
  debounceMs: z
    .int()
    .min(0)
    .max(60_000)
    .default(0)
    .meta({ description: 'a change counts when it has held for so long, ms' }),
};
/** How long an alarm lasts that its source never ends, seconds. */
export const clearsAfterS = z.int().min(1).max(604_800);

/** Whether the value is a list of objects, right or wrong in themselves. */
export function isListOfEntries(value: unknown): value is object[] {
  return Array.isArray(value) && value.every((entry) => entry instanceof Object);
}
