import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { freePort } from '../support/port.ts';
import { PATIENCE_MS } from '../support/until.ts';

export const REPOSITORY = join(import.meta.dirname, '..', '..');
const BEFFROI_CSU = join(REPOSITORY, 'provisioning', 'beffroi-csu');
const BEFFROI = join(REPOSITORY, 'agent', 'beffroi');

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A program that runs, with everything that it has written. */
export class Running {
  out = '';
  err = '';
  readonly child: ChildProcess;
  /** It has ended, and all that it wrote was read. */
  readonly #closed: Promise<unknown>;
  readonly #waiters = new Set<() => void>();

  constructor(
    t: Test,
    command: string,
    args: readonly string[],
    input?: string,
    environment: NodeJS.ProcessEnv = {},
  ) {
    this.child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, LANG: 'C.UTF-8', ...environment },
    });
    this.#closed = once(this.child, 'close');
    this.child.stdin?.end(input);
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.out += text;
      for (const look of [...this.#waiters]) look();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.err += text;
      for (const look of [...this.#waiters]) look();
    });
    t.teardown(() => this.end('SIGKILL'));
  }

  /** Resolves when what it wrote matches. */
  async said(pattern: RegExp): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => {
      if (pattern.test(this.out + this.err)) resolve();
    };
    this.#waiters.add(look);
    const limit = setTimeout(() => {
      reject(new Error(`waited ${PATIENCE_MS} ms for ${pattern}: ${this.out}${this.err}`));
    }, PATIENCE_MS);
    this.child.once('close', () => reject(new Error(`ended without ${pattern}: ${this.out}${this.err}`)));
    look();
    try {
      await promise;
    } finally {
      clearTimeout(limit);
      this.#waiters.delete(look);
    }
  }

  async end(signal?: NodeJS.Signals): Promise<Ended> {
    if (signal) this.child.kill(signal);
    await this.#closed;
    return { code: this.child.exitCode, out: this.out, err: this.err };
  }
}

export function startCsu(
  t: Test,
  args: readonly string[],
  input?: string,
  environment?: NodeJS.ProcessEnv,
): Running {
  return new Running(t, BEFFROI_CSU, args, input, environment);
}

/** Runs beffroi-csu to its end. */
export async function runCsu(t: Test, args: readonly string[], input?: string): Promise<Ended> {
  return await startCsu(t, args, input).end();
}

/** The agent as the process that it is in production. */
export function startAgent(t: Test, boxFile: string): Running {
  return new Running(t, BEFFROI, ['run', '--config', boxFile, '--video', 'external']);
}

/** A folder outside of the repository that goes with the test. */
export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'beffroi-csu-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Centre {
  /** Holds `csu`, the folder of the CSU, and whatever the test adds. */
  readonly folder: string;
  readonly csu: string;
  readonly broker: string;
  readonly port: number;
}

/** A CSU made by `beffroi-csu init`, and Mosquitto running on the configuration that it wrote. */
export async function startCentre(t: Test): Promise<Centre> {
  const folder = temporaryFolder(t);
  const csu = join(folder, 'csu');
  const port = await freePort();
  const data = join(folder, 'broker-data');
  await mkdir(data);
  const args = [
    'init',
    '--folder',
    csu,
    '--broker-host',
    'localhost',
    '--broker-port',
    String(port),
    '--broker-data',
    data,
  ];
  const made = await runCsu(t, args);
  if (made.code !== 0) throw new Error(made.err);
  await startBroker(t, csu);
  return { folder, csu, broker: `mqtts://localhost:${port}`, port };
}

/** The configuration is used as it was written; only the account stays ours, since the folder is ours alone. */
async function startBroker(t: Test, csu: string): Promise<void> {
  const written = await readFile(join(csu, 'broker', 'mosquitto.conf'), 'utf8');
  const file = join(csu, '..', 'mosquitto-as-root.conf');
  await writeFile(file, `user root\nlog_dest stderr\n${written}`);
  const broker = new Running(t, 'mosquitto', ['-c', file]);
  await broker.said(/ running/);
}

/** Enrols a box with `beffroi-csu box add`. @returns its enrolment folder */
export async function enrol(t: Test, { folder, csu, broker }: Centre, site: string): Promise<string> {
  const out = join(folder, `box-${site}`);
  const where = ['--state', 'state', '--runtime', 'run', '--clock', 'host'];
  const added = await runCsu(t, [
    'box',
    'add',
    '--folder',
    csu,
    '--site',
    site,
    '--broker',
    broker,
    '--out',
    out,
    ...where,
  ]);
  if (added.code !== 0) throw new Error(added.err);
  return out;
}
