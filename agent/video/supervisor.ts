import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname, join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { InternalError } from '../base/errors.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Log } from '../base/log.ts';
import { type RetryPolicy, retryLoop } from '../base/retry.ts';

/** Pictures must be back soon; a process that dies at once is not started over and over. Source: guess. */
const RESTART_POLICY: RetryPolicy = {
  neverUp: { firstMs: 200, factor: 2, capMs: 30_000, jitter: 0.3 },
  wasUp: { firstMs: 200, factor: 2, capMs: 30_000, jitter: 0.3 },
  stableMs: 60_000,
};
/** As the launcher has it for a video process of its own; see docs/performance.md. */
const V8_FLAGS = ['--max-semi-space-size=1', '--heap-growing-percent=40', '--optimize-for-size'];
/** Time for a polite end before SIGKILL. */
const END_TIMEOUT_MS = 3_000;

export interface VideoSupervisorNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

export interface VideoSupervisorOptions {
  /** The box file, which the video process reads by itself: nothing secret stands in its arguments. */
  readonly configFile: string;
}

/**
 * Runs the video process as a child of the agent, where systemd does not run it, and starts it again when it ends. Its
 * standard input is a pipe that closes with the agent, however that dies, and ends it.
 */
export class VideoSupervisor implements Service {
  readonly name = 'video process';
  readonly #needs: VideoSupervisorNeeds;
  readonly #options: VideoSupervisorOptions;
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;
  #loop: Promise<void> | undefined;

  constructor(needs: VideoSupervisorNeeds, options: VideoSupervisorOptions) {
    this.#needs = needs;
    this.#options = options;
  }

  /** Process id of the video process that runs now. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#needs;
    const onFailure = (err: unknown, retryInMs: number, failures: number) =>
      log.warn({ err, retryInMs, failures }, 'video process ended');
    const ended = AbortSignal.any([signal, this.#stopping.signal]);
    this.#loop = retryLoop(
      { clock, random, onFailure },
      RESTART_POLICY,
      (up, s) => this.#runOnce(up, s),
      ended,
    );
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  /** Ends a video process that does not answer; it is started again. */
  recycle(): void {
    this.#child?.kill('SIGKILL');
  }

  async #runOnce(up: () => void, signal: AbortSignal): Promise<void> {
    const child = spawn(
      process.execPath,
      [...V8_FLAGS, entryFile(), '--config', this.#options.configFile, '--with-parent'],
      {
        stdio: ['pipe', 'inherit', 'inherit'],
        env: { ...process.env, NOTIFY_SOCKET: undefined, WATCHDOG_USEC: undefined },
      },
    );
    this.#child = child;
    const exited = once(child, 'exit');
    child.once('spawn', up);
    const end = () => this.#end(child).catch(() => undefined);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) await end();
    try {
      const [code, killedBy] = await exited;
      throw new InternalError('video-process-down', `the video process ended with ${code ?? killedBy}`);
    } finally {
      signal.removeEventListener('abort', end);
      this.#child = undefined;
    }
  }

  async #end(child: ChildProcess): Promise<void> {
    child.kill('SIGTERM');
    const left = new AbortController();
    child.once('exit', () => left.abort());
    await this.#needs.clock.sleep(END_TIMEOUT_MS, left.signal);
    child.kill('SIGKILL');
  }
}

/** The entry point of the video process, in the same form (source or built) as this file. */
function entryFile(): string {
  return join(import.meta.dirname, '..', `video-main${extname(import.meta.filename)}`);
}
