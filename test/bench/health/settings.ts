import { createHash } from 'node:crypto';
import type { BenchScene } from '../bench-box.ts';

/** What is in force of the whole box, and of each camera. */
export interface Settings {
  readonly box: object;
  readonly entry?: object;
}

/** Where the simulated cameras say that they take their time from. */
const TIME_SERVER = '10.0.0.1';
/** The mask of each camera, and how its approval names it. @see agent/camera/onvif/masks.ts */
const MASK = [
  [0.1, 0.1],
  [0.1, 0.5],
  [0.5, 0.5],
] as const;
const MASKS_SHA256 = createHash('sha256')
  .update('Color 0.1000,0.1000 0.1000,0.5000 0.5000,0.5000')
  .digest('hex');

/** Cameras that have what a legal profile asks for: one mask, a card that keeps a week, and no sound. */
export const lawful: NonNullable<BenchScene['traits']> = {
  legal: { masks: [MASK], retention: 'P7D' },
  rtsp: { audioTrack: false },
};
/** Every check of a camera that has to be asked for: the lowest rate, and each one of the legal profile. */
const asked = {
  minFps: 5,
  law: {
    role: 'narrow',
    masksSha256: MASKS_SHA256,
    cardDays: 30,
    authorisation: { reference: 'A-2026-1', until: '2099-12-31' },
  },
};
const timeServers = [TIME_SERVER];

/** Nothing is asked that need not be; the configuration knows no rarer pace. */
export const checksOff: Settings = {
  box: { health: { probeIntervalS: 3600, pictureIntervalS: 0, vitalsSchedule: '0 0 1 1 *' } },
};
/** All checks but the pictures, at the pace of a box without a word in its configuration. */
export const withoutPictures: Settings = {
  box: { health: { pictureIntervalS: 0, timeServers } },
  entry: asked,
};
/** All checks at that pace: one picture per camera and minute. */
export const allChecks: Settings = { box: { health: { timeServers } }, entry: asked };
/** Five looks make a view: it need not take five minutes. More often, and one decoder does not keep up. */
export const learnViews: Settings = { box: { health: { pictureIntervalS: 30 } } };
