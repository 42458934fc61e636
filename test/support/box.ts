import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { readStatus, statusSocketPath } from '../../agent/cli/status-socket.ts';
import type { StatusSnapshot } from '../../agent/contract/status.ts';
import { addBox, type BoxOptions } from '../../provisioning/box.ts';
import type { CsuFolder } from '../../provisioning/folder.ts';
import { PATIENCE_MS } from './until.ts';

interface StartOptions {
  /** In a session of its own, where no Ctrl-C of the terminal reaches it. */
  readonly detached?: boolean;
  /** Its working folder. */
  readonly cwd?: string;
  /** A command, with arguments, that becomes the launcher. */
  readonly under?: readonly string[];
  /** `external`: as under systemd, where the agent starts no video process. */
  readonly video?: 'own' | 'external';
}

const LAUNCHER = join(import.meta.dirname, '../../agent/beffroi');

/** An enrolled box: its folder, and the agent that runs on it as a real process. */
export class TestBox {
  readonly site: string;
  /** Enrolment folder. */
  readonly folder: string;
  readonly #runtimeFolder: string;
  readonly #environment: NodeJS.ProcessEnv;
  #agent: ChildProcess | undefined;
  #video: ChildProcess | undefined;

  private constructor(site: string, folder: string, runtimeFolder: string, environment: NodeJS.ProcessEnv) {
    this.site = site;
    this.folder = folder;
    this.#runtimeFolder = runtimeFolder;
    this.#environment = environment;
  }

  /** Enrols a box at the CSU; its folders are below `parent`, whose path must be short enough for sockets. */
  static async enrol(
    csu: CsuFolder,
    parent: string,
    options: Pick<BoxOptions, 'site' | 'brokers' | 'backupBrokers' | 'plainLoopback' | 'clock'>,
    environment: NodeJS.ProcessEnv = {},
  ): Promise<TestBox> {
    const folder = join(parent, 'box');
    const runtimeFolder = join(parent, 'run');
    await addBox(
      csu,
      { clock: 'host', ...options, stateFolder: join(parent, 'state'), runtimeFolder },
      folder,
    );
    return new TestBox(options.site, folder, runtimeFolder, environment);
  }

  get boxFile(): string {
    return join(this.folder, 'box.json');
  }

  get logFile(): string {
    return join(this.folder, 'agent.log');
  }

  get pid(): number | undefined {
    return this.#agent?.pid;
  }

  /** Starts the agent; it is up when `status` answers. */
  start({ detached = false, cwd, under = [], video = 'own' }: StartOptions = {}): void {
    const log = openSync(this.logFile, 'a', 0o600);
    const [command = LAUNCHER, ...args] = [
      ...under,
      LAUNCHER,
      'run',
      '--config',
      this.boxFile,
      '--video',
      video,
    ];
    this.#agent = spawn(command, args, {
      stdio: ['ignore', log, log],
      detached,
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...process.env, ...this.#environment },
    });
  }

  /** Starts a video process that does not end with the agent. */
  startVideo(): void {
    const log = openSync(this.logFile, 'a', 0o600);
    this.#video = spawn(LAUNCHER, ['video', '--config', this.boxFile], { stdio: ['ignore', log, log] });
  }

  /** Ends the agent as a power cut would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Ends the video process of `startVideo` so. */
  async killVideo(): Promise<void> {
    await ended(this.#video, 'SIGKILL');
  }

  async stop(): Promise<number | null> {
    await ended(this.#video, 'SIGTERM');
    return await this.#end('SIGTERM');
  }

  /** The agent stands still, as on a machine that has no time for it; its video process goes on. */
  pause(): void {
    this.#agent?.kill('SIGSTOP');
  }

  resume(): void {
    this.#agent?.kill('SIGCONT');
  }

  /** What the agent says, which answers as soon as the machine lets it. */
  async status(): Promise<StatusSnapshot> {
    return await this.until('a status', (status) => status);
  }

  /** @throws InternalError `agent-away` when it does not answer now */
  async statusNow(): Promise<StatusSnapshot> {
    return await readStatus(statusSocketPath(this.#runtimeFolder));
  }

  /** Runs a command of the box, such as `alarms`, to its end. */
  async command(...args: string[]): Promise<{ code: number; output: string; errors: string }> {
    const child = spawn(LAUNCHER, [...args, '--config', this.boxFile], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.#environment, LANG: 'fr_FR.UTF-8', BEFFROI_LANG: '' },
    });
    const ended = once(child, 'close');
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const [code] = (await ended) as [number];
    return { code, output, errors };
  }

  /** Resolves with what `find` makes of the status as soon as it makes something of it. */
  async until<T>(
    what: string,
    find: (status: StatusSnapshot) => T | undefined | false,
    patienceMs = PATIENCE_MS,
  ): Promise<T> {
    const limit = AbortSignal.timeout(patienceMs);
    for (;;) {
      const found = await this.statusNow().then(find, () => undefined);
      if (found) return found;
      if (limit.aborted) throw new Error(`waited ${patienceMs} ms for: ${what}\n${await this.lastLog()}`);
      await delay(50);
    }
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const agent = this.#agent;
    this.#agent = undefined;
    return await ended(agent, signal);
  }

  /** The end of what the agent logged. */
  async lastLog(): Promise<string> {
    const text = await readFile(this.logFile, 'utf8').catch(() => '');
    return text.split('\n').slice(-30).join('\n');
  }
}

/** @returns the exit code */
async function ended(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<number | null> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
  const exited = once(child, 'exit');
  child.kill(signal);
  child.kill('SIGCONT');
  const [code] = (await exited) as [number | null];
  return code;
}
