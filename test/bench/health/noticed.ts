import { setTimeout as delay } from 'node:timers/promises';
import type { Code } from '../../../agent/base/codes.ts';
import type { CameraHealthState } from '../../../agent/contract/messages.ts';
import type { CameraCommand } from '../../support/camera/commands.ts';
import type { BenchBox } from '../bench-box.ts';
import type { Figure, Figures } from '../main.ts';
import { RIGHT_CAUSES } from '../picture/faults.ts';
import type { FalseAlarms } from './false-alarms.ts';
import { type Films, SHOWN } from './films.ts';

/** Each fault befalls so many cameras, one after the other: checks of one camera do not come together with those of another. */
const EACH = 5;
const APART_MS = 1_300;
/** Longest wait for a fault to be told: three intervals of looking. */
const LIMIT_MS = 180_000;

/** What befalls a camera, and what the CSU ought to read. */
interface Fault {
  readonly command: (films: Films) => CameraCommand;
  readonly causes: readonly Code[];
}

const FAULTS: Readonly<Record<string, Fault>> = {
  unplugged: {
    command: () => ({ do: 'unplug', how: 'silent' }),
    causes: ['camera-path-lost', 'camera-silent', 'camera-unreachable', 'camera-stalled'],
  },
  stalled: { command: () => ({ do: 'stall', on: true }), causes: ['camera-stalled'] },
  ...Object.fromEntries(
    SHOWN.map((shown) => [
      shown,
      { command: (films: Films) => ({ do: 'show', clip: films[shown] }), causes: RIGHT_CAUSES[shown] },
    ]),
  ),
  clock: { command: () => ({ do: 'setClockOffset', ms: 400_000 }), causes: ['camera-clock-offset'] },
  password: {
    command: () => ({ do: 'setPassword', password: 'another one' }),
    causes: ['camera-login-refused', 'camera-latched'],
  },
  swapped: { command: () => ({ do: 'setSerial', serial: 'another device' }), causes: ['camera-swapped'] },
};

/** The faults befall cameras of their own; a state that names something else does not count as noticed. */
export async function noticed(
  run: BenchBox,
  films: readonly Films[],
  cameras: number,
  falseAlarms: FalseAlarms,
): Promise<Figures> {
  const ill = Object.entries(FAULTS).flatMap(([name, fault], i) =>
    Array.from({ length: EACH }, (_, n) => ({ name, fault, place: i * EACH + n })),
  );
  if (ill.length > cameras) throw new RangeError(`expected ${ill.length} cameras at least, came ${cameras}`);
  const told = await Promise.all(
    ill.map(async ({ name, fault, place }, order) => {
      await delay(order * APART_MS);
      const camera = `cam-${place + 1}`;
      falseAlarms.befell(camera);
      const command = fault.command(films[place % films.length] as Films);
      return { name, seconds: await seconds(run, camera, command, fault.causes) };
    }),
  );
  const missed = told.filter(({ seconds: one }) => one === undefined).length;
  return {
    ...Object.assign({}, ...Object.keys(FAULTS).map((name) => figures(name, told))),
    not_noticed: { value: missed, unit: 'cameras' },
  };
}

interface Told {
  readonly name: string;
  readonly seconds: number | undefined;
}

/** What was not noticed counts as infinitely late. */
function figures(fault: string, told: readonly Told[]): Figures {
  const times = told.flatMap(({ name, seconds: one }) =>
    name === fault ? [one ?? Number.POSITIVE_INFINITY] : [],
  );
  times.sort((a, b) => a - b);
  const figure = (value = Number.NaN): Figure => ({ value: Math.round(value * 100) / 100, unit: 's' });
  return {
    [`${fault}_noticed_s_median`]: figure(times[Math.floor(times.length / 2)]),
    [`${fault}_noticed_s_max`]: figure(times.at(-1)),
  };
}

/** From the fault to the state that names it. */
async function seconds(
  { csu, cameras }: BenchBox,
  camera: string,
  command: CameraCommand,
  causes: readonly Code[],
): Promise<number | undefined> {
  const [from, beganMs] = [csu.received.length, performance.now()];
  await cameras.command(camera, command);
  let looked = from;
  const found = () => {
    const fresh = csu.received.slice(looked);
    looked += fresh.length;
    return fresh.find(
      ({ topic, payload }) =>
        topic.endsWith(`/${camera}/state/health`) && causes.some((cause) => cause === causeOf(payload)),
    );
  };
  const state = await csu.until(`${command.do} of ${camera}`, found, LIMIT_MS).catch(() => undefined);
  return state && (state.atMs - beganMs) / 1000;
}

function causeOf(payload: Buffer): string {
  return (JSON.parse(payload.toString('utf8')) as CameraHealthState).cause;
}
