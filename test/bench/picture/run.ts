import type { Figures } from '../main.ts';
import { FAULTS, type Fault, STRENGTHS, type Strength } from './faults.ts';
import { type Peace, peaceOf, type Trial, trialsOf } from './figures.ts';
import { missingPhotos, PHOTO_PACKAGES, PHOTOS, type Photo } from './photos.ts';
import { INTERVAL_MS } from './simulated-camera.ts';
import { Studio } from './studio.ts';

const WEEK_MS = 7 * 24 * 3600 * 1000;
/** Simulated time of each camera without faults. */
const PEACE_HOURS = 8;
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
  const isStrength = (name: string) => STRENGTHS.some((strength) => strength === name);
  const strengths = STRENGTHS.filter((strength) => names.includes(strength) || !names.some(isStrength));
  const sources = names.filter((name) => !isStrength(name));
  const wanted = sources.length > 0 ? sources : ['figure'];
  const photos = PHOTOS.filter(({ name, use }) => wanted.includes(name) || wanted.includes(use));
  const studio = await Studio.open();
  try {
    const trials: Trial[] = [];
    const peaces: Peace[] = [];
    const work = photos.flatMap((photo) => [
      async () => {
        const peace = await peaceOf(studio, photo, placeOf(photo), PEACE_HOURS);
        peaces.push(peace);
        tellAlarms(peace);
      },
      async () => {
        const tried = await trialsOf(studio, photo, placeOf(photo), strengths);
        trials.push(...tried);
        tellMisses(photo, tried);
      },
    ]);
    await someAtATime(work, AT_A_TIME);
    return { ...recalls(trials, strengths), ...noticing(trials), ...alarms(peaces) };
  } finally {
    await studio.close();
  }
}

/** Among those of the same use: the same light and weather whichever others run. */
function placeOf(photo: Photo): number {
  return PHOTOS.filter(({ use }) => use === photo.use).indexOf(photo);
}

async function someAtATime(work: readonly (() => Promise<void>)[], count: number): Promise<void> {
  const left = [...work];
  const worker = async () => {
    for (let next = left.shift(); next; next = left.shift()) await next();
  };
  await Promise.all(Array.from({ length: count }, worker));
}

/** Of the cameras of which the product says that it can tell the fault; `_all`: of all, those others counted as missed. */
function recalls(trials: readonly Trial[], strengths: readonly Strength[]): Figures {
  const figures: Figures = {};
  for (const strength of strengths) {
    const recallBy = (fault: Fault, among: readonly Trial[]) =>
      recall(among.filter((trial) => trial.fault === fault && trial.strength === strength));
    const checked = trials.filter((trial) => trial.checked);
    for (const fault of FAULTS)
      figures[`recall_${fault}_${strength}`] = { value: recallBy(fault, checked), unit: '' };
    const lowest = (among: readonly Trial[]) => Math.min(...FAULTS.map((fault) => recallBy(fault, among)));
    figures[`recall_${strength}_min`] = { value: lowest(checked), unit: '' };
    const unchecked = trials.map((trial) => (trial.checked ? trial : { ...trial, noticedMs: undefined }));
    figures[`recall_${strength}_min_all`] = { value: lowest(unchecked), unit: '' };
  }
  for (const fault of ['turned', 'defocused'] as const) {
    const value = trials.filter(
      (one) => one.fault === fault && one.strength === strengths[0] && !one.checked,
    ).length;
    figures[`cameras_unsuitable_${fault}`] = { value, unit: '' };
  }
  return figures;
}

function recall(trials: readonly Trial[]): number {
  const noticed = trials.filter(({ noticedMs }) => noticedMs !== undefined).length;
  return Math.round((1000 * noticed) / trials.length) / 1000;
}

/** In intervals of looking, of those that were noticed. */
function noticing(trials: readonly Trial[]): Figures {
  const figures: Figures = {};
  for (const strength of ['full', 'middle'] as const) {
    const timesOf = (fault?: Fault) =>
      trials
        .filter((trial) => trial.strength === strength && (fault ?? trial.fault) === trial.fault)
        .flatMap(({ noticedMs }) => noticedMs ?? [])
        .sort((a, b) => a - b);
    const times = timesOf();
    const soon = times.filter((ms) => ms <= 2 * INTERVAL_MS).length;
    figures[`noticed_${strength}_median`] = intervals(times[times.length >> 1]);
    figures[`noticed_${strength}_max`] = intervals(times.at(-1));
    figures[`noticed_${strength}_within_two`] = {
      value: Math.round((1000 * soon) / times.length) / 1000,
      unit: '',
    };
    for (const fault of FAULTS)
      figures[`noticed_${fault}_${strength}_max`] = intervals(timesOf(fault).at(-1));
  }
  return figures;
}

function intervals(ms = 0): Figures[string] {
  return { value: Math.round((10 * ms) / INTERVAL_MS) / 10, unit: 'intervals' };
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
    extra_looks_percent: { value: Math.round((1000 * extra) / looks) / 10, unit: '%' },
  };
}

/** On standard error, for whoever works on the judge. */
function tellMisses({ name }: Photo, trials: readonly Trial[]): void {
  const missed = trials.filter(({ noticedMs }) => noticedMs === undefined);
  console.error(`${name}: ${trials.length} faults, ${missed.length} missed`);
  for (const { fault, strength, declared, checked } of missed)
    console.error(
      `  ${checked ? 'missed' : 'not checked'}: ${fault} ${strength}, declared ${declared || 'nothing'}`,
    );
}

function tellAlarms({ photo, alarms: raised }: Peace): void {
  console.error(`${photo}: ${raised.length} false alarms`);
  for (const { fault, detail, atMs } of raised)
    console.error(`  false alarm: ${fault} after ${Math.round(atMs / 60_000)} min: ${detail}`);
}
