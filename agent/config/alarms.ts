import { z } from 'zod';
import { ALWAYS_ARMED, meaningOfSia } from '../contract/alarm-codes.ts';
import { personName, reasonText, WINDOW_EFFECTS } from '../contract/alarm-life.ts';
import { cameraId, pointId, severity } from '../contract/messages.ts';
import { OWN_KINDS } from './box-points.ts';
import { isListOfEntries, minutes, name } from './words.ts';

const DAY_MS = 24 * 3_600_000;
/** As for a window that an order announces. */
const WINDOW_MAX_DAYS = 31;

const schedule = z.strictObject({
  id: z.string().regex(/^sch-[a-z0-9][a-z0-9-]{0,58}$/, 'expected sch- and a name in small letters'),
  name,
  armed: minutes.min(1).meta({
    description:
      'cron expressions of five fields: armed in each minute that one of them names, Europe/Paris; day of month and day of week must both match',
  }),
  onHolidays: minutes
    .default(['* * * * *'])
    .meta({ description: 'the same, in place of `armed`, on the dates of `holidays`; none: never armed' }),
});

const dateTime = z.iso.datetime({ offset: true, error: 'expected a date and time with its offset' });
const window = z
  .strictObject({
    id: z.string().regex(/^win-[a-z0-9][a-z0-9-]{0,58}$/, 'expected win- and a name in small letters'),
    effect: z
      .enum(WINDOW_EFFECTS)
      .default('maintenance')
      .meta({ description: 'maintenance: not armed; mission: armed whatever the schedule says' }),
    points: z.array(pointId).max(1024).default([]),
    cameras: z.array(cameraId).min(1).max(256).optional().meta({
      description:
        'of a maintenance window: cameras that are worked on; their state is `maintenance`, and planned in the reports',
    }),
    box: z.literal(true).optional().meta({
      description: 'of a maintenance window: the box is worked on, and with it everything that it watches',
    }),
    start: dateTime.meta({ description: 'such as 2026-07-14T20:00:00+02:00' }),
    end: dateTime,
    by: personName,
    why: reasonText,
    severity: severity
      .optional()
      .meta({ description: 'of alarms that are raised during a mission; that of the point when absent' }),
  })
  .refine(({ start, end }) => isSpan(Date.parse(end) - Date.parse(start)), {
    message: `expected an end after the begin, within ${WINDOW_MAX_DAYS} days`,
    path: ['end'],
  })
  .refine(({ effect, severity: of }) => effect === 'mission' || of === undefined, {
    message: 'only a mission has a severity',
    path: ['severity'],
  })
  .refine(({ effect, cameras, box }) => effect === 'maintenance' || (!cameras && !box), {
    message: 'a mission is of points alone',
    path: ['effect'],
  })
  .refine(({ points, cameras, box }) => points.length > 0 || cameras || box, {
    message: 'expected points, cameras or box',
    path: ['points'],
  });

function isSpan(ms: number): boolean {
  return ms > 0 && ms <= WINDOW_MAX_DAYS * DAY_MS;
}

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
    flood: z
      .strictObject({
        events: z.int().min(0).max(10_000).default(200).meta({
          description:
            'so many events of alarms within `withinS` are a flood, which is summed up in `event/flood`; it is over at less than half; 0: never',
        }),
        withinS: z.int().min(1).max(3600).default(60).meta({ description: 'seconds' }),
      })
      .prefault({}),
    boxPoints: z
      .array(z.enum(OWN_KINDS))
      .max(OWN_KINDS.length)
      .default([...OWN_KINDS])
      .meta({
        description:
          'kinds of points about the box and its cameras that are there without an entry; an entry of the kind takes their place (`camera-health`: for its camera); none: []',
      }),
    shelveMaxH: z
      .int()
      .min(1)
      .max(168)
      .default(24)
      .meta({ description: 'longest time for which an order may shelve a point, hours' }),
    schedules: z.array(schedule).max(64).default([]),
    holidays: z
      .array(z.iso.date())
      .max(366)
      .default([])
      .meta({ description: 'dates in Europe/Paris, such as 2026-12-25' }),
    windows: z
      .array(window)
      .max(64)
      .default([])
      .meta({ description: 'maintenance windows and missions that are announced in advance' }),
  })
  .prefault({});

type Settings = z.infer<typeof alarmSettings>;

interface ArmedPoint {
  readonly id: string;
  readonly kind: string;
  readonly schedule?: string | undefined;
  readonly code?: string | undefined;
  /** Of a connected object. */
  readonly category?: string | undefined;
}

/** Whether `checkArming` can look at it although something is wrong in it. */
export function hasArming(alarms: unknown): boolean {
  const { schedules, windows } = (alarms ?? {}) as { schedules?: unknown; windows?: unknown };
  const named = (window: object) =>
    'points' in window &&
    Array.isArray(window.points) &&
    !('cameras' in window && !Array.isArray(window.cameras));
  return isListOfEntries(schedules) && isListOfEntries(windows) && windows.every(named);
}

/** Schedules and windows name what is there; no schedule disarms what lives depend on. */
export function checkArming(
  {
    alarms,
    points,
    cameras,
  }: {
    readonly alarms: Settings;
    readonly points: readonly ArmedPoint[];
    readonly cameras: readonly { readonly id: string }[];
  },
  refuse: (path: (string | number)[], message: string) => void,
): void {
  const schedules = new Set(alarms.schedules.map(({ id }) => id));
  const ids = new Set(points.map(({ id }) => id));
  for (const [index, point] of points.entries()) {
    if (point.schedule === undefined) continue;
    const refusePoint = (message: string) => refuse(['points', index, 'schedule'], message);
    if (!schedules.has(point.schedule)) refusePoint('no schedule of this configuration has this id');
    else if (isAlwaysArmed(point)) refusePoint('no schedule may disarm fire, panic, medical, gas or tamper');
  }
  const knownCameras = new Set(cameras.map(({ id }) => id));
  for (const [index, { points: named, cameras: worked = [] }] of alarms.windows.entries()) {
    for (const [at, id] of named.entries())
      if (!ids.has(id)) refuse(['alarms', 'windows', index, 'points', at], 'no point has this id');
    for (const [at, id] of worked.entries())
      if (!knownCameras.has(id)) refuse(['alarms', 'windows', index, 'cameras', at], 'no camera has this id');
  }
}

/** What a panel reports is known only when it does; the agent looks at it then. */
function isAlwaysArmed({ kind, code, category }: ArmedPoint): boolean {
  const about = code === undefined ? category : meaningOfSia(code)?.entry.category;
  return kind === 'tampering' || ALWAYS_ARMED.some((always) => always === about);
}
