import { z } from 'zod';
import { ALL_CODES } from '../base/codes.ts';
import { ALARM_CATEGORIES, SEVERITIES } from './alarm-codes.ts';
import {
  ALARM_TRANSITIONS,
  alarmId,
  alarmLife,
  alarmPlace,
  personName,
  reasonText,
  WINDOW_EFFECTS,
} from './alarm-life.ts';
import { availabilityFields, siteFields } from './availability.ts';
import { keyId, orderId } from './claims.ts';
import { confirmation, LOSS_REASONS, OUTBOX_CLASSES } from './delivery.ts';
import { count, envelope, text, unixMs } from './envelope.ts';
import { findingFields, inventoryFields } from './inventory.ts';
import { lawFields } from './law.ts';
import { layerFields } from './layers.ts';
import { partnerId, recipientId } from './lease-terms.ts';
import { qualityFields } from './quality.ts';
import {
  CAMERA_PATTERN,
  MODULE_PATTERN,
  OBJECT_PATTERN,
  POINT_PATTERN,
  SEGMENT_PATTERN,
  type TopicClass,
  UPS_PATTERN,
} from './topics.ts';
import { PATHS, pathInUse, pathState, statedCategory } from './transmission.ts';
import { CHANNEL_ACTIONS, CLOSED_BY, COMMAND_NAMES } from './viewing.ts';

/**
 * One zod schema per message. The types, the run-time check, `docs/reference/mqtt.md` and
 * `docs/reference/asyncapi.yaml` all come from here. Fields are flat and keep their type: what is not known is absent.
 */

export const cameraId = z.string().regex(CAMERA_PATTERN).meta({ description: 'camera id' });
export const pointId = z.string().regex(POINT_PATTERN).meta({ description: 'alarm point id' });
export const moduleId = z.string().regex(MODULE_PATTERN).meta({ description: 'id of an input module' });
export const upsId = z.string().regex(UPS_PATTERN).meta({ description: 'id of a UPS' });
export const objectId = z.string().regex(OBJECT_PATTERN).meta({ description: 'id of a connected object' });
export const segmentId = z
  .string()
  .regex(SEGMENT_PATTERN)
  .meta({ description: 'id of a segment of the local network' });
export const segmentKind = z.enum(['switch', 'poe-injector', 'radio-link', 'fibre', 'cable', 'other']);
/** A cause: an error code of `docs/reference/errors.md`, or `none`. */
export const cause = z.enum(['none', ...ALL_CODES]).meta({ description: 'error code, or none' });
const fault = z
  .enum(['none', 'configuration', 'device', 'peer', 'uplink', 'order', 'ourselves'])
  .meta({ description: 'whose fault the cause is' });
/** Where the party that answers for a fault stands, seen from the box. */
export const side = z
  .enum(['none', 'camera', 'local-network', 'box', 'backbone', 'centre', 'partner', 'unknown'])
  .meta({
    description:
      'whose side the fault is on: the camera and its own cable, the network that cameras share, the box, the backbone, the centre, or a partner',
  });
/** Names a destination of a camera: `mqtt`, or an entry of the configuration. */
export const destinationId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,38}$/)
  .meta({ description: 'name of the destination' });
export const destinationKind = z.enum(['mqtt', 'rtsp']);
/**
 * `waiting`: ready, no picture yet; `blocked`: pictures are dropped up to the next key picture; `paused`: nothing is sent,
 * by the budget of the backbone; `failed`: tried again.
 */
export const destinationState = z.enum(['waiting', 'connecting', 'flowing', 'blocked', 'paused', 'failed']);
const healthState = z.enum(['ok', 'degraded', 'down', 'unknown']);
/** Of a camera: `maintenance` while work on it is announced, `disabled` where the configuration switches it off. */
export const cameraState = z.enum([...healthState.options, 'maintenance', 'disabled']);
/** Who answers for a camera and its local link. */
export const cameraOwner = z.enum(['commune', 'metropole', 'partner']);
export const configPhase = z.enum(['none', 'received', 'applying', 'applied', 'failed']);
export const severity = z.enum(SEVERITIES);
const ratio = z.number().min(0);
/** What an alarm point is fed by. */
const alarmKind = z.enum([
  'digital-input',
  'tampering',
  'signal-loss',
  'hardware-failure',
  'login-failure',
  'configuration-changed',
  'panel-zone',
  'panel-silence',
  'module-input',
  'ups-mains',
  'ups-battery',
  'ups-battery-replace',
  'ups-communication',
  'source-failure',
  'object-above',
  'object-below',
  'object-equal',
  'object-silence',
  'camera-health',
  'camera-network',
  'box-disk',
  'box-temperature',
  'box-clock',
  'box-certificate',
  'box-outbox',
  'box-store',
  'box-link',
  'box-video',
  'box-backbone',
  'box-disk-wear',
  'box-unknown-device',
  'camera-moved',
]);
const alarmCategory = z
  .enum(ALARM_CATEGORIES)
  .meta({ description: 'what the alarm is about, by the code of its source; see alarms.md' });
/** What an alarm panel says of itself. */
const panelDetails = {
  area: z.string().max(16).optional().meta({ description: 'area or group of the panel' }),
  zone: z.string().max(16).optional().meta({ description: 'zone of the panel, or user' }),
  code_sia: z.string().max(8).optional().meta({ description: 'SIA code (DC-03)' }),
  code_contact_id: z
    .string()
    .max(8)
    .optional()
    .meta({ description: 'qualifier and event of Contact ID (DC-05), such as 1130' }),
  text: z
    .string()
    .max(300)
    .optional()
    .meta({ description: 'what the source says in words, such as the value' }),
};
const account = z.string().max(16).meta({ description: 'account of the panel' });
/** Where an alarm comes from: what its source has, and nothing else. */
const alarmDetails = {
  source: z.string().max(64).optional().meta({
    description:
      'id of the entry of the configuration that the alarm comes from, such as a camera; `collector`: the box itself',
  }),
  camera: cameraId.optional(),
  account: account.optional(),
  category: alarmCategory.optional(),
  ...panelDetails,
  cause: cause.optional(),
  polarity: z.enum(['configured', 'learnt', 'assumed']).optional().meta({
    description:
      'of a digital input of a camera, who says which of its states is the alarm: `inverted` of the entry, the camera itself, or nobody (then `true`)',
  }),
};

export type Severity = z.infer<typeof severity>;
export type Side = z.infer<typeof side>;
export type SegmentKind = z.infer<typeof segmentHealthState>['kind'];
export type HealthState = z.infer<typeof healthState>;
export type CameraState = z.infer<typeof cameraState>;

export const linkState = z.strictObject({
  ...envelope,
  online: z.boolean().meta({ description: 'false in the last will and after a clean stop' }),
  session: count.meta({
    description:
      'number of the MQTT session; a will with a lower number than the last birth is of an old session',
  }),
  protocol: z.enum(['mqtt5', 'mqtt311']),
  software: z.string().max(40).meta({ description: 'version of the agent' }),
  confirmation: confirmation.meta({
    description:
      'what an event leaves the box on: the signed receipt of the CSU, or the PUBACK of the broker',
  }),
  path: z.enum(PATHS).meta({ description: 'the path that this message is about and came by' }),
  in_use: pathInUse.meta({ description: 'the path that alarms take now' }),
  other_path: pathState.meta({ description: 'how the other path is; none where there is only one' }),
  supervision_s: count.meta({
    description: 'seconds within which the loss of this path is known on both sides',
  }),
  category: statedCategory.meta({
    description: 'category of alarm transmission that the site states (EN 50136-1)',
  }),
});

const boxHealthState = z.strictObject({
  ...envelope,
  state: healthState,
  cause,
  fault,
  side,
  detail: text,
  since: unixMs,
  cameras_ok: count,
  cameras_degraded: count,
  cameras_down: count,
  cameras_unknown: count,
  cameras_maintenance: count.meta({
    description: 'cameras on which work is announced, whatever their state is',
  }),
  cameras_disabled: count.meta({ description: 'cameras that the configuration switches off' }),
  video_running: z.boolean().meta({ description: 'the video process is up and answering' }),
  clock_source: z
    .enum(['host', 'chrony', 'timesyncd'])
    .meta({ description: 'who is asked whether the clock is synchronised' }),
  storage_durable: z.boolean().meta({ description: 'false while alarms can only be kept in memory' }),
  outbox_pending: count.meta({ description: 'events on disk that are not confirmed' }),
  outbox_unreceipted: count.meta({
    description: 'of those, events that the broker has and that wait for the receipt of the CSU',
  }),
  events_dropped: count.meta({
    description:
      'events that were lost since the box was enrolled: no room, too old, too large for the broker, or damaged on the disk',
  }),
  orders_refused: count.meta({ description: 'orders refused since the start of the agent' }),
});

const roundTripMs = z
  .number()
  .min(0)
  .optional()
  .meta({ description: 'from PINGREQ to PINGRESP, median of the window, ms; absent without an answer' });
const roundTripMaxMs = z.number().min(0).optional().meta({ description: 'the longest of the window, ms' });
const lossPercent = z.number().min(0).max(100).optional().meta({
  description: 'TCP segments that were sent again, percent of 100 or more; absent until there were so many',
});
const kbps = ratio.optional().meta({ description: 'taken by the line, video included, kbit/s' });
const waitingPercent = ratio
  .max(100)
  .optional()
  .meta({ description: 'share of the window in which more waited than the line took, percent' });

const backboneState = z.strictObject({
  ...envelope,
  state: healthState,
  cause,
  fault,
  side,
  detail: text,
  since: unixMs,
  loss_check: z
    .enum(['measured', 'not-verifiable'])
    .meta({ description: 'not-verifiable where the program ss, which asks the kernel, is not there' }),
  main: pathState,
  main_round_trip_ms: roundTripMs,
  main_round_trip_max_ms: roundTripMaxMs,
  main_loss_percent: lossPercent,
  main_kbps: kbps,
  main_waiting_percent: waitingPercent,
  backup: pathState,
  backup_round_trip_ms: roundTripMs,
  backup_round_trip_max_ms: roundTripMaxMs,
  backup_loss_percent: lossPercent,
  backup_kbps: kbps,
  backup_waiting_percent: waitingPercent,
});

const configState = z.strictObject({
  ...envelope,
  phase: configPhase,
  version: count.meta({ description: 'version that the phase is about; 0 with phase none' }),
  hash: z
    .string()
    .max(64)
    .meta({ description: 'SHA-256 of the signed payload, hexadecimal; empty with phase none' }),
  applied_version: count.meta({ description: 'version in force; 0 when there is none' }),
  cause,
  error_count: count,
  errors: text.meta({ description: 'every error with its path, joined by "; ", cut to 2,000 characters' }),
});

const registerState = z.strictObject({
  ...envelope,
  length: count.meta({ description: 'number of lines of the register' }),
  head: z.string().length(64).meta({ description: 'hash of the last line, hexadecimal' }),
  signature: z
    .string()
    .max(128)
    .meta({ description: 'Ed25519 signature of the box over "length:head", base64url' }),
});

const identityText = z.string().max(64).optional().meta({ description: 'as the camera says by ONVIF' });
const cameraHealthState = z.strictObject({
  ...envelope,
  camera: cameraId,
  name: z.string().max(80),
  owner: cameraOwner.meta({ description: 'who answers for the camera and its local link' }),
  state: cameraState.meta({
    description:
      'maintenance: work on it is announced and has begun, it is looked at all the same; disabled: switched off in the configuration, and not spoken to',
  }),
  found: healthState.optional().meta({
    description: 'in maintenance: what the checks find, with `cause`, `side` and `detail` of that',
  }),
  maintenance_window: z.string().max(64).optional().meta({ description: 'id of the announced window' }),
  maintenance_until: unixMs.optional().meta({ description: 'when it ends by itself' }),
  cause,
  fault,
  side,
  segment: segmentId.optional().meta({ description: 'segment that the camera hangs on' }),
  consequence_of: segmentId
    .optional()
    .meta({ description: 'segment whose fault explains this one: the camera itself may be well' }),
  detail: text.meta({ description: 'the cause in words, with what was expected and what came' }),
  since: unixMs.meta({ description: 'when this state began' }),
  reachable: z.enum(['yes', 'no', 'unknown']),
  login: z.enum(['accepted', 'refused', 'latched', 'not-asked', 'unknown']),
  described: z.enum(['yes', 'no', 'unknown']).meta({ description: 'the stream was described by the camera' }),
  flowing: z.enum(['yes', 'no', 'unknown']).meta({ description: 'pictures arrive on the video track' }),
  clock_offset_ms: z.number().optional().meta({ description: 'clock of the camera minus clock of the box' }),
  clock_uncertainty_ms: ratio.optional().meta({ description: 'half the round trip of the measurement' }),
  picture: z
    .enum(['ok', 'faulty', 'learning', 'unsuitable', 'not-checked', 'off'])
    .meta({ description: 'what the key frames show; unsuitable: too little in the view to compare it by' }),
  picture_view: z
    .enum(['unknown', 'learning', 'learnt', 'confirmed'])
    .meta({ description: 'whether the view of the camera is known, and was confirmed by an operator' }),
  picture_detail: text.meta({ description: 'the numbers of a fault, or why no picture is checked' }),
  codec: z.enum(['h264', 'h265']).optional(),
  width: count.optional(),
  height: count.optional(),
  manufacturer: identityText,
  model: identityText,
  firmware: identityText,
  serial: identityText.meta({ description: 'serial number; another one than expected is `camera-swapped`' }),
});

const lawState = z.strictObject({ ...envelope, camera: cameraId, name: z.string().max(80), ...lawFields });

const qualityState = z.strictObject({
  ...envelope,
  camera: cameraId,
  name: z.string().max(80),
  ...qualityFields,
});

const layersState = z.strictObject({
  ...envelope,
  camera: cameraId,
  name: z.string().max(80),
  ...layerFields,
});

const segmentHealthState = z.strictObject({
  ...envelope,
  segment: segmentId,
  name: z.string().max(80),
  kind: z.enum([...segmentKind.options, 'all']).meta({ description: 'all: every camera of the box' }),
  state: healthState.extract(['ok', 'down', 'unknown']),
  cause,
  fault,
  side,
  consequence_of: segmentId.optional().meta({ description: 'wider segment whose fault explains this one' }),
  since: unixMs.meta({ description: 'when this state began' }),
  cameras: count.meta({ description: 'cameras that hang on it' }),
  cameras_unreachable: count,
  unreachable: text.meta({ description: 'their ids, joined by ", ", cut to 2,000 characters' }),
});

const windowId = z
  .string()
  .max(64)
  .meta({ description: 'id of the window: that of the configuration, or the unique id of the order' });
const unarmedBy = {
  unarmed_by: z
    .enum(['schedule', 'maintenance'])
    .optional()
    .meta({ description: 'why the point is not armed; absent when it is' }),
  window: windowId.optional().meta({
    description:
      'maintenance window that names the point; an alarm that carries it may be work or a test, and is to be treated as an alarm until that is known',
  }),
};

export const alarmState = z.strictObject({
  ...envelope,
  point: pointId,
  name: z.string().max(80),
  kind: alarmKind,
  ...alarmPlace,
  ...alarmDetails,
  state: z
    .enum(['raised', 'cleared', 'unknown'])
    .meta({ description: 'whether the condition is there, as far as its source can be heard' }),
  severity,
  since: unixMs.meta({ description: 'when `state` began' }),
  as_of_ts: unixMs.optional().meta({
    description:
      'present where the source is heard again and does not repeat its states, as alarm panels do: `state` is what it said last, known until this time; whether it changed since is not known. Absent once the source has spoken of it again',
  }),
  ...alarmLife,
  acknowledged_by: personName.optional(),
  acknowledged_ts: unixMs.optional(),
  shelved_until: unixMs.optional().meta({ description: 'when it is told as before, Unix ms UTC' }),
  shelved_by: personName.optional(),
  shelved_why: reasonText.optional(),
  armed: z.boolean().meta({ description: 'whether the point would raise an alarm now' }),
  ...unarmedBy,
  occurrences: count.meta({ description: 'how often an alarm was raised since the point exists' }),
});

const pictureMeasure = z.strictObject({
  ...envelope,
  camera: cameraId,
  state: z.enum(['learning', 'ok', 'faulty', 'unsuitable']),
  light: z.enum(['day', 'night', 'infrared']),
  cause: cause.meta({ description: 'what stands confirmed, or none' }),
  suspected: cause.meta({ description: 'what this picture alone says, or none' }),
  level_mean: ratio.meta({ description: 'luma, 0 to 255' }),
  level_low: ratio.meta({ description: '5 % of the picture is darker' }),
  level_high: ratio.meta({ description: '5 % of the picture is lighter' }),
  white_percent: ratio,
  noise: ratio.meta({ description: 'deviation in the flattest part, levels' }),
  edge_rise: ratio.optional().meta({
    description: 'pixels, of 320 to the width, over which the sharpest edges rise; large out of focus',
  }),
  change: ratio.optional().meta({ description: 'difference from the picture before, levels' }),
  likeness_percent: ratio.optional().meta({ description: 'how far it is the view that was learnt' }),
  lost_percent: ratio.optional().meta({ description: 'share of the view that is not there' }),
  moved_right_percent: z
    .number()
    .optional()
    .meta({ description: 'the view stands beside its place, % of its width' }),
  moved_down_percent: z.number().optional().meta({ description: 'the same, % of its height' }),
  frame_bytes: count.meta({ description: 'median size of the frames between key frames' }),
});

const streamMeasure = z.strictObject({
  ...envelope,
  camera: cameraId,
  period_ms: count,
  fps: ratio,
  kbps: ratio.meta({ description: 'payload of the video track, kbit/s' }),
  gop_frames: ratio.meta({ description: 'frames between the last two key frames; 0 until known' }),
  key_interval_ms: count.meta({ description: 'time between the last two key frames; 0 until known' }),
  jitter_ms: ratio.meta({
    description: 'how unevenly pictures came against their time stamps (RFC 3550), the largest of the period',
  }),
  rtp_received: count,
  rtp_lost: count,
  rtp_unread: count.meta({
    description: 'of the lost ones, packets that came over UDP and that the box did not read in time',
  }),
  frames_damaged: count,
  timestamp_repairs: count.meta({ description: 'time stamps that jumped and were repaired' }),
  gops_uncached: count.meta({
    description:
      'groups of pictures above `video.cacheKb`: a destination that began in one had to wait for the next key picture',
  }),
  forwarded_bytes: count.meta({ description: 'media bytes handed to the broker connection in the period' }),
  dropped_frames: count.meta({ description: 'frames that the broker connection could not take' }),
  clock_offset_ms: z.number().optional().meta({
    description:
      'clock of the camera minus clock of the box, by the RTCP sender reports of the stream; absent when it sends none with a wall clock',
  }),
  clock_uncertainty_ms: ratio.optional().meta({ description: 'half the shortest round trip to the camera' }),
  clock_drift_ppm: z.number().optional().meta({
    description: 'how much the clock of the camera runs fast, parts per million; after three minutes',
  }),
  clock_steps: count.optional().meta({
    description:
      'how often the clock of the camera was seen to be set since the video process began, by a tenth of a second or more',
  }),
});

const destinationMeasure = z.strictObject({
  ...envelope,
  camera: cameraId,
  destination: destinationId,
  kind: destinationKind.meta({ description: 'how pictures get there' }),
  state: destinationState.meta({
    description:
      'waiting: ready, no picture has come yet; blocked: pictures are dropped up to the next key picture, because it does not take them fast enough; paused: the budget of the backbone is short, see `pause`; failed: it is tried again',
  }),
  since: unixMs.meta({ description: 'when this state began' }),
  bytes: count.meta({ description: 'media bytes handed to it since the destination exists' }),
  frames: count.meta({ description: 'pictures handed to it since the destination exists' }),
  gaps: count.meta({ description: 'gaps since the destination exists; each is an event' }),
  dropped_frames: count.meta({ description: 'pictures in those gaps' }),
  waiting_bytes: count.meta({
    description: 'bytes that wait in the box because it does not take them faster',
  }),
  cause: cause.meta({ description: 'code of its last error, also when that is over; none without one' }),
  side: side.meta({ description: 'whose side that error is on' }),
  detail: text,
});

export const boxVitals = z.strictObject({
  ...envelope,
  cpu_percent: ratio,
  memory_used_mb: ratio,
  memory_total_mb: ratio,
  disk_free_mb: ratio.optional(),
  disk_wear: z
    .enum(['measured', 'not-verifiable'])
    .meta({ description: 'not-verifiable where the kernel does not say it: it does of eMMC' }),
  disk_wear_percent: ratio
    .max(100)
    .optional()
    .meta({ description: 'life of the disk that is used up, in steps of ten percent, rounded up' }),
  temperature_c: z.number().optional(),
  uptime_s: ratio,
  agent_rss_mb: ratio,
});

const upsMeasure = z.strictObject({
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

const objectMeasure = z.strictObject({
  ...envelope,
  object: objectId,
  name: z.string().max(80),
  value: z.number().meta({ description: 'the last value of the object; true is 1 and false is 0' }),
  unit: z.string().max(16).optional().meta({ description: 'as the configuration says' }),
});

const inventoryState = z.strictObject({ ...envelope, ...inventoryFields });
const inventoryReport = z.strictObject({
  ...envelope,
  id: z.string().max(40).meta({ description: 'id of this event; consumers de-duplicate by it' }),
  ...findingFields,
  camera: cameraId
    .optional()
    .meta({ description: 'the camera that it is about; absent for an unknown device' }),
  other: cameraId.optional().meta({
    description: 'of a swapped camera: the camera whose device stands in its place',
  }),
});

export const alarmEvent = z.strictObject({
  ...envelope,
  id: z.string().max(40).meta({ description: 'id of this event; consumers de-duplicate by it' }),
  point: pointId,
  name: z.string().max(80),
  kind: alarmKind,
  ...alarmPlace,
  ...alarmDetails,
  transition: z.enum(ALARM_TRANSITIONS),
  severity,
  ...alarmLife,
  by: personName.optional().meta({ description: 'who decided; `box` when the box did by itself' }),
  signer: z.string().max(80).optional().meta({ description: 'key that signed the order' }),
  why: reasonText.optional(),
  until: unixMs.optional().meta({ description: 'end of the shelving, Unix ms UTC' }),
  changes: count
    .optional()
    .meta({ description: 'with chattering and steady: how often the condition has changed so far' }),
  window: unarmedBy.window,
  source_ts: unixMs.optional().meta({ description: 'time that the source gave, in its own clock' }),
  occurrences: count,
});

const activityEvent = z.strictObject({
  ...envelope,
  id: z.string().max(40).meta({ description: 'id of this event; consumers de-duplicate by it' }),
  point: pointId,
  name: z.string().max(80),
  kind: alarmKind,
  ...alarmPlace,
  ...alarmDetails,
  transition: z
    .enum(['begun', 'ended'])
    .meta({ description: 'the condition came, or went, while the point was not armed' }),
  severity: severity.meta({ description: 'that the alarm would have' }),
  ...unarmedBy,
  source_ts: unixMs.optional().meta({ description: 'time that the source gave, in its own clock' }),
});

const windowEvent = z.strictObject({
  ...envelope,
  id: z.string().max(40).meta({ description: 'id of this event; consumers de-duplicate by it' }),
  window: windowId,
  effect: z.enum(WINDOW_EFFECTS),
  transition: z.enum(['announced', 'begun', 'ended', 'cancelled']),
  points: text.meta({ description: 'ids of the points, divided by spaces, cut to 2,000 characters' }),
  point_count: count,
  cameras: text.optional().meta({
    description: 'ids of the cameras that are worked on, divided by spaces, cut to 2,000 characters',
  }),
  camera_count: count.optional(),
  box: z.boolean().optional().meta({ description: 'the box is worked on, and with it all that it watches' }),
  start: unixMs.meta({ description: 'announced begin, Unix ms UTC' }),
  end: unixMs.meta({ description: 'announced end, Unix ms UTC' }),
  by: personName,
  signer: z.string().max(80).meta({ description: 'key that signed the order; empty for the configuration' }),
  why: reasonText,
});

const panelSignal = z.strictObject({
  ...envelope,
  id: z.string().max(40).meta({ description: 'id of this event; consumers de-duplicate by it' }),
  source: z.string().max(64).meta({ description: 'id of the panel in the configuration' }),
  account,
  category: alarmCategory,
  meaning: z
    .enum(['raised', 'cleared', 'report', 'unknown'])
    .meta({ description: 'by the table of codes; unknown for a code that it does not hold' }),
  severity,
  sequence: z.string().max(8).meta({ description: 'number that the panel gave its message' }),
  encrypted: z.boolean(),
  ...panelDetails,
  source_ts: unixMs.optional().meta({ description: 'time that the panel gave, in its own clock' }),
});

const commandEvent = z.strictObject({
  ...envelope,
  id: z.string().max(40),
  command: z.enum(COMMAND_NAMES),
  command_id: z.string().max(64).meta({ description: 'unique id of the order' }),
  status: z.enum(['accepted', 'executing', 'successful', 'failed', 'rejected']),
  signer: z.string().max(80).meta({ description: 'key that signed the order' }),
  camera: cameraId.optional(),
  point: pointId.optional(),
  alarm: alarmId.optional(),
  cause,
  detail: text,
});

const refusalEvent = z.strictObject({
  ...envelope,
  id: z.string().max(40),
  order: z.enum(['command', 'configuration', 'receipt']),
  order_id: z.string().max(64).meta({
    description: 'unique id or version that the order claims; empty when unreadable, and for several',
  }),
  signer: z
    .union([keyId, z.literal('unknown')])
    .meta({ description: 'key of a good signature; unknown when there was none' }),
  refused: count.min(1).meta({
    description:
      'how many orders the message tells of: 10 in a minute are told one by one, as many that no known key has signed; the others of each signer as one',
  }),
  first: unixMs.meta({ description: 'when the first of them was refused' }),
  last: unixMs.meta({ description: 'when the last of them was refused' }),
  cause: cause.meta({
    description: 'code of the error; of several orders that of most of them, `detail` has all',
  }),
  detail: text,
  refused_total: count.meta({ description: 'orders refused since the start of the agent' }),
});

/** A view or a lease: what stands in the register of it, and the line itself, so that its reader can verify it. */
const channelFields = {
  ...envelope,
  id: z.string().max(40),
  action: z.enum(CHANNEL_ACTIONS),
  channel: orderId.meta({ description: 'id of the view or lease: that of the order that asked for it' }),
  camera: cameraId,
  who: z
    .union([keyId, z.literal('box')])
    .meta({ description: 'key that ordered it, or box when it closed by itself' }),
  operator: z.string().max(80).meta({ description: 'the named person who views, or who gave the order' }),
  on_behalf_of: z.string().max(80).meta({ description: 'for whom; the partner’s own operator with a lease' }),
  recipient: recipientId,
  reason: z.string().max(200),
  start: unixMs.meta({ description: 'when it was opened or asked for' }),
  end: unixMs.meta({ description: 'when it closes at the latest; when it was closed, once it is' }),
  bytes: count.optional().meta({ description: 'media bytes handed to the broker connection so far' }),
  frames: count.optional().meta({ description: 'pictures handed to the broker connection so far' }),
  lost_frames: count.optional().meta({
    description:
      'of a lease, once it is closed: pictures that the camera sent while it was open and the recipient did not get',
  }),
  cause,
  closed_by: z.enum(CLOSED_BY).optional().meta({ description: 'what closed it' }),
  refused: count.min(2).optional().meta({
    description:
      'refused orders of one key about the camera that this line tells of, where they are several: `detail` has their causes and whom they named; the other keys are those of the last',
  }),
  refused_first: unixMs.optional().meta({ description: 'when the first of several was refused' }),
  refused_last: unixMs.optional().meta({ description: 'when the last of several was refused' }),
  detail: z.string().max(500),
  line: count.min(1).meta({ description: 'number of the line of the register' }),
  line_ts: unixMs.meta({ description: 'time of the line' }),
  line_clock: z.string().max(20).meta({ description: 'how far the time of the line can be believed' }),
  line_subject: z.string().max(200),
  line_result: z.string().max(200),
  line_detail: z.string().max(2000).meta({ description: 'detail of the line: JSON' }),
  line_previous: z.string().length(64).meta({ description: 'hash of the line before' }),
  line_hash: z.string().length(64).meta({ description: 'hash of the line, see register.md' }),
  line_signature: z.string().max(128).meta({ description: 'Ed25519 signature of the box over the hash' }),
};
const channelEvent = z.strictObject(channelFields);
const consignationReport = z.strictObject({
  ...channelFields,
  partner: partnerId.meta({ description: 'the partner whose camera it is' }),
});

export const faultEvent = z.strictObject({
  ...envelope,
  id: z.string().max(40),
  cause,
  fault,
  side,
  detail: text,
});

const gapEvent = z.strictObject({
  ...envelope,
  id: z.string().max(40),
  camera: cameraId,
  destination: destinationId,
  from: unixMs.meta({
    description:
      'when the first missing picture came to the box, by the clock of the box whatever that of the camera says; `clock_offset_ms` of `meas/stream` leads to the time in the media messages',
  }),
  until: unixMs.meta({
    description:
      'when the first picture after the gap came, by the same clock; after the last gap of several',
  }),
  gaps: count.min(1).meta({
    description:
      'how many gaps of this cause the message tells: the first is told at once, those that follow within 10 s (60 s while they go on) as one',
  }),
  spans: text.meta({
    description:
      'each gap as begin in Unix ms, "+" and its length in ms, divided by blanks; a span that reaches from the first of several gaps to the end of the last says "x" and how many: of more than 80 the last, and of gaps that ended while the agent was away the 64th of a destination',
  }),
  frames: count.meta({
    description:
      'pictures that the camera sent and the destination did not get; 0 with video-process-down, where nobody counted',
  }),
  cause,
  side,
});

const pauseEvent = z.strictObject({
  ...envelope,
  id: z.string().max(40).meta({ description: 'id of this event; consumers de-duplicate by it' }),
  camera: cameraId,
  destination: destinationId,
  kind: destinationKind.meta({ description: 'class of the destination' }),
  transition: z.enum(['paused', 'resumed']),
  limit: z
    .enum(['class', 'box'])
    .meta({ description: 'what is short: the budget of the class of the destination, or that of the box' }),
  priority: count.meta({ description: 'of the camera at that moment, 1 to 9, missions included' }),
  budget_kbps: count.meta({ description: 'the budget that is short, kbit/s; 0 when it was taken away' }),
  needed_kbps: count.meta({ description: 'what all its channels need, those that are paused included' }),
  cause: cause.meta({ description: 'backbone-budget; none when it goes on' }),
  side,
});

const missionEvent = z.strictObject({
  ...envelope,
  id: z.string().max(40).meta({ description: 'id of this event; consumers de-duplicate by it' }),
  mission: orderId.meta({ description: 'id of the order that announced it' }),
  transition: z.enum(['announced', 'begun', 'ended', 'cancelled']),
  cameras: text.meta({ description: 'ids of the cameras, divided by blanks, cut to 2,000 characters' }),
  camera_count: count,
  priority: count.meta({ description: 'of these cameras meanwhile, 1 to 9' }),
  start: unixMs.meta({ description: 'announced begin, Unix ms UTC' }),
  end: unixMs.meta({ description: 'announced end, Unix ms UTC' }),
  by: personName,
  signer: z.string().max(80).meta({ description: 'key that signed the order' }),
  why: reasonText,
});

const pathEvent = z.strictObject({
  ...envelope,
  id: z.string().max(40).meta({ description: 'id of this event; consumers de-duplicate by it' }),
  main: pathState,
  backup: pathState,
  in_use: pathInUse.meta({ description: 'the path that alarms take from now on' }),
  cause,
  detail: text,
});

const floodEvent = z.strictObject({
  ...envelope,
  id: z.string().max(40).meta({ description: 'id of this event; consumers de-duplicate by it' }),
  transition: z.enum(['begun', 'lasts', 'ended']).meta({
    description: 'of the flood with this `first_seq`; lasts: the figures so far, once per `within_s`',
  }),
  count: count.meta({
    description:
      'events `alarm`, `activity` and `panel-signal` from the first to the last; each is sent besides',
  }),
  first_seq: count.meta({ description: 'number of the first event that is counted' }),
  last_seq: count.meta({ description: 'number of the last one so far' }),
  first_ts: unixMs.meta({ description: 'since when: time of the first event' }),
  last_ts: unixMs.meta({ description: 'time of the last one so far' }),
  life_safety: count.meta({ description: 'of those, events of the class life-safety' }),
  intrusion: count.meta({ description: 'of the class intrusion' }),
  technical: count.meta({ description: 'of the class technical' }),
  service: count.meta({ description: 'of the class service: what points that are not armed saw' }),
  kinds: text.meta({
    description:
      'kinds of points with how many events, the most first, such as `object-above 812 panel-zone 40`; `panel-signal` where there is no point',
  }),
  limit: count.meta({ description: 'so many events within `within_s` begin a flood' }),
  within_s: count.meta({ description: 'seconds' }),
});

const lossEvent = z.strictObject({
  ...envelope,
  id: z.string().max(40),
  lost_class: z.enum(OUTBOX_CLASSES).meta({ description: 'class of the outbox that the events were of' }),
  reason: z.enum(LOSS_REASONS).meta({
    description:
      'no space, too old, too large for the broker, damaged on the disk, or never written to it: it took nothing when the agent ended',
  }),
  first_seq: count.meta({ description: 'number of the first event that was dropped' }),
  last_seq: count.meta({ description: 'number of the last one' }),
  lost: count.meta({
    description:
      'how many were dropped, with `damaged` and `unwritten` at most; numbers between first and last may have arrived all the same',
  }),
});

const timeCorrectionEvent = z.strictObject({
  ...envelope,
  id: z.string().max(40),
  about_boot: count.meta({ description: 'the start of the agent that the events are of' }),
  first_seq: count.meta({
    description: 'number of the first event that was written with an untrusted clock',
  }),
  last_seq: count.meta({ description: 'number of the last one' }),
  correction_ms: z.int().meta({
    description:
      'to be added to `ts`, and to every other time of the box in these events and in states of this stretch',
  }),
  exact: z.boolean().meta({
    description:
      'false when the agent was off in between: the corrected time is then the latest possible; also when the clock was set dozens of times: it is then a guess',
  }),
});

const eventId = z.string().max(40).meta({ description: 'id of this event; consumers de-duplicate by it' });
const availabilityReport = z.strictObject({ ...envelope, id: eventId, ...availabilityFields });
const siteReport = availabilityReport.extend(siteFields);

export type LinkState = z.infer<typeof linkState>;
export type BoxHealthState = z.infer<typeof boxHealthState>;
export type ConfigState = z.infer<typeof configState>;
export type RegisterState = z.infer<typeof registerState>;
export type CameraHealthState = z.infer<typeof cameraHealthState>;
export type AlarmState = z.infer<typeof alarmState>;
export type AlarmEvent = z.infer<typeof alarmEvent>;
export type ActivityEvent = z.infer<typeof activityEvent>;
export type WindowEvent = z.infer<typeof windowEvent>;
export type CommandEvent = z.infer<typeof commandEvent>;
export type RefusalEvent = z.infer<typeof refusalEvent>;
export type PathEvent = z.infer<typeof pathEvent>;
export type FloodEvent = z.infer<typeof floodEvent>;
export type LossEvent = z.infer<typeof lossEvent>;
export type TimeCorrectionEvent = z.infer<typeof timeCorrectionEvent>;
export type FaultEvent = z.infer<typeof faultEvent>;
export type ChannelEvent = z.infer<typeof channelEvent>;
export type ConsignationReport = z.infer<typeof consignationReport>;

export interface MessageDefinition {
  readonly class: TopicClass;
  /** `<partner>` where the last level is the id of a partner. */
  readonly name: string;
  /** What stands at the entity level. */
  readonly entity: 'collector' | 'camera' | 'point' | 'ups' | 'object' | 'segment';
  readonly summary: string;
  readonly schema: z.ZodObject;
}

/** Every JSON message of the box. */
export const MESSAGES = {
  link: {
    class: 'state',
    name: 'link',
    entity: 'collector',
    summary: 'Presence of the box; last will.',
    schema: linkState,
  },
  linkBackup: {
    class: 'state',
    name: 'link-backup',
    entity: 'collector',
    summary:
      'The same of the back-up path, on the broker of that path; its last will too. While alarms take it, said anew each half supervision time.',
    schema: linkState,
  },
  boxHealth: {
    class: 'state',
    name: 'health',
    entity: 'collector',
    summary: 'Health of the box.',
    schema: boxHealthState,
  },
  backbone: {
    class: 'state',
    name: 'backbone',
    entity: 'collector',
    summary:
      'Round trip, loss and throughput to the broker on each path, after each window of the configuration. What is absent is not known.',
    schema: backboneState,
  },
  inventory: {
    class: 'state',
    name: 'inventory',
    entity: 'collector',
    summary: 'What is configured against what is seen on the network of the cameras, at the last look.',
    schema: inventoryState,
  },
  config: {
    class: 'state',
    name: 'config',
    entity: 'collector',
    summary: 'What became of the central configuration.',
    schema: configState,
  },
  register: {
    class: 'state',
    name: 'register',
    entity: 'collector',
    summary: 'Head of the register.',
    schema: registerState,
  },
  cameraHealth: {
    class: 'state',
    name: 'health',
    entity: 'camera',
    summary: 'Health of a camera, with its cause.',
    schema: cameraHealthState,
  },
  law: {
    class: 'state',
    name: 'law',
    entity: 'camera',
    summary:
      'The legal profile of a camera that has one in the configuration (arrêté du 3 août 2007, code de la sécurité intérieure), each check with its verdict and its numbers.',
    schema: lawState,
  },
  layers: {
    class: 'state',
    name: 'layers',
    entity: 'camera',
    summary:
      'What the checks find of a camera, from the wire up: each layer with a verdict of its own, and its cause where it is at fault.',
    schema: layersState,
  },
  quality: {
    class: 'state',
    name: 'quality',
    entity: 'camera',
    summary:
      'How good the stream of a camera is, by what was measured within the hour: each full hour, and so far when the label changes and each quarter of an hour.',
    schema: qualityState,
  },
  segmentHealth: {
    class: 'state',
    name: 'health',
    entity: 'segment',
    summary:
      'Health of a part of the local network, by the cameras that hang on it; `seg-all` is all of them.',
    schema: segmentHealthState,
  },
  alarmCurrent: {
    class: 'state',
    name: 'alarm-current',
    entity: 'point',
    summary: 'Current state of an alarm point.',
    schema: alarmState,
  },
  stream: {
    class: 'meas',
    name: 'stream',
    entity: 'camera',
    summary: 'Measures of the stream of a camera.',
    schema: streamMeasure,
  },
  picture: {
    class: 'meas',
    name: 'picture',
    entity: 'camera',
    summary: 'Numbers of a decoded key frame of a camera; never a picture.',
    schema: pictureMeasure,
  },
  destination: {
    class: 'meas',
    name: 'destination',
    entity: 'camera',
    summary: 'A destination of the pictures of a camera.',
    schema: destinationMeasure,
  },
  vitals: {
    class: 'meas',
    name: 'vitals',
    entity: 'collector',
    summary: 'Vitals of the box.',
    schema: boxVitals,
  },
  ups: {
    class: 'meas',
    name: 'ups',
    entity: 'ups',
    summary: 'Measures of a UPS; at once when its flags change.',
    schema: upsMeasure,
  },
  object: {
    class: 'meas',
    name: 'object',
    entity: 'object',
    summary: 'Value of a connected object, not older than the interval of its configuration.',
    schema: objectMeasure,
  },
  alarm: {
    class: 'event',
    name: 'alarm',
    entity: 'point',
    summary: 'An alarm was raised or cleared.',
    schema: alarmEvent,
  },
  activity: {
    class: 'event',
    name: 'activity',
    entity: 'point',
    summary: 'A point that is not armed saw something: recorded, and no alarm.',
    schema: activityEvent,
  },
  window: {
    class: 'event',
    name: 'window',
    entity: 'collector',
    summary: 'A maintenance window or a mission was announced, begins, ends, or is cancelled.',
    schema: windowEvent,
  },
  panelSignal: {
    class: 'event',
    name: 'panel-signal',
    entity: 'collector',
    summary: 'An alarm panel said something that raised and cleared no alarm point.',
    schema: panelSignal,
  },
  command: {
    class: 'event',
    name: 'command',
    entity: 'collector',
    summary: 'What became of a command.',
    schema: commandEvent,
  },
  refusal: {
    class: 'event',
    name: 'refusal',
    entity: 'collector',
    summary: 'An order was refused.',
    schema: refusalEvent,
  },
  gap: {
    class: 'event',
    name: 'gap',
    entity: 'camera',
    summary: 'A destination did not get pictures that the camera sent: one gap, or several in short order.',
    schema: gapEvent,
  },
  pause: {
    class: 'event',
    name: 'pause',
    entity: 'camera',
    summary: 'A channel was paused because the budget of the backbone is short, or goes on.',
    schema: pauseEvent,
  },
  mission: {
    class: 'event',
    name: 'mission',
    entity: 'collector',
    summary: 'A temporary priority of cameras was announced, begins, ends, or is cancelled.',
    schema: missionEvent,
  },
  channel: {
    class: 'event',
    name: 'channel',
    entity: 'camera',
    summary: 'A view or a lease of the camera was opened, extended, refused or closed.',
    schema: channelEvent,
  },
  consignation: {
    class: 'report',
    name: '<partner>',
    entity: 'camera',
    summary: 'For the partner whose camera it is: what was done with it.',
    schema: consignationReport,
  },
  siteAvailability: {
    class: 'report',
    name: 'availability',
    entity: 'collector',
    summary:
      'Availability of the box and its link within a period, and the count of connected cameras: after each month, and on the order `report.publish`.',
    schema: siteReport,
  },
  cameraAvailability: {
    class: 'report',
    name: 'availability',
    entity: 'camera',
    summary: 'Availability of a camera within the same period.',
    schema: availabilityReport,
  },
  segmentAvailability: {
    class: 'report',
    name: 'availability',
    entity: 'segment',
    summary: 'Availability of a part of the local network within the same period.',
    schema: availabilityReport,
  },
  inventoryFinding: {
    class: 'report',
    name: 'inventory',
    entity: 'collector',
    summary: 'A difference between the configuration and what is seen on the network came, or is over.',
    schema: inventoryReport,
  },
  fault: {
    class: 'event',
    name: 'fault',
    entity: 'collector',
    summary: 'Something happened to the box that the CSU must know.',
    schema: faultEvent,
  },
  flood: {
    class: 'event',
    name: 'flood',
    entity: 'collector',
    summary: 'Alarms come faster than anybody reads: how many, of what, since when; sent before them.',
    schema: floodEvent,
  },
  timeCorrection: {
    class: 'event',
    name: 'time-correction',
    entity: 'collector',
    summary: 'The clock of the box is good again: what the times of events were that had `clock: untrusted`.',
    schema: timeCorrectionEvent,
  },
  path: {
    class: 'event',
    name: 'path',
    entity: 'collector',
    summary:
      'A path to the CSU was lost or is back, or alarms take another. Told where there is a back-up path.',
    schema: pathEvent,
  },
  loss: {
    class: 'event',
    name: 'loss',
    entity: 'collector',
    summary: 'Events were dropped before they were confirmed: a line of the loss ledger.',
    schema: lossEvent,
  },
} as const satisfies Record<string, MessageDefinition>;

export type MessageKey = keyof typeof MESSAGES;
/** The fields of a message without the envelope, which the uplink adds. */
export type Fields<K extends MessageKey> = Omit<
  z.infer<(typeof MESSAGES)[K]['schema']>,
  keyof typeof envelope
>;
