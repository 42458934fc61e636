import type { Judgement } from '../../../agent/health/picture/judge.ts';
import { seededRandom } from '../../support/camera/random.ts';
import { FAULTS, type Fault, RIGHT_CAUSES, STRENGTHS, type Strength, showOf } from './faults.ts';
import type { Photo } from './photos.ts';
import { type Course, INTERVAL_MS, SimulatedCamera } from './simulated-camera.ts';
import type { Studio } from './studio.ts';
import { STEP_S } from './weather.ts';

/** Half an hour to learn a view, and twenty minutes to notice what happens to it. */
const LEARNING_STEPS = (30 * 60) / STEP_S;
const FAULT_STEPS = (20 * 60) / STEP_S;

/** Two cameras in five are looked at by day, the others at night or in infra-red. */
const SITUATIONS: readonly Pick<Course, 'beginHour' | 'infrared'>[] = [
  { beginHour: 11, infrared: false },
  { beginHour: 21, infrared: false },
  { beginHour: 14, infrared: true },
  { beginHour: 22, infrared: true },
  { beginHour: 8, infrared: false },
];

/** What became of a fault. */
export interface Trial {
  readonly photo: string;
  readonly fault: Fault;
  readonly strength: Strength;
  /** Until the right cause was declared; undefined when it never was. */
  readonly noticedMs: number | undefined;
  /** What was declared at the end. */
  readonly declared: string;
  /** The product says of this camera that it can tell this fault. */
  readonly checked: boolean;
}

/** Faults that are told by the view, of which there may be too little: then nearly plain is usual, too. */
const BY_VIEW: readonly Fault[] = ['covered', 'turned', 'uniform'];

/** Every fault in every strength before one camera. */
export async function trialsOf(
  studio: Studio,
  photo: Photo,
  index: number,
  strengths: readonly Strength[],
): Promise<Trial[]> {
  const situation = SITUATIONS[index % SITUATIONS.length] ?? { beginHour: 11, infrared: false };
  const light = situation.beginHour < 20 ? 'noon' : situation.infrared ? 'infrared' : 'night';
  const luma = await studio.luma(photo, light);
  const camera = new SimulatedCamera(studio, photo);
  const common = { ...situation, busy: true };
  let learnt: Judgement | undefined;
  for await (const { judgement } of camera.live({ ...common, steps: LEARNING_STEPS, seed: 1000 + index }))
    learnt = judgement;
  const trials: Trial[] = [];
  for (const fault of FAULTS) {
    for (const strength of strengths) {
      const seed = 2000 + index * 100 + FAULTS.indexOf(fault) * 10 + STRENGTHS.indexOf(strength);
      const show = showOf(fault, strength, luma, seededRandom(seed));
      const course = { ...common, steps: FAULT_STEPS, seed, show };
      trials.push({
        ...(await trial(camera.fork(), fault, strength, course)),
        checked: tells(learnt, fault),
      });
    }
  }
  return trials;
}

function tells(learnt: Judgement | undefined, fault: Fault): boolean {
  if (fault === 'defocused') return learnt?.focusShown === true;
  return !BY_VIEW.includes(fault) || learnt?.state !== 'unsuitable';
}

async function trial(
  camera: SimulatedCamera,
  fault: Fault,
  strength: Strength,
  course: Course,
): Promise<Omit<Trial, 'checked'>> {
  let declared = '';
  const about = { photo: camera.photo.name, fault, strength };
  for await (const { judgement, atMs } of camera.live(course)) {
    declared = judgement.fault?.fault ?? '';
    if (RIGHT_CAUSES[fault].some((cause) => cause === declared))
      return { ...about, noticedMs: atMs, declared };
  }
  return { ...about, noticedMs: undefined, declared };
}

/** What became of a time without faults. */
export interface Peace {
  readonly photo: string;
  readonly simulatedMs: number;
  readonly looks: number;
  /** Looks that were more than one interval makes. */
  readonly extraLooks: number;
  readonly alarms: readonly { readonly fault: string; readonly detail: string; readonly atMs: number }[];
}

/** A camera with traffic and weather and nothing wrong with it. */
export async function peaceOf(studio: Studio, photo: Photo, index: number, hours: number): Promise<Peace> {
  const steps = Math.round((hours * 3600) / STEP_S);
  const course = {
    beginHour: (6.2 + index * 7) % 24,
    infrared: index % 2 === 1,
    busy: true,
    steps,
    seed: 5000 + index,
  };
  const camera = new SimulatedCamera(studio, photo);
  const alarms: Peace['alarms'][number][] = [];
  let looks = 0;
  let standing: string | undefined;
  for await (const { judgement, atMs } of camera.live(course)) {
    looks += 1;
    const { fault } = judgement;
    if (fault && standing === undefined) alarms.push({ fault: fault.fault, detail: fault.detail, atMs });
    standing = fault?.fault;
  }
  const simulatedMs = steps * STEP_S * 1000;
  return {
    photo: photo.name,
    simulatedMs,
    looks,
    extraLooks: looks - simulatedMs / INTERVAL_MS,
    alarms,
  };
}
