import type { z } from 'zod';
import type { envelope } from './envelope.ts';
import { activityEvent, alarmEvent, alarmState, panelSignal, windowEvent } from './messages/alarms.ts';
import { boxHealthState, boxVitals, faultEvent, registerState } from './messages/box.ts';
import {
  cameraHealthState,
  lawState,
  layersState,
  pictureMeasure,
  qualityState,
  streamMeasure,
} from './messages/cameras.ts';
import { destinationMeasure, gapEvent, pauseEvent } from './messages/destinations.ts';
import { objectMeasure, upsMeasure } from './messages/equipment.ts';
import {
  backboneState,
  floodEvent,
  linkState,
  lossEvent,
  pathEvent,
  timeCorrectionEvent,
} from './messages/link.ts';
import { inventoryReport, inventoryState, segmentHealthState } from './messages/network.ts';
import { commandEvent, configState, refusalEvent } from './messages/orders.ts';
import { availabilityReport, siteReport } from './messages/reports.ts';
import { channelEvent, consignationReport, missionEvent } from './messages/viewing.ts';
import type { TopicClass } from './topics.ts';

export {
  type ActivityEvent,
  type AlarmEvent,
  type AlarmState,
  alarmEvent,
  alarmState,
  type WindowEvent,
} from './messages/alarms.ts';
export {
  type BoxHealthState,
  boxVitals,
  type FaultEvent,
  faultEvent,
  type RegisterState,
} from './messages/box.ts';
export type { CameraHealthState } from './messages/cameras.ts';
export { destinationKind, destinationState } from './messages/destinations.ts';
export { cameraId, destinationId, moduleId, objectId, pointId, segmentId, upsId } from './messages/ids.ts';
export {
  type FloodEvent,
  type LinkState,
  type LossEvent,
  linkState,
  type PathEvent,
  type TimeCorrectionEvent,
} from './messages/link.ts';
export type { SegmentKind } from './messages/network.ts';
export type { CommandEvent, ConfigState, RefusalEvent } from './messages/orders.ts';
export type { ChannelEvent, ConsignationReport } from './messages/viewing.ts';
export {
  type CameraState,
  cameraOwner,
  cameraState,
  cause,
  configPhase,
  type HealthState,
  type Severity,
  type Side,
  segmentKind,
  severity,
  side,
} from './messages/words.ts';

export interface MessageDefinition {
  readonly class: TopicClass;
  /** `<partner>` where the last level is the id of a partner. */
  readonly name: string;
  /** What stands at the entity level. */
  readonly entity: 'collector' | 'camera' | 'point' | 'ups' | 'object' | 'segment';
  readonly summary: string;
  readonly schema: z.ZodObject;
}

/**
 * Every JSON message of the box, one zod schema each. The types, the run-time check, `docs/reference/mqtt.md` and
 * `docs/reference/asyncapi.yaml` all come from here. Fields are flat and keep their type: what is not known is absent.
 */
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
