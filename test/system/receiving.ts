import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Test } from 'tap';
import { Running } from '../provisioning/processes.ts';
import type { SimulatedCamera } from '../support/camera/camera.ts';
import { configurationOf, Scene, simulatedCamera } from '../support/scene.ts';

const LAUNCHER = join(import.meta.dirname, '../../provisioning/beffroi-csu');
export const INPUTS = ['input-1', 'input-2'];
const DELIVERY = { confirm: 'receipt', resendAfterS: 2, backlogPerS: 500 };

export interface Alarm {
  readonly id: string;
  readonly point: string;
  readonly transition: string;
  readonly seq: number;
}

export interface Receiving {
  readonly scene: Scene;
  readonly camera: SimulatedCamera;
  /** Where the archive of the receiver will be. */
  readonly archive: string;
}

interface AtTheCentre {
  readonly scene: Pick<Scene, 'centre'>;
  readonly archive: string;
}

/** A box whose events leave on receipts, with every point known to be clear; no receiver yet. */
export async function begin(t: Test): Promise<Receiving> {
  const camera = await simulatedCamera(t, INPUTS);
  const scene = await Scene.create(t);
  scene.box.start();
  await scene.push({ ...configurationOf(camera, INPUTS), delivery: DELIVERY });
  await scene.csu.until('every point known', () => {
    const points = scene.csu.json<{ point: string; state: string }>('/state/alarm-current');
    const clear = points.filter(({ state }) => state === 'cleared').map(({ point }) => point);
    return new Set(clear).size === INPUTS.length;
  });
  return { scene, camera, archive: join(scene.folder, 'archive.db') };
}

/** The receiver as the process that it is at the centre. */
export function receiver(t: Test, { scene, archive }: AtTheCentre): Running {
  const { csu, broker } = scene.centre;
  const args = ['receive', '--folder', csu.path, '--broker', broker.url, '--database', archive];
  return new Running(t, LAUNCHER, args);
}

/** How long a receiver may hold the file of its archive, ms: a guess, for one that stands still meanwhile. */
const BUSY_MS = 30_000;

/** What the archive has of the topics that end so, in the order in which it was stored; its receiver may be writing. */
export function inArchive<T>(archive: string, topicEnd = ''): T[] {
  const db = new DatabaseSync(archive, { readOnly: true, timeout: BUSY_MS });
  try {
    const rows = db.prepare('SELECT payload FROM event WHERE topic LIKE ? ORDER BY number');
    return rows.all(`%${topicEnd}`).map(({ payload }) => JSON.parse(String(payload)) as T);
  } finally {
    db.close();
  }
}

/** The alarms in the archive. */
export const stored = (archive: string) => inArchive<Alarm>(archive, '/alarm');
