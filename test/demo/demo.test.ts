import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import t, { type Test } from 'tap';
import { until } from '../support/until.ts';

/** The demo as a process of its own, whose temporary folder is one of its own too. */
class Demo {
  readonly process: ChildProcessByStdio<Writable, Readable, null>;
  readonly temporary: string;
  #said = '';
  #read = 0;
  #wake = () => {};

  private constructor(temporary: string, args: readonly string[]) {
    this.temporary = temporary;
    this.process = spawn(process.execPath, ['test/demo/main.ts', ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, TMPDIR: temporary },
    });
    this.process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
      this.#wake();
    });
    this.process.once('exit', () => this.#wake());
  }

  static async start(t: Test, args: readonly string[] = []): Promise<Demo> {
    // Not `t.testdir`, whose path is too long for a Unix socket.
    const temporary = await mkdtemp(join(tmpdir(), 'bfr-'));
    const demo = new Demo(temporary, args);
    t.teardown(async () => {
      demo.process.kill('SIGKILL');
      await demo.nothingLeft();
      await rm(temporary, { recursive: true, force: true });
    });
    return demo;
  }

  type(line: string): void {
    this.process.stdin.write(`${line}\n`);
  }

  /** Resolves with what the pattern finds in what came after the last find. */
  async says(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.#said.slice(this.#read));
      if (found) {
        this.#read += found.index + found[0].length;
        return found[0];
      }
      if (this.process.exitCode !== null || this.process.signalCode !== null)
        throw new Error(`the demo ended without ${pattern}:\n${this.#said}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async exit(): Promise<number | null> {
    if (this.process.exitCode === null && this.process.signalCode === null) await once(this.process, 'exit');
    return this.process.exitCode;
  }

  /** Resolves when the demo's folder is gone; its caretaker removes that after it has ended the agent. */
  async nothingLeft(): Promise<void> {
    await until(async () => (await readdir(this.temporary)).length === 0);
  }
}

async function agentsBelow(folder: string): Promise<string[]> {
  const { stdout } = spawn('pgrep', ['-f', folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  return (await stdout.setEncoding('utf8').toArray()).join('').split('\n').filter(Boolean);
}

/** Resolves when none is left; the caretaker, which names the folder too, ends just after it has removed that. */
async function noProcessBelow(folder: string): Promise<void> {
  await until(async () => (await agentsBelow(folder)).length === 0);
}

t.test('demo: it shows the box in plain lines and does what is typed', async (t) => {
  const demo = await Demo.start(t);
  await demo.says(/What to try:/);
  await demo.says(/École +ok +[1-9]/);
  demo.type('bad');
  t.match(await demo.says(/the box refused it: .*/), 'order-older-version');
  demo.type('good');
  await demo.says(/version 2 is in force/);
  demo.type('press');
  await demo.says(/Porte de service +ALARM/);
  demo.type('ack');
  await demo.says(/by a signed command: successful/);
  demo.type('hot');
  await demo.says(/Chaufferie +ALARM/);
  demo.type('alarms');
  await demo.says(/2 current alarms/);
  demo.type('unplug cam-ecole');
  await demo.says(/École +down .*\n.*camera-port-closed/);
  demo.type('ping');
  await demo.says(/successful: beffroi/);
  demo.type('check');
  await demo.says(/successful: cam-parvis is ok/);
  demo.type('restart');
  await demo.says(/successful: cam-parvis: the stream is begun anew/);
  demo.type('constructor');
  await demo.says(/unknown: "constructor"/);
  demo.type('check cam-none');
  t.notMatch(await demo.says(/no camera "cam-none".*/), '\u001b', 'no colour in a pipe');
  demo.type('quit');
  t.equal(await demo.exit(), 0);
  t.same(await readdir(demo.temporary), [], 'nothing is left when it has ended');
});

t.test('demo: SIGTERM and Ctrl-C end it, also while it starts, and nothing is left', async (t) => {
  const ends = async (signal: NodeJS.Signals) => {
    const demo = await Demo.start(t);
    await demo.says(/What to try:/);
    demo.process.kill(signal);
    t.equal(await demo.exit(), 0, signal);
    t.same(await readdir(demo.temporary), [], signal);
  };
  await Promise.all([ends('SIGTERM'), ends('SIGINT'), ends('SIGHUP')]);
});

t.test('demo: who stops reading ends it', async (t) => {
  const demo = await Demo.start(t);
  await demo.says(/École/);
  demo.process.stdout.destroy();
  t.equal(await demo.exit(), 0);
  t.same(await readdir(demo.temporary), []);
});

t.test('demo: SIGKILL leaves neither agent nor folder', async (t) => {
  const demo = await Demo.start(t);
  await demo.says(/École +ok/);
  t.not((await agentsBelow(demo.temporary)).length, 0, 'the agent runs');
  demo.process.kill('SIGKILL');
  await demo.nothingLeft();
  await noProcessBelow(demo.temporary);
  t.pass('neither folder nor process is left');
});

t.test('demo: the smoke run that is interrupted leaves nothing', async (t) => {
  const demo = await Demo.start(t, ['--smoke']);
  await demo.says(/cameras healthy/);
  demo.process.kill('SIGINT');
  await demo.exit();
  await demo.nothingLeft();
  await noProcessBelow(demo.temporary);
  t.pass('neither folder nor process is left');
});
