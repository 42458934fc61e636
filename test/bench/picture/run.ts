import type { Figures } from '../main.ts';
import { FAULTS, STRENGTHS, type Strength } from './faults.ts';
import { type Peace, peaceOf, type Trial, trialsOf } from './figures.ts';
import { missingPhotos, PHOTO_PACKAGES, PHOTOS } from './photos.ts';
import { INTERVAL_MS } from './simulated-camera.ts';
import { Studio } from './studio.ts';

const WEEK_MS = 7 * 24 * 3600 * 1000;
/** Simulated time of each camera without faults. */
const PEACE_HOURS = 12;
/** Processors that ffmpeg and the judge keep busy. */
const AT_A_TIME = 2;

/**
 * Real photographs and footage as simulated cameras, filmed with ffmpeg in changing light, weather and traffic, then
 * with each fault at three strengths; decoded, put into numbers and judged by the code of the product.
 * @param names of photographs, or `tuning` for those that the thresholds were chosen on; the others when there is none
 */
export async function picture(names: readonly string[]): Promise<Figures> {
  const missing = missingPhotos();
  if (missing.length > 0) {
    throw new Error(`${missing[0]} is missing: apt-get install ${PHOTO_PACKAGES.join(' ')}`);
  }
  const wanted = names.length > 0 ? names : ['figure'];
  const photos = PHOTOS.filter(({ name, use }) => wanted.includes(name) || wanted.includes(use));
  const studio = await Studio.open();
  try {
    const trials: Trial[] = [];
    const peaces: Peace[] = [];
    const work = photos.flatMap((photo, index) => [
      async () => void peaces.push(await peaceOf(studio, photo, index, PEACE_HOURS)),
      async () => void trials.push(...(await trialsOf(studio, photo, index))),
    ]);
    await someAtATime(work, AT_A_TIME);
    tellMisses(trials, peaces);
    return { ...recalls(trials), ...noticing(trials), ...alarms(peaces) };
  } finally {
    await studio.close();
  }
}

async function someAtATime(work: readonly (() => Promise<void>)[], count: number): Promise<void> {
  const left = [...work];
  const worker = async () => {
    for (let next = left.shift(); next; next = left.shift()) await next();
  };
  await Promise.all(Array.from({ length: count }, worker));
}

function recalls(trials: readonly Trial[]): Figures {
  const figures: Figures = {};
  for (const strength of STRENGTHS) {
    for (const fault of FAULTS) {
      const value = recall(trials.filter((trial) => trial.fault === fault && trial.strength === strength));
      figures[`recall_${fault}_${strength}`] = { value, unit: '' };
    }
  }
  const lowest = (strength: Strength) =>
    Math.min(...FAULTS.map((fault) => figures[`recall_${fault}_${strength}`]?.value ?? 0));
  return {
    ...figures,
    recall_full_min: { value: lowest('full'), unit: '' },
    recall_middle_min: { value: lowest('middle'), unit: '' },
  };
}

function recall(trials: readonly Trial[]): number {
  const noticed = trials.filter(({ noticedMs }) => noticedMs !== undefined).length;
  return Math.round((1000 * noticed) / trials.length) / 1000;
}

/** In intervals of looking. */
function noticing(trials: readonly Trial[]): Figures {
  const figures: Figures = {};
  for (const strength of ['full', 'middle'] as const) {
    const times = trials.flatMap((trial) => (trial.strength === strength ? (trial.noticedMs ?? []) : []));
    times.sort((a, b) => a - b);
    const median = (times[times.length >> 1] ?? 0) / INTERVAL_MS;
    figures[`noticed_${strength}_median`] = { value: Math.round(10 * median) / 10, unit: 'intervals' };
  }
  return figures;
}

function alarms(peaces: readonly Peace[]): Figures {
  const weeks = peaces.reduce((sum, { simulatedMs }) => sum + simulatedMs, 0) / WEEK_MS;
  const count = peaces.reduce((sum, peace) => sum + peace.alarms.length, 0);
  const looks = peaces.reduce((sum, peace) => sum + peace.looks, 0);
  const extra = peaces.reduce((sum, peace) => sum + peace.extraLooks, 0);
  return {
    false_alarms: { value: count, unit: '' },
    simulated_camera_weeks: { value: Math.round(100 * weeks) / 100, unit: 'weeks' },
    false_alarms_per_camera_week: { value: Math.round((100 * count) / weeks) / 100, unit: '1/week' },
    cameras: { value: peaces.length, unit: '' },
    cameras_unsuitable: { value: peaces.filter(({ unsuitable }) => unsuitable).length, unit: '' },
    extra_looks_percent: { value: Math.round((1000 * extra) / looks) / 10, unit: '%' },
  };
}

/** On standard error, for whoever works on the judge. */
function tellMisses(trials: readonly Trial[], peaces: readonly Peace[]): void {
  for (const { photo, fault, strength, noticedMs, declared } of trials) {
    if (noticedMs === undefined)
      console.error(`missed: ${photo} ${fault} ${strength}, declared ${declared || 'nothing'}`);
  }
  for (const { photo, alarms: raised } of peaces) {
    for (const { fault, detail, atMs } of raised)
      console.error(`false alarm: ${photo} ${fault} after ${Math.round(atMs / 60_000)} min: ${detail}`);
  }
}
