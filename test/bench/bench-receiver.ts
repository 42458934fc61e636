import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Centre } from '../support/centre.ts';

const LAUNCHER = join(import.meta.dirname, '../../provisioning/beffroi-csu');

export interface PrintedAlarm {
  readonly id: string;
  readonly seq: number;
  readonly point: string;
  readonly transition: string;
}

/** `beffroi-csu receive` as the process that it is at the centre, and what it prints, over all its starts. */
export class BenchReceiver {
  /** Every event by its id. */
  readonly printed = new Map<string, PrintedAlarm>();
  /** Events that were printed under two numbers: stored twice. */
  doubles = 0;
  readonly #arguments: readonly string[];
  readonly #numbers = new Map<string, number>();
  #child: ChildProcess | undefined;
  #rest = '';

  constructor({ csu, broker }: Centre, archive: string) {
    this.#arguments = ['receive', '--folder', csu.path, '--broker', broker.url, '--database', archive];
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const child = spawn(LAUNCHER, this.#arguments, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    let said = '';
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error(`the receiver ended: ${said}`)));
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-2_000);
        if (said.includes('broker connected')) resolve();
      });
    });
  }

  async end(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
  }

  /** A line that was cut by the end of the process comes again from the next one. */
  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#note(JSON.parse(line) as { number: number; message: PrintedAlarm });
  }

  #note({
    number,
    message: { id, seq, point, transition },
  }: {
    number: number;
    message: PrintedAlarm;
  }): void {
    if ((this.#numbers.get(id) ?? number) !== number) this.doubles += 1;
    this.#numbers.set(id, number);
    this.printed.set(id, { id, seq, point, transition });
  }
}
