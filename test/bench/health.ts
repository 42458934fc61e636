import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Code } from '../../agent/base/codes.ts';
import type { CameraHealthState } from '../../agent/contract/messages.ts';
import type { CameraCommand } from '../support/camera/commands.ts';
import { aloneMb, familyCpuSeconds } from '../support/processes.ts';
import { type BenchBox, planesOf, withBox } from './bench-box.ts';
import type { BenchOptions, Figure, Figures } from './main.ts';

const CAMERAS = 64;
const CLIP = { clip: 'h264' } as const;
/** Running time before anything is read. */
const SETTLE_MS = 20_000;
const MEASURED_MS = 60_000;
/** Each fault befalls so many cameras, one after the other: checks of one camera do not come together with those of another. */
const EACH = 5;
const APART_MS = 1_300;
/** Longest wait for a fault to be told. */
const LIMIT_MS = 120_000;

/** What befalls a camera, and what the CSU ought to read. */
interface Fault {
  readonly command: CameraCommand;
  readonly causes: readonly Code[];
}

const FAULTS: Readonly<Record<string, Fault>> = {
  unplugged: {
    command: { do: 'unplug', how: 'silent' },
    causes: ['camera-path-lost', 'camera-silent', 'camera-unreachable', 'camera-stalled'],
  },
  stalled: { command: { do: 'stall', on: true }, causes: ['camera-stalled'] },
  clock: { command: { do: 'setClockOffset', ms: 400_000 }, causes: ['camera-clock-offset'] },
  password: {
    command: { do: 'setPassword', password: 'another one' },
    causes: ['camera-login-refused', 'camera-latched'],
  },
  swapped: { command: { do: 'setSerial', serial: 'another device' }, causes: ['camera-swapped'] },
};

/**
 * What the checks cost, and how soon they notice: 64 cameras in a process of their own, Mosquitto with TLS 1.3. The
 * first run asks the cameras as seldom as the configuration allows, once an hour; what the second takes more is the cost.
 */
export async function health({ counts = [CAMERAS] }: BenchOptions): Promise<Figures> {
  const [cameras = CAMERAS] = counts;
  const folder = await mkdtemp(join(tmpdir(), 'bfr-bench-'));
  try {
    const off = await withBox(
      join(folder, 'off'),
      { ...CLIP, cameras, settings: { health: { probeIntervalS: 3600, pictureIntervalS: 0 } } },
      async (run) => ({ cpu: await cpuPercent(run) }),
    );
    const checks = { health: { pictureIntervalS: 0 } };
    return await withBox(join(folder, 'on'), { ...CLIP, cameras, settings: checks }, async (run) => {
      const cpu = await cpuPercent(run);
      const without = cpu.value - (off.cpu?.value ?? Number.NaN);
      return {
        cpu_percent_without_pictures: rounded(without, 'percent of one core'),
        cpu_percent_forwarding: off.cpu ?? cpu,
        memory_mb: await memoryMb(run),
        ...(await noticed(run, cameras)),
      };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function cpuPercent({ box }: BenchBox): Promise<Figure> {
  await delay(SETTLE_MS);
  const { agent, video } = await planesOf(box);
  const used = async () => (await familyCpuSeconds(agent)) + (await familyCpuSeconds(video));
  const [before, beganMs] = [await used(), performance.now()];
  await delay(MEASURED_MS);
  return rounded(
    (((await used()) - before) * 100_000) / (performance.now() - beganMs),
    'percent of one core',
  );
}

async function memoryMb({ box }: BenchBox): Promise<Figure> {
  const { agent, video } = await planesOf(box);
  return rounded((await aloneMb(agent)) + (await aloneMb(video)), 'MB');
}

/** The faults befall cameras of their own; whoever else is told to be ill is a false alarm. */
async function noticed(run: BenchBox, cameras: number): Promise<Figures> {
  const begin = run.csu.received.length;
  const names = Object.keys(FAULTS);
  const ill = names.flatMap((name, i) =>
    Array.from({ length: EACH }, (_, n) => ({ name, camera: `cam-${((i * EACH + n) % cameras) + 1}` })),
  );
  const told = await Promise.all(
    ill.map(async (one, order) => {
      await delay(order * APART_MS);
      return { ...one, ...(await notice(run, one.camera, FAULTS[one.name] as Fault)) };
    }),
  );
  const figures: Record<string, Figure> = {};
  for (const name of names) {
    const seconds = told.filter((one) => one.name === name).map((one) => one.seconds);
    seconds.sort((a, b) => a - b);
    figures[`${name}_noticed_s_median`] = rounded(seconds[Math.floor(seconds.length / 2)] ?? Number.NaN, 's');
    figures[`${name}_noticed_s_max`] = rounded(seconds.at(-1) ?? Number.NaN, 's');
  }
  const healthy = run.csu.received.slice(begin).filter(({ topic, payload }) => {
    const camera = topic.split('/').at(-3) ?? '';
    return (
      isHealth(topic) && /^cam-/.test(camera) && !ill.some((one) => one.camera === camera) && !isOk(payload)
    );
  });
  return {
    ...figures,
    misnamed: { value: told.filter(({ isNamed }) => !isNamed).length, unit: '' },
    false_alarms: { value: new Set(healthy.map(({ topic }) => topic)).size, unit: 'cameras' },
  };
}

/** From the fault to the state that names it; a state that names something else does not count. */
async function notice(
  { csu, cameras }: BenchBox,
  camera: string,
  { command, causes }: Fault,
): Promise<{ readonly seconds: number; readonly isNamed: boolean }> {
  const [from, beganMs] = [csu.received.length, performance.now()];
  await cameras.command(camera, command);
  const isNamed = (text: Buffer) => causes.some((cause) => cause === read(text).cause);
  const found = () =>
    csu.received
      .slice(from)
      .find(({ topic, payload }) => topic.endsWith(`/${camera}/state/health`) && isNamed(payload));
  const state = await csu.until(`${command.do} of ${camera}`, found, LIMIT_MS).catch(() => undefined);
  return { seconds: ((state?.atMs ?? Number.NaN) - beganMs) / 1000, isNamed: state !== undefined };
}

const isHealth = (topic: string) => topic.endsWith('/state/health');
const read = (payload: Buffer) => JSON.parse(payload.toString('utf8')) as CameraHealthState;
const isOk = (payload: Buffer) => read(payload).state === 'ok';

function rounded(value: number, unit: string): Figure {
  return { value: Math.round(value * 100) / 100, unit };
}
