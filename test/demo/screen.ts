import { createInterface, type Interface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import type { Language } from '../../agent/cli/language.ts';
import { statusTable } from '../../agent/cli/status-table.ts';
import type { StatusSnapshot } from '../../agent/contract/status.ts';

const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

export interface ScreenEvents {
  line(text: string): void;
  /** Ctrl-C, Ctrl-D, or nobody reads what is shown any more. */
  end(): void;
}

/**
 * What the person sees. On a terminal the table stays at the top, the last words below it, and a line to type in below
 * those. In a pipe everything is plain lines, one below the other.
 */
export class Screen {
  readonly onTerminal = process.stdout.isTTY === true && process.stdin.isTTY === true;
  readonly #language: Language;
  readonly #events: ScreenEvents;
  #input: Interface | undefined;
  #table = '';
  #words = '';

  constructor(language: Language, events: ScreenEvents) {
    this.#language = language;
    this.#events = events;
    process.stdout.on('error', () => events.end());
  }

  /** From now on lines are read. */
  listen(): void {
    this.#input = createInterface({
      input: process.stdin,
      ...(this.onTerminal ? { output: process.stdout, terminal: true, prompt: '> ' } : {}),
    });
    this.#input.on('line', (line) => {
      this.#events.line(line);
      this.#draw();
    });
    if (!this.onTerminal) return;
    // On a terminal readline takes Ctrl-C for itself, and Ctrl-D closes it.
    this.#input.on('SIGINT', () => this.#events.end());
    this.#input.on('close', () => this.#events.end());
    // What stood on the screen goes up, where it can be scrolled back to.
    process.stdout.write('\n'.repeat(process.stdout.rows));
  }

  say(text: string): void {
    this.#words = text;
    if (this.#input && this.onTerminal) this.#draw();
    else console.log(text);
  }

  table(status: StatusSnapshot): void {
    const colour = this.onTerminal && process.env.NO_COLOR === undefined;
    this.#table = statusTable(status, { language: this.#language, colour });
    if (this.onTerminal) this.#draw();
    else console.log(`${this.#table}\n`);
  }

  /** Gives the terminal back. */
  close(): void {
    const input = this.#input;
    this.#input = undefined;
    input?.close();
    if (input && this.onTerminal) console.log();
  }

  #draw(): void {
    if (!this.#input || !this.onTerminal) return;
    const { columns, rows } = process.stdout;
    const lines = [...this.#table.split('\n'), '', ...this.#words.split('\n')].slice(0, rows - 1);
    const text = lines.map((line) => `${cut(line, columns)}${CLEAR_LINE}\n`).join('');
    process.stdout.write(`${HOME}${text}${CLEAR_BELOW}`);
    this.#input.prompt(true);
  }
}

/** A line that is wider than the terminal would be wrapped, and move all lines below it. */
function cut(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line);
  return plain.length <= columns ? line : `${plain.slice(0, columns - 1)}…`;
}
