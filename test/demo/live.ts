import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Language } from '../../agent/cli/language.ts';
import { statusTable } from '../../agent/cli/status-table.ts';
import { HELP, react } from './commands.ts';
import { World } from './world.ts';

const INTRODUCTION = `Beffroi: a pretend CSU with an embedded broker, a box and two simulated cameras, all on this machine.
What to try:
${HELP}`;

/** How often the table is drawn: on a terminal over the last one, in a pipe below it. */
const TERMINAL_MS = 500;
const PIPE_MS = 2_000;

/**
 * Shows the box live and does what the person types, until `quit`, Ctrl-C or SIGTERM.
 * @returns the exit code
 */
export async function live(language: Language): Promise<number> {
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort());
  const screen = new Screen(language);
  screen.say(INTRODUCTION);
  const world = await World.create(false);
  try {
    world.box.start();
    await world.box.until('the link', ({ link }) => link.connected);
    await world.push({ configuration: world.configuration() });
    listen(world, screen, ending);
    await draw(world, screen, ending.signal);
  } finally {
    screen.say('ending');
    await world.end();
  }
  return 0;
}

function listen(world: World, screen: Screen, ending: AbortController): void {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    if (line.trim() === 'quit') ending.abort();
    else
      react(world, line).then(
        (text) => screen.say(text),
        (error: unknown) => screen.say(String(error)),
      );
  });
  ending.signal.addEventListener('abort', () => lines.close());
}

async function draw(world: World, screen: Screen, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const status = await world.box.status().catch(() => undefined);
    if (status && !signal.aborted) screen.table(status);
    await delay(screen.onTerminal ? TERMINAL_MS : PIPE_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** On a terminal the table stays at the top and the last words below it; in a pipe everything is a plain line. */
class Screen {
  readonly onTerminal = process.stdout.isTTY === true;
  readonly #language: Language;
  #words = '';

  constructor(language: Language) {
    this.#language = language;
  }

  say(text: string): void {
    this.#words = text;
    console.log(text);
  }

  table(status: Parameters<typeof statusTable>[0]): void {
    const colour = this.onTerminal && process.env.NO_COLOR === undefined;
    const table = statusTable(status, { language: this.#language, colour });
    if (!this.onTerminal) console.log(`${table}\n`);
    else
      process.stdout.write(
        `\u001b[H${[table, '', this.#words].join('\n').replaceAll('\n', '\u001b[K\n')}\u001b[K\n\u001b[J> `,
      );
  }
}
