import { z } from 'zod';
import { moduleId, severity, upsId } from '../contract/messages.ts';
import { anyPoint, credentials, host, meaning, name, port } from './words.ts';

const timeoutMs = z
  .int()
  .min(100)
  .max(30_000)
  .default(2000)
  .meta({ description: 'time for a connection or an answer, ms' });

/** An input module that speaks Modbus TCP, or a unit behind a gateway. */
export const inputModule = z.strictObject({
  id: moduleId,
  name,
  host: host.meta({ description: 'address of the module on the network of the building' }),
  port: port.default(502),
  unit: z
    .int()
    .min(0)
    .max(255)
    .default(1)
    .meta({ description: 'unit id of Modbus; behind a gateway it chooses the device' }),
  pollMs: z
    .int()
    .min(50)
    .max(60_000)
    .default(500)
    .meta({ description: 'pause between two readings of all inputs that have a point, ms' }),
  timeoutMs,
});

/** An uninterruptible power supply behind a NUT server. */
export const ups = z.strictObject({
  id: upsId,
  name,
  host: host.meta({
    description: 'address of the NUT server; 127.0.0.1 when the UPS hangs on the box itself',
  }),
  port: port.default(3493),
  upsName: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'expected a name as in ups.conf')
    .meta({ description: 'name of the UPS at its server' }),
  credentials: credentials
    .optional()
    .meta({ description: 'absent where the server asks for none; they travel in clear to the server' }),
  pollMs: z.int().min(500).max(60_000).default(2000).meta({ description: 'pause between two readings, ms' }),
  timeoutMs,
  lostAfterMs: z
    .int()
    .min(1000)
    .max(3_600_000)
    .default(15_000)
    .meta({ description: 'time without good data after which communication is lost, ms' }),
});

const ofUps = { ups: upsId.meta({ description: 'UPS that the point is of' }) };

/** The kinds of points that equipment feeds. */
export const equipmentPoints = [
  z.strictObject({
    ...anyPoint,
    kind: z.literal('module-input').meta({ description: 'a discrete input of an input module' }),
    module: moduleId.meta({ description: 'input module that the point is of' }),
    address: z
      .int()
      .min(0)
      .max(65_535)
      .meta({ description: 'zero-based: the input that makers print as 10001 is 0' }),
    inverted: z.boolean().default(false).meta({ description: 'true where the open circuit is the alarm' }),
    debounceMs: z
      .int()
      .min(0)
      .max(60_000)
      .default(100)
      .meta({ description: 'how long every reading must show a change until it counts, ms' }),
    maxAgeMs: z
      .int()
      .min(200)
      .max(3_600_000)
      .default(10_000)
      .meta({ description: 'age of the last reading from which the state is unknown, ms' }),
    ...meaning,
  }),
  z.strictObject({
    ...anyPoint,
    kind: z.literal('ups-mains').meta({ description: 'the UPS runs on its battery' }),
    ...ofUps,
    severity: severity.default('major'),
  }),
  z.strictObject({
    ...anyPoint,
    kind: z.literal('ups-battery').meta({ description: 'the battery is nearly empty: the power goes soon' }),
    ...ofUps,
    severity: severity.default('critical'),
  }),
  z.strictObject({
    ...anyPoint,
    kind: z.literal('ups-battery-replace').meta({ description: 'the UPS asks for a new battery' }),
    ...ofUps,
    severity: severity.default('warning'),
  }),
  z.strictObject({
    ...anyPoint,
    kind: z.literal('ups-communication').meta({ description: 'the UPS is not heard' }),
    ...ofUps,
    severity: severity.default('major'),
  }),
] as const;

type Module = z.infer<typeof inputModule>;
type Point = z.infer<(typeof equipmentPoints)[number]>;

export interface Equipment {
  readonly modules: ReadonlyMap<string, Module>;
  readonly ups: ReadonlyMap<string, z.infer<typeof ups>>;
}

/** What a point of equipment cannot know by itself: that its equipment is there, and fast enough for it. */
export function checkEquipmentPoint(
  point: Point,
  { modules, ups: known }: Equipment,
  refuse: (key: string, message: string) => void,
): void {
  if (point.kind !== 'module-input') {
    if (!known.has(point.ups)) refuse('ups', 'no UPS of this configuration has this id');
    return;
  }
  const module = modules.get(point.module);
  if (!module) refuse('module', 'no input module of this configuration has this id');
  else checkAge(point.maxAgeMs, module, (why) => refuse('maxAgeMs', why));
}

/** A module that answers as slowly as it may must not make its points stale. */
function checkAge(
  maxAgeMs: number,
  { id, pollMs, timeoutMs }: Module,
  refuse: (message: string) => void,
): void {
  const leastMs = pollMs + timeoutMs;
  if (maxAgeMs < leastMs) refuse(`expected at least ${leastMs}: pollMs and timeoutMs of ${id} together`);
}
