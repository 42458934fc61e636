import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { SinkFigures, SinkPorts } from './sink.ts';

type Child = ChildProcessByStdio<Writable, Readable, null>;

const here = (file: string) => join(import.meta.dirname, file);

/** A child that answers each line with a line. */
class Asked {
  readonly #child: Child;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async next<T>(): Promise<T> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the child ended');
    return JSON.parse(value) as T;
  }

  ask(): void {
    this.#child.stdin.write('\n');
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.stdin.end();
    await exited;
  }
}

/** Cameras of 1080p, 25 frames per second and 4 Mbit/s, in a process of their own. */
export class Cameras {
  readonly urls: readonly string[];
  readonly #asked: Asked;

  private constructor(asked: Asked, port: number, count: number) {
    this.#asked = asked;
    this.urls = Array.from({ length: count }, (_, i) => `rtsp://127.0.0.1:${port}/cam-${i + 1}`);
  }

  static async start(file: string, count: number): Promise<Cameras> {
    const args = [here('cameras.py'), '--file', file, '--cameras', String(count)];
    const asked = new Asked('/usr/bin/python3', args);
    const { port } = await asked.next<{ port: number }>();
    return new Cameras(asked, port, count);
  }

  stop(): Promise<void> {
    return this.#asked.stop();
  }
}

/** What takes everything and counts. */
export class Sink {
  readonly ports: SinkPorts;
  readonly #asked: Asked;

  private constructor(asked: Asked, ports: SinkPorts) {
    this.#asked = asked;
    this.ports = ports;
  }

  /** @param watched address of the first camera */
  static async start(watched: string): Promise<Sink> {
    const asked = new Asked(process.execPath, [here('sink.ts'), watched]);
    return new Sink(asked, await asked.next<SinkPorts>());
  }

  /** What came since the last call. */
  async figures(): Promise<SinkFigures> {
    this.#asked.ask();
    return await this.#asked.next<SinkFigures>();
  }

  stop(): Promise<void> {
    return this.#asked.stop();
  }
}
