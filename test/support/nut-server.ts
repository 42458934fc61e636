import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
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
      'upsd.conf': `LISTEN 127.0.0.1 ${port}\nMAXAGE 5\n`,
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

  /** Changes what the UPS says. */
  async set(variable: string, value: string): Promise<void> {
    const args = [
      '-s',
      `${variable}=${value}`,
      '-u',
      'admin',
      '-p',
      'secret',
      '-w',
      `${UPS}@127.0.0.1:${this.port}`,
    ];
    await promisify(execFile)('upsrw', args);
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
    const socket = connect(this.port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      socket.write(`GET VAR ${UPS} ups.status\n`);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      const text = answer.toString();
      return text.startsWith('VAR') && !text.includes('WAIT');
    } catch {
      return false;
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
