import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { InternalError } from '../../../agent/base/errors.ts';
import type { CameraCommand } from './commands.ts';
import type { CameraOrder, CameraPlace } from './main.ts';

type Child = ChildProcessByStdio<Writable, Readable, null>;

interface Reply {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly cameras?: CameraPlace[];
}

/** Simulated cameras in a child process. */
export class CameraProcess {
  readonly #child: Child;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  readonly #ended: Promise<unknown>;
  /** Where the cameras listen, in the order asked for. */
  places: readonly CameraPlace[] = [];
  #sent = 0;

  private constructor(child: Child) {
    this.#child = child;
    this.#ended = once(child, 'exit');
    this.#ended.then(() => this.#fail()).catch(() => this.#fail());
    child.stdin.on('error', () => undefined);
    createInterface({ input: child.stdout }).on('line', (line) => this.#take(JSON.parse(line) as Reply));
  }

  static async start(orders: readonly CameraOrder[]): Promise<CameraProcess> {
    const main = new URL('./main.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [main], { stdio: ['pipe', 'pipe', 'inherit'] });
    const cameras = new CameraProcess(child);
    cameras.places = (await cameras.#ask(0, orders)).cameras ?? [];
    return cameras;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** @param camera a name, or `*` for all */
  async command(camera: string, command: CameraCommand): Promise<unknown> {
    this.#sent += 1;
    const reply = await this.#ask(this.#sent, { ...command, id: this.#sent, camera });
    if (reply.error !== undefined) throw new InternalError('internal', `simulated camera: ${reply.error}`);
    return reply.result;
  }

  async stop(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
  }

  #ask(id: number, line: object): Promise<Reply> {
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.stdin.write(`${JSON.stringify(line)}\n`);
    });
  }

  #take(reply: Reply): void {
    const id = reply.id ?? 0;
    this.#waiting.get(id)?.(reply);
    this.#waiting.delete(id);
  }

  #fail(): void {
    for (const answer of this.#waiting.values()) answer({ error: 'the process of the cameras has ended' });
    this.#waiting.clear();
  }
}
