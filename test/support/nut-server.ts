import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from './port.ts';
import { until } from './until.ts';

const UPS = 'onduleur';
const VALUES: Readonly<Record<string, string>> = {
  'ups.status': 'OL CHRG',
  'ups.load': '23',
  'ups.mfr': 'A \\"B\\" C',
  'battery.charge': '100',
  'battery.runtime': '1800',
  'input.voltage': '230.1',
};
/** How long a driver may say nothing, s: longer than a machine stands still. One that has ended is missed at once. */
const MAX_AGE_S = 300;
/** In Debian the program on the path is a script that wants /etc/nut. */
const UPSD = '/lib/nut/upsd';
const DRIVER = '/lib/nut/dummy-ups';

/** A UPS that the project did not write: the real `upsd` with NUT's own dummy driver. Needs the packages of `debian.ts`. */
export class NutServer {
  readonly port: number;
  readonly upsName = UPS;
  readonly #folder: string;
  #driver: ChildProcess | undefined;
  #server: ChildProcess | undefined;

  private constructor(port: number, folder: string) {
    this.port = port;
    this.#folder = folder;
  }

  /** @param folder where its files go; the path must be short enough for a socket */
  static async start(folder: string): Promise<NutServer> {
    const port = await freePort();
    await mkdir(join(folder, 'state'), { recursive: true, mode: 0o700 });
    const files = {
      'ups.conf': `pollinterval = 1\n[${UPS}]\n driver = dummy-ups\n port = ups.dev\n mode = dummy-once\n`,
      'ups.dev': Object.entries(VALUES)
        .map(([name, value]) => `${name}: ${value}\n`)
        .join(''),
      'upsd.conf': `LISTEN 127.0.0.1 ${port}\nMAXAGE ${MAX_AGE_S}\n`,
      'upsd.users': '[admin]\n password = secret\n actions = SET\n',
    };
    for (const [name, text] of Object.entries(files))
      await writeFile(join(folder, name), text, { mode: 0o600 });
    await chmod(folder, 0o700);
    const nut = new NutServer(port, folder);
    await nut.startDriver();
    await nut.startServer();
    return nut;
  }

  async startDriver(): Promise<void> {
    this.#driver = this.#spawn(DRIVER, ['-a', UPS]);
    if (this.#server) await this.#answering();
  }

  async startServer(): Promise<void> {
    this.#server = this.#spawn(UPSD, []);
    await this.#answering();
  }

  /** Changes what the UPS says; resolves when its server says it. `upsrw -w` does the same, and looks once a second. */
  async set(variable: string, value: string): Promise<void> {
    const name = `${UPS} ${variable}`;
    const answers = await this.#ask('USERNAME admin', 'PASSWORD secret', `SET VAR ${name} "${value}"`);
    if (answers.join() !== 'OK,OK,OK') throw new RangeError(`upsd: expected OK three times, came ${answers}`);
    await until(async () => (await this.#ask(`GET VAR ${name}`))[0] === `VAR ${name} "${value}"`);
  }

  /** The UPS is unplugged from its server. */
  async stopDriver(): Promise<void> {
    await end(this.#driver);
  }

  async stopServer(): Promise<void> {
    await end(this.#server);
  }

  /** The kernel goes on to accept; upsd answers nothing. */
  pauseServer(): void {
    this.#server?.kill('SIGSTOP');
  }

  resumeServer(): void {
    this.#server?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    await Promise.all([this.stopServer(), this.stopDriver()]);
  }

  #spawn(program: string, args: readonly string[]): ChildProcess {
    const env = {
      PATH: '/usr/bin:/bin',
      NUT_CONFPATH: this.#folder,
      NUT_STATEPATH: join(this.#folder, 'state'),
      NUT_ALTPIDPATH: join(this.#folder, 'state'),
    };
    const child = spawn(program, ['-u', 'root', '-F', ...args], { stdio: 'ignore', env });
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.removeListener('exit', kill));
    return child;
  }

  /** Neither program says when it is ready: asked until it answers. */
  async #answering(): Promise<void> {
    await until(() => this.#answers());
  }

  async #answers(): Promise<boolean> {
    const [answer = ''] = await this.#ask(`GET VAR ${UPS} ups.status`).catch(() => []);
    return answer.startsWith('VAR') && !answer.includes('WAIT');
  }

  /** @returns one line for each question */
  async #ask(...questions: readonly string[]): Promise<string[]> {
    const socket = connect(this.port, '127.0.0.1');
    socket.on('end', () => socket.destroy(new Error('upsd hung up')));
    try {
      await once(socket, 'connect');
      socket.write(questions.map((question) => `${question}\n`).join(''));
      let text = '';
      while (text.split('\n').length <= questions.length) {
        const [bytes] = (await once(socket, 'data')) as [Buffer];
        text += bytes.toString();
      }
      return text.trimEnd().split('\n');
    } finally {
      socket.destroy();
    }
  }
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
