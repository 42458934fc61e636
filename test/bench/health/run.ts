import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchBox, withBox } from '../bench-box.ts';
import type { BenchOptions, Figures } from '../main.ts';
import { cost } from './cost.ts';
import { FalseAlarms } from './false-alarms.ts';
import { type Films, makeFilms } from './films.ts';
import { noticed } from './noticed.ts';
import { allChecks, lawful, learnViews } from './settings.ts';

const CAMERAS = 64;
const PARTS = ['cpu', 'faults'];

/**
 * What the checks cost, and how soon they notice: 64 cameras of 1080p in a process of their own, pulled day and night,
 * and forwarded while a view is open: none is, for forwarding is not what is measured here. All is one run of the box,
 * whose settings are changed by the signed configuration.
 * @param more `cpu` or `faults`: that part alone
 */
export async function health({ counts = [CAMERAS], more }: BenchOptions): Promise<Figures> {
  const [cameras = CAMERAS] = counts;
  const parts = PARTS.filter((part) => more.length === 0 || more.includes(part));
  const folder = await mkdtemp(join(tmpdir(), 'bfr-bench-'));
  try {
    const films = await makeFilms(folder);
    const clips = films.map(({ well }) => well);
    const entry = { delivery: 'on-demand' };
    const classes = ['+/state/#', '+/meas/picture'];
    const scene = { cameras, clips, classes, traits: lawful, settings: learnViews.box, entry };
    return await withBox(folder, scene, (run) => measured(run, films, cameras, parts));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measured(
  run: BenchBox,
  films: readonly Films[],
  cameras: number,
  parts: readonly string[],
): Promise<Figures> {
  const falseAlarms = new FalseAlarms(run.csu);
  await run.csu.until(
    'every view learnt',
    () => run.csu.json('/meas/picture').length > 0 && isLearnt(run, cameras),
    LEARNING_MS,
  );
  const costs = parts.includes('cpu') ? await cost(run, cameras) : {};
  if (!parts.includes('cpu')) await run.configure(allChecks.box, allChecks.entry);
  const times = parts.includes('faults') ? await noticed(run, films, cameras, falseAlarms) : {};
  return { ...costs, ...times, false_alarms: { value: falseAlarms.cameras, unit: 'cameras' } };
}

const LEARNING_MS = 600_000;

/** Looks that are judged, of each camera. */
function isLearnt({ csu }: BenchBox, cameras: number): boolean {
  const last = new Map(
    csu
      .json<{ camera: string; state: string }>('/meas/picture')
      .map(({ camera, state }) => [camera, state] as const),
  );
  return last.size === cameras && [...last.values()].every((state) => state !== 'learning');
}
