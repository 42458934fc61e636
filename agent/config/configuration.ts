import { z } from 'zod';
import { isCronExpression } from '../base/schedule.ts';
import { consentText } from '../contract/consent.ts';
import { partnerId } from '../contract/lease-terms.ts';
import { cameraId, cameraOwner, segmentId, severity } from '../contract/messages.ts';
import { PRIORITIES } from '../contract/video-link-limits.ts';
import { alarmSettings, checkArming, hasArming } from './alarms.ts';
import { boxPoints, checkBoxPoint } from './box-points.ts';
import { cameraPoints } from './camera-points.ts';
import { eventDelivery } from './delivery.ts';
import { cameraDestination, destinationFaults, mediaServer } from './destinations.ts';
import { checkEquipmentPoint, equipmentPoints, inputModule, ups } from './equipment.ts';
import { inventorySettings } from './inventory.ts';
import { legalProfile } from './law.ts';
import { connectedObject, localBroker, objectPoints } from './objects.ts';
import { besideLeased, delivery, partner, regimeFaults } from './partners.ts';
import { reportSettings } from './report-settings.ts';
import { checkSegments, segment } from './segments.ts';
import {
  anyPoint,
  clearsAfterS,
  credentials,
  debounce,
  host,
  isListOfEntries,
  name,
  port,
  vital,
} from './words.ts';

const certificateSha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits in small letters')
  .meta({ description: 'SHA-256 of the TLS certificate of the camera: no other is believed' });

const camera = z
  .strictObject({
    id: cameraId,
    name: name.meta({ description: 'what operators call the camera' }),
    host: host.meta({ description: 'address of the camera on the network of the commune' }),
    enabled: z.boolean().default(true).meta({
      description:
        'false: the camera is switched off, its state is `disabled`; the box does not connect to it, and the time does not count in reports',
    }),
    regime: z.enum(['continuous', 'leased']).meta({
      description:
        'property of the camera, which no order changes. continuous: of the commune or the metropole; leased: of a partner, closed but for its lease',
    }),
    delivery: delivery.optional().meta({
      description:
        'of a continuous camera. continuous, also when absent: forwarded day and night; on-demand: while an operator has a view open',
    }),
    partner: partnerId
      .optional()
      .meta({ description: 'the partner of `partners` whose leased camera it is' }),
    serial: z.string().min(1).max(64).optional().meta({
      description:
        'serial number as the camera says by ONVIF: another one is a swapped camera; the first that is heard at the address when absent',
    }),
    segment: segmentId.optional().meta({
      description: 'segment of `segments` that the camera hangs on: cameras that fail together are one fault',
    }),
    priority: z
      .int()
      .min(PRIORITIES.lowest)
      .max(PRIORITIES.highest)
      .optional()
      .meta({
        description: `of a continuous camera: who keeps its place when the budget of the backbone (video.backbone) is short: 9 first, 1 last, ${PRIORITIES.usual} when absent; of equal priority the camera that stands first. A leased camera goes before all of them`,
      }),
    owner: cameraOwner.meta({
      description: 'who answers for the camera and its local link; said with each state of health',
    }),
    credentials: credentials
      .optional()
      .meta({ description: 'absent for a camera without login; change restarts the camera' }),
    place: z.string().min(1).max(120).optional().meta({
      description: 'where it stands, in the list of places under video-protection; its name when absent',
    }),
    law: legalProfile.optional(),
    onvif: z
      .strictObject({
        port: port.default(80),
        path: z.string().startsWith('/').max(256).default('/onvif/device_service'),
        tls: z.boolean().default(false),
        certificateSha256: certificateSha256.optional(),
        profile: z
          .string()
          .max(128)
          .optional()
          .meta({ description: 'profile token; the first with video when absent' }),
        events: z.boolean().default(true).meta({
          description:
            'take events for alarm points: from the metadata track of the stream where it tells every state, else through a pull point; the first point of a camera, and the last, restart its stream',
        }),
      })
      .optional()
      .meta({ description: 'absent when the camera speaks no ONVIF' }),
    rtsp: z
      .strictObject({
        port: port.default(554),
        path: z
          .string()
          .startsWith('/')
          .max(1024)
          .optional()
          .meta({ description: 'path and query of the stream; asked by ONVIF when absent' }),
        tls: z.boolean().default(false),
        certificateSha256: certificateSha256.optional(),
      })
      .optional(),
    substream: z
      .strictObject({
        path: z.string().startsWith('/').max(1024).optional().meta({
          description: 'path and query of the stream, on the port of `rtsp`',
        }),
        profile: z.string().max(128).optional().meta({ description: 'profile token, asked by ONVIF' }),
      })
      .refine(({ path, profile }) => (path === undefined) !== (profile === undefined), {
        message: 'expected path or profile, and not both',
        path: ['path'],
      })
      .optional()
      .meta({
        description:
          'a second, smaller stream of a continuous camera, pulled for the destinations that name it (profile: sub); change restarts that stream alone',
      }),
    transport: z.enum(['tcp', 'udp', 'udp-or-tcp']).default('tcp').meta({
      description:
        'how the pictures come from the camera. tcp: in the RTSP connection; udp: beside it, what is lost is not sent again; udp-or-tcp: over UDP, and over TCP where no packet arrives in the time of a stall or the camera does not offer it; a stream over TLS stays in its connection',
    }),
    maxConnections: z
      .int()
      .min(2)
      .max(16)
      .default(4)
      .meta({ description: 'connections of the box to the camera at the same time' }),
    destinations: z.array(cameraDestination).max(4).optional().meta({
      description:
        'where the pictures go, of a continuous camera; the media topic of the broker when absent, nowhere when empty',
    }),
    minFps: z
      .number()
      .min(0)
      .max(120)
      .default(0)
      .meta({ description: 'fewer measured pictures per second are a fault; 0: none asked' }),
    pictureCheck: z.enum(['fixed', 'moving', 'off']).default('fixed').meta({
      description: 'moving: operators turn the camera, its view is not compared; off: no picture is decoded',
    }),
  })
  .superRefine((c, context) => {
    for (const [key, message] of regimeFaults(c)) context.addIssue({ code: 'custom', path: [key], message });
  })
  .refine((c) => c.onvif !== undefined || c.rtsp?.path !== undefined, {
    message: 'expected onvif, or rtsp with a path',
    path: ['rtsp', 'path'],
  })
  .refine((c) => c.regime === 'continuous' || c.substream === undefined, {
    message: 'a leased camera has one stream, which its lease opens',
    path: ['substream'],
  })
  .refine((c) => c.substream?.profile === undefined || c.onvif !== undefined, {
    message: 'a profile is asked by ONVIF: expected onvif',
    path: ['substream', 'profile'],
  })
  .refine((c) => c.transport === 'tcp' || !c.rtsp?.tls, {
    message: 'pictures over UDP would leave TLS: expected "tcp" with "tls": true',
    path: ['transport'],
  })
  .refine((c) => c.onvif?.certificateSha256 === undefined || c.onvif.tls, {
    message: 'a pinned certificate needs "tls": true',
    path: ['onvif', 'certificateSha256'],
  })
  .refine((c) => c.rtsp?.certificateSha256 === undefined || c.rtsp.tls, {
    message: 'a pinned certificate needs "tls": true',
    path: ['rtsp', 'certificateSha256'],
  });

/** A line of 10 Gbit/s has room for every one. */
const kbps = z.int().min(0).max(10_000_000).default(0);

const alarmSeverity = severity.default('major');

const panelId = z
  .string()
  .regex(/^panel-[a-z0-9][a-z0-9-]{0,56}$/, 'expected panel- and a name in small letters');
const accountId = z
  .string()
  .regex(/^[0-9A-F]{3,16}$/, 'expected 3 to 16 hexadecimal digits in capital letters')
  .meta({ description: 'account number that the panel sends' });
/** Every spelling of "all addresses", also of IPv4 inside IPv6. */
const ANY_ADDRESS = /^(?:[0:]+|(?:[0:]*:(?:ffff:)?)?0\.0\.0\.0|[0:]*:ffff:0{1,4}:0{1,4})$/i;

/** A receiver of SIA DC-09, for one panel or for several that share its port. */
const panel = z.strictObject({
  id: panelId,
  name: name.meta({ description: 'what operators call the panel' }),
  listen: z
    .strictObject({
      host: z
        .union([z.ipv4(), z.ipv6()], 'expected an IP address')
        .refine((host) => !ANY_ADDRESS.test(host), 'expected one address of the box, not all of them')
        .meta({
          description: 'address of the box on the network of the building; never the one on the backbone',
        }),
      port,
      tcp: z.boolean().default(true),
      udp: z.boolean().default(true),
    })
    .refine(({ tcp, udp }) => tcp || udp, { message: 'expected tcp, udp or both', path: ['tcp'] }),
  timeWindow: z
    .strictObject({
      pastS: z.int().min(0).max(3600).default(40).meta({
        description:
          'how old the time stamp of an encrypted message may be, seconds; while the box does not know the time, nothing may be older than the latest one of the account',
      }),
      futureS: z.int().min(0).max(3600).default(20).meta({
        description: 'how far it may be ahead, seconds',
      }),
    })
    .prefault({}),
  accounts: z
    .array(
      z.strictObject({
        account: accountId,
        supervisionS: z.int().min(5).max(604_800).meta({
          description: 'silence for longer is an alarm, seconds; well above the interval set in the panel',
        }),
        key: z
          .strictObject({
            sealed: z.string().max(4096).meta({
              description:
                'compact JWE to the key of the box: {"key"}, of 16, 24 or 32 characters or as many bytes in hexadecimal',
            }),
          })
          .optional()
          .meta({
            description: 'absent for a panel that does not encrypt; with it no message in clear is taken',
          }),
      }),
    )
    .min(1)
    .max(64),
});

/** What an alarm point is, by what it is fed by. */
const point = z.discriminatedUnion('kind', [
  ...cameraPoints,
  z.strictObject({
    ...anyPoint,
    ...debounce,
    kind: z.literal('panel-zone').meta({ description: 'what an alarm panel reports' }),
    panel: panelId.meta({ description: 'panel that speaks for the point' }),
    account: accountId,
    area: z
      .string()
      .regex(/^[0-9A-F]{1,8}$/)
      .optional()
      .meta({ description: 'area (SIA) or group (Contact ID); any when absent' }),
    zone: z
      .string()
      .regex(/^[0-9A-F]{1,8}$/)
      .optional()
      .meta({ description: 'zone; any when absent' }),
    codes: z
      .array(z.string().regex(/^([A-Z]{2}|[0-9B-F]{3})$/, 'expected a SIA or a Contact ID code'))
      .min(1)
      .max(64)
      .optional()
      .meta({ description: 'codes of alarms.md, one of each kind is enough; any when absent' }),
    clearsAfterS: clearsAfterS.optional().meta({
      description: 'seconds after which an alarm that the panel never clears is cleared by itself',
    }),
    severity: severity
      .optional()
      .meta({ description: 'that of the gravest code that holds, see alarms.md, when absent' }),
    ...vital,
  }),
  z.strictObject({
    ...anyPoint,
    kind: z.literal('panel-silence').meta({ description: 'nothing comes from an alarm panel' }),
    panel: panelId.meta({ description: 'panel that is listened to' }),
    account: accountId,
    severity: alarmSeverity,
  }),
  ...equipmentPoints,
  ...objectPoints,
  ...boxPoints,
]);

/** The central configuration: one strict schema. Unknown keys are refused. */
export const configurationSchema = z
  .strictObject({
    cameras: z.array(camera).max(256).default([]),
    segments: z.array(segment).max(64).default([]),
    mediaServers: z.array(mediaServer).max(16).default([]),
    partners: z.array(partner).max(16).default([]),
    consents: z.array(consentText).max(16).default([]).meta({
      description:
        'statements of partners (beffroi-csu partner consent): without one nothing that this box has known as a camera of a partner becomes anything else',
    }),
    panels: z.array(panel).max(16).default([]),
    modules: z.array(inputModule).max(64).default([]),
    ups: z.array(ups).max(16).default([]),
    localBrokers: z.array(localBroker).max(8).default([]),
    objects: z.array(connectedObject).max(512).default([]),
    points: z.array(point).max(1024).default([]),
    alarms: alarmSettings,
    health: z
      .strictObject({
        probeIntervalS: z
          .int()
          .min(5)
          .max(3600)
          .default(30)
          .meta({ description: 'seconds between network and ONVIF checks of a camera' }),
        stallTimeoutMs: z
          .int()
          .min(500)
          .max(5000)
          .default(3000)
          .meta({ description: 'silence on the video track that is a stall, ms' }),
        clockOffsetLimitMs: z
          .int()
          .min(100)
          .max(3_600_000)
          .default(2000)
          .meta({ description: 'offset of a camera clock that is a fault, ms' }),
        ping: z.boolean().default(true).meta({
          description:
            'ask cameras by ICMP too, with the `ping` of the system; what the box may not do is told as not-verifiable',
        }),
        timeServers: z.array(host.toLowerCase()).max(8).default([]).meta({
          description:
            'the only hosts that cameras may take their time from, as GetNTP names them; another is the fault camera-time-source; none ordered when empty',
        }),
        lossLimitPercent: z
          .number()
          .min(0)
          .max(100)
          .default(2)
          .meta({ description: 'lost RTP packets that are a fault, percent over a minute' }),
        pictureIntervalS: z
          .int()
          .min(0)
          .max(3600)
          .default(60)
          .meta({ description: 'seconds between the pictures of a camera that are checked; 0: none is' }),
        rateWindowS: z.int().min(5).max(3600).default(60).meta({
          description:
            'seconds over which the pictures per second of a legal profile are measured; two windows in a row with too few are a breach',
        }),
        backbone: z
          .strictObject({
            windowS: z.int().min(5).max(600).default(60).meta({
              description:
                'seconds over which the paths to the broker are measured; two windows in a row with too much are a fault',
            }),
            roundTripLimitMs: z
              .int()
              .min(10)
              .max(10_000)
              .default(500)
              .meta({ description: 'median round trip to the broker that is a fault, ms' }),
            lossLimitPercent: z
              .number()
              .min(0)
              .max(100)
              .default(3)
              .meta({ description: 'TCP segments sent again that are a fault, percent' }),
            waitingLimitPercent: z.int().min(10).max(100).default(80).meta({
              description:
                'share of the time in which more waits than the line takes that is a fault, percent',
            }),
          })
          .prefault({}),
        vitalsSchedule: z
          .string()
          .max(100)
          .refine(isCronExpression, 'expected a cron expression of five or six fields')
          .default('*/30 * * * * *')
          .meta({ description: 'cron expression of the box vitals, Europe/Paris' }),
      })
      .prefault({}),
    delivery: eventDelivery,
    reports: reportSettings,
    inventory: inventorySettings,
    video: z
      .strictObject({
        fragmentMs: z
          .int()
          .min(20)
          .max(5000)
          .default(200)
          .meta({ description: 'duration of a media fragment, ms' }),
        creditKb: z.int().min(2048).max(65_536).default(4096).meta({
          description:
            'most KiB that may wait for one destination of one camera, or for the recipient of a lease; above it pictures are dropped up to the next key picture, and a key picture above all of it is never sent (`credit-too-small`): at least that of `cacheKb`',
        }),
        cacheKb: z.int().min(0).max(65_536).default(4096).meta({
          description:
            'most KiB of the last group of pictures of a camera that are kept in memory, so that a destination begins at once',
        }),
        maxViewMinutes: z
          .int()
          .min(1)
          .max(1440)
          .default(240)
          .meta({ description: 'furthest end of a view of an on-demand camera, minutes' }),
        backbone: z
          .strictObject({
            boxKbps: kbps.meta({ description: 'most kbit/s of all video of the box; 0: no limit' }),
            brokerKbps: kbps.meta({
              description: 'most kbit/s of video to the broker; 0: no limit but that of the box',
            }),
            serverKbps: kbps.meta({
              description: 'most kbit/s to all media servers; 0: no limit but that of the box',
            }),
          })
          .prefault({}),
      })
      .prefault({}),
  })
  .superRefine(checkReferences, { when: ({ value }) => hasEntries(value) });

export type Configuration = z.infer<typeof configurationSchema>;
export type CameraConfig = Configuration['cameras'][number];
export type SegmentConfig = Configuration['segments'][number];
export type { MediaServerConfig } from './destinations.ts';
export type { PartnerConfig } from './partners.ts';
export type PanelConfig = Configuration['panels'][number];
export type PointConfig = Configuration['points'][number];
export type ModuleConfig = Configuration['modules'][number];
export type UpsConfig = Configuration['ups'][number];
export type LocalBrokerConfig = Configuration['localBrokers'][number];
export type ObjectConfig = Configuration['objects'][number];

type Refuse = (path: (string | number)[], message: string) => void;

/** Its lists of entries with an id. */
export const LISTS = [
  'cameras',
  'segments',
  'mediaServers',
  'partners',
  'panels',
  'modules',
  'ups',
  'localBrokers',
  'objects',
  'points',
] as const;

/** What no entry can know by itself: ids stand once, points name what feeds them. */
function checkReferences(config: Configuration, context: z.RefinementCtx): void {
  const refuse: Refuse = (path, message) => context.addIssue({ code: 'custom', path, message });
  for (const list of LISTS)
    for (const index of repeatedIds(config[list])) refuse([list, index, 'id'], 'this id stands twice');
  for (const list of ['schedules', 'windows'] as const)
    for (const index of repeatedIds(config.alarms[list]))
      refuse(['alarms', list, index, 'id'], 'this id stands twice');
  const cameras = byId(config.cameras);
  const equipment = { modules: byId(config.modules), ups: byId(config.ups) };
  checkPanels(config, refuse);
  checkObjects(config, refuse);
  checkSegments(config, refuse);
  checkPartners(config, refuse);
  checkArming(config, refuse);
  checkDestinations(config, refuse);
  for (const [index, point] of config.points.entries()) {
    const refusePoint = (key: string, message: string) => refuse(['points', index, key], message);
    if (isBoxPoint(point)) checkBoxPoint(point, config, refusePoint);
    else if ('camera' in point) checkSpeaks(cameras.get(point.camera), (why) => refusePoint('camera', why));
    else if ('module' in point || 'ups' in point) checkEquipmentPoint(point, equipment, refusePoint);
  }
}

function isBoxPoint(
  point: PointConfig,
): point is Extract<PointConfig, { kind: `camera-${string}` | `box-${string}` }> {
  return point.kind.startsWith('camera-') || point.kind.startsWith('box-');
}

/** Cameras name media servers. */
function checkDestinations({ cameras, mediaServers }: Configuration, refuse: Refuse): void {
  const servers = new Set(mediaServers.map(({ id }) => id));
  for (const [index, camera] of cameras.entries()) {
    for (const [at, message] of destinationFaults(camera, servers))
      refuse(['cameras', index, 'destinations', ...at], message);
  }
}

/** Objects name a broker, and points name an object. */
function checkObjects({ localBrokers, objects, points }: Configuration, refuse: Refuse): void {
  const brokers = byId(localBrokers);
  const known = byId(objects);
  for (const [index, { broker }] of objects.entries())
    if (!brokers.has(broker))
      refuse(['objects', index, 'broker'], 'no local broker of this configuration has this id');
  for (const [index, point] of points.entries())
    if ('object' in point && !known.has(point.object))
      refuse(['points', index, 'object'], 'no object of this configuration has this id');
}

function byId<T extends { readonly id: string }>(entries: readonly T[]): Map<string, T> {
  return new Map(entries.map((entry) => [entry.id, entry]));
}

/** A port is opened once, an account is known once to a panel, and points name both. */
function checkPanels({ panels, points }: Configuration, refuse: Refuse): void {
  const ports = panels.map(({ listen }) => ({ id: `${listen.host} ${listen.port}` }));
  for (const index of repeatedIds(ports))
    refuse(['panels', index, 'listen', 'port'], 'this port stands twice');
  for (const [index, { accounts }] of panels.entries()) {
    const ids = accounts.map(({ account }) => ({ id: account }));
    for (const at of repeatedIds(ids))
      refuse(['panels', index, 'accounts', at, 'account'], 'this account stands twice');
  }
  const known = new Map(panels.map(({ id, accounts }) => [id, accounts.map(({ account }) => account)]));
  for (const [index, point] of points.entries()) {
    if (!('panel' in point)) continue;
    const accounts = known.get(point.panel);
    if (!accounts) refuse(['points', index, 'panel'], 'no panel of this configuration has this id');
    else if (!accounts.includes(point.account))
      refuse(['points', index, 'account'], 'the panel has no such account');
  }
}

/** A leased camera has a partner that is there, and no device is at once leased and forwarded. */
function checkPartners({ partners, cameras }: Configuration, refuse: Refuse): void {
  for (const [index, { recipients }] of partners.entries()) {
    for (const at of repeatedIds(recipients))
      refuse(['partners', index, 'recipients', at, 'id'], 'this id stands twice');
  }
  const known = new Set(partners.map(({ id }) => id));
  for (const [index, { partner: id }] of cameras.entries()) {
    if (id !== undefined && !known.has(id))
      refuse(['cameras', index, 'partner'], 'no partner of this configuration has this id');
  }
  for (const index of besideLeased(cameras))
    refuse(['cameras', index, 'host'], 'a leased camera stands at this address');
}

function checkSpeaks(camera: CameraConfig | undefined, refuse: (message: string) => void): void {
  if (!camera) refuse('no camera of this configuration has this id');
  else if (camera.regime === 'leased')
    refuse('a partner gives the pictures of its cameras, not their alarms');
  else if (!camera.onvif?.events) refuse('this camera takes no ONVIF events');
}

/** Whether references can be checked although some entry is wrong elsewhere: so that every error shows at once. */
function hasEntries(value: unknown): boolean {
  const entries = (value ?? {}) as Partial<Record<(typeof LISTS)[number] | 'alarms', unknown>>;
  return LISTS.every((list) => isListOfEntries(entries[list])) && hasArming(entries.alarms);
}

/** Where an id stands for the second time or later. */
function repeatedIds(entries: readonly { readonly id: string }[]): number[] {
  const seen = new Set<string>();
  return entries.flatMap(({ id }, index) => {
    if (seen.has(id)) return [index];
    seen.add(id);
    return [];
  });
}
