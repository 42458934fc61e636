import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('modbus-server.py', import.meta.url));

export interface ModbusServerOptions {
  readonly unit?: number;
  /** Address of the first discrete input that exists, zero-based. */
  readonly first?: number;
  readonly count?: number;
  readonly port?: number;
}

/** An input module that the project did not write: pymodbus as a child process. Needs the packages of `debian.ts`. */
export class ModbusServer {
  readonly port: number;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;

  static async start({
    unit = 1,
    first = 0,
    count = 64,
    port = 0,
  }: ModbusServerOptions = {}): Promise<ModbusServer> {
    const child = spawn('/usr/bin/python3', [SCRIPT, ...[unit, first, count, port].map(String)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: '/usr/bin:/bin', HOME: '/tmp' },
    });
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const ready = await answers.next();
    if (ready.done) throw new Error('the Modbus server did not start');
    return new ModbusServer(child, (JSON.parse(ready.value) as { port: number }).port, answers);
  }

  private constructor(
    child: ChildProcessByStdio<Writable, Readable, null>,
    port: number,
    answers: AsyncIterator<string>,
  ) {
    this.#child = child;
    this.port = port;
    this.#answers = answers;
  }

  /** Sets an input; resolves when the server has it. @returns how many connections the server holds */
  async set(address: number, value: boolean): Promise<number> {
    this.#child.stdin.write(`${JSON.stringify({ address, value })}\n`);
    const { value: line } = await this.#answers.next();
    return (JSON.parse(String(line)) as { connections: number }).connections;
  }

  /** The kernel goes on to accept; the server answers nothing. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}
