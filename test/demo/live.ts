import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Language } from '../../agent/cli/language.ts';
import { HELP, react } from './commands.ts';
import { Screen } from './screen.ts';
import { World } from './world.ts';

const INTRODUCTION = `Beffroi: a pretend CSU with its broker, a box, two cameras, all on this machine.
${HELP}`;

/** How often the table is drawn: on a terminal over the last one, in a pipe below it. */
const TERMINAL_MS = 500;
const PIPE_MS = 2_000;

/**
 * Shows the box live and does what the person types, until `quit`, Ctrl-C, a signal, or nobody reads any more.
 * @returns the exit code
 */
export async function live(language: Language): Promise<number> {
  const ending = new AbortController();
  const end = () => ending.abort();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
  const ended = once(ending.signal, 'abort');
  let world: World | undefined;
  const screen = new Screen(language, {
    line: (text) => {
      if (text.trim() === 'quit') end();
      else if (world) answer(world, screen, text);
    },
    end,
  });
  screen.say(INTRODUCTION);
  world = await World.create(false);
  try {
    await Promise.race([begin(world), ended]);
    if (ending.signal.aborted) return 0;
    screen.listen();
    await draw(world, screen, ending.signal);
  } finally {
    screen.close();
    screen.say('ending');
    await world.end();
  }
  return 0;
}

async function begin(world: World): Promise<void> {
  world.start();
  await world.box.until('the link', ({ link }) => link.connected);
  await world.push({ configuration: world.configuration() });
}

function answer(world: World, screen: Screen, line: string): void {
  react(world, line).then(
    (text) => screen.say(text),
    (error: unknown) => screen.say(String(error)),
  );
}

async function draw(world: World, screen: Screen, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const status = await world.box.statusNow().catch(() => undefined);
    if (status && !signal.aborted) screen.table(status);
    await delay(screen.onTerminal ? TERMINAL_MS : PIPE_MS, undefined, { signal }).catch(() => undefined);
  }
}
