import { setTimeout as delay } from 'node:timers/promises';
import { aloneMb, cpuSeconds, familyCpuSeconds } from '../../support/processes.ts';
import { type BenchBox, planesOf } from '../bench-box.ts';
import type { Figure, Figures } from '../main.ts';
import { allChecks, checksOff, type Settings, withoutPictures } from './settings.ts';
import { verdictsNotOk } from './verdicts.ts';

/** After a change of the settings everything is asked at once: with the checks off that is waited out. */
const SETTLE_MS = 20_000;
/** With the checks off every second is like the other. */
const OFF_MS = 45_000;
/**
 * Two looks at each camera, four rounds of probes, and the first round, in which everything is asked: what is asked each
 * five minutes counts two and a half times as much as on a box, and what the change of the settings takes counts too.
 */
const MEASURED_MS = 120_000;

/**
 * Processor time of both processes and of the children that they have ended (the decoders), percent of one core. Checks
 * off, without pictures, off, and with pictures, in one run of the same processes: what a machine does beside goes into
 * all of them alike.
 */
export async function cost(run: BenchBox, cameras: number): Promise<Figures> {
  const before = await used(run, checksOff, SETTLE_MS, OFF_MS);
  const plain = await used(run, withoutPictures, 0, MEASURED_MS);
  const after = await used(run, checksOff, SETTLE_MS, OFF_MS);
  const whole = await used(run, allChecks, 0, MEASURED_MS);
  const off = (before.all + after.all) / 2;
  return {
    cpu_percent_without_pictures: percent(plain.all - off),
    cpu_percent_with_pictures: percent(whole.all - off),
    cpu_percent_decoders: percent(whole.decoders),
    cpu_percent_agent: percent(whole.agent),
    cpu_percent_agent_checks_off: percent((before.agent + after.agent) / 2),
    cpu_percent_checks_off: percent(off),
    cpu_percent_checks_off_spread: percent(Math.abs(before.all - after.all)),
    verdicts_not_ok: { value: verdictsNotOk(run, cameras), unit: 'verdicts' },
    memory_mb: { value: Math.round(await memoryMb(run)), unit: 'MB' },
  };
}

interface Used {
  readonly all: number;
  readonly agent: number;
  readonly decoders: number;
}

async function used(
  run: BenchBox,
  { box, entry }: Settings,
  settleMs: number,
  measuredMs: number,
): Promise<Used> {
  await run.configure(box, entry);
  await delay(settleMs);
  const [before, beganMs] = [await seconds(run), performance.now()];
  await delay(measuredMs);
  const after = await seconds(run);
  const share = 100_000 / (performance.now() - beganMs);
  return {
    all: (after.all - before.all) * share,
    agent: (after.agent - before.agent) * share,
    decoders: (after.decoders - before.decoders) * share,
  };
}

async function seconds({ box }: BenchBox): Promise<Used> {
  const { agent, video } = await planesOf(box);
  const [ofAgent, ofVideo] = [await familyCpuSeconds(agent), await familyCpuSeconds(video)];
  return { all: ofAgent + ofVideo, agent: ofAgent, decoders: ofVideo - (await cpuSeconds(video)) };
}

/** Of the two processes; a decoder, which lives for a tenth of a second, is none of it. */
async function memoryMb({ box }: BenchBox): Promise<number> {
  const { agent, video } = await planesOf(box);
  return (await aloneMb(agent)) + (await aloneMb(video));
}

function percent(value: number): Figure {
  return { value: Math.round(value * 100) / 100, unit: 'percent of one core' };
}
