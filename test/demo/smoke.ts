import { STORY } from './story.ts';
import { World } from './world.ts';

interface Told {
  readonly name: string;
  readonly ms: number;
}

/**
 * Tells the story without a person: a line per step with its measured time, then one line of JSON.
 * @returns the exit code
 */
export async function smoke(): Promise<number> {
  const steps: Told[] = [];
  let failure = '';
  const beganMs = performance.now();
  const world = await World.create(true);
  steps.push(told('a CSU, a box and two cameras', beganMs, 'keys made, box enrolled'));
  try {
    for (const step of STORY) {
      const startMs = performance.now();
      failure = step.name;
      const result = await step.run(world);
      steps.push(told(step.name, startMs, result));
    }
    failure = '';
  } catch (error) {
    console.error(`FAILED ${failure}: ${error instanceof Error ? error.message : String(error)}`);
    console.error(await world.box.lastLog());
  } finally {
    await world.end();
  }
  console.log(
    JSON.stringify(failure === '' ? { demo: 'ok', steps } : { demo: 'failed', failed: failure, steps }),
  );
  return failure === '' ? 0 : 1;
}

function told(name: string, startMs: number, result: string): Told {
  const ms = Math.round(performance.now() - startMs);
  console.log(`${String(ms).padStart(6)} ms  ${name}: ${result}`);
  return { name, ms };
}
