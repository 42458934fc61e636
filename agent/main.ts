import { flushCompileCache } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent } from './agent.ts';
import { systemClock } from './base/clock.ts';
import { asBeffroiError } from './base/errors.ts';
import { createLog, type Log } from './base/log.ts';
import { RepeatedFault } from './base/repeated.ts';
import { SOFTWARE } from './base/software.ts';
import { type BoxFile, readBoxFile } from './config/box-file.ts';
import { type BoxKeys, readBoxKeys } from './config/box-keys.ts';
import { useRuntimeFolder } from './config/runtime-folder.ts';

export interface RunOptions {
  /** The box file. */
  readonly config: string;
  /** `own`: the agent starts the video process; `external`: systemd does. */
  readonly video: 'own' | 'external';
}

/** How often the box file and its keys are read again while they are wrong. Source: guess. */
const REREAD_MS = 5_000;

/**
 * Runs the agent until a signal ends it. The first SIGTERM or SIGINT is polite, the second ends at once.
 * @returns the exit code
 */
export async function runAgent(options: RunOptions): Promise<number> {
  const firstLog = createLog('info');
  const stopping = new AbortController();
  endBySignals(stopping, firstLog);
  const installed = await readInstalled(options.config, firstLog, stopping.signal);
  if (!installed) return 0;
  const log = createLog(installed.box.logLevel);
  const agent = new Agent(
    { ...installed, log },
    { configFile: options.config, spawnVideo: options.video === 'own', software: SOFTWARE },
  );
  process.on('uncaughtExceptionMonitor', () => agent.crashed());
  await agent.start(stopping.signal);
  log.info({ site: installed.box.site, software: SOFTWARE, pid: process.pid }, 'agent started');
  // A box that loses power ends without writing the cache of compiled code.
  flushCompileCache();
  await aborted(stopping.signal);
  await agent.stop();
  log.info('agent stopped');
  return 0;
}

function endBySignals(stopping: AbortController, log: Log): void {
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping.signal.aborted) process.exit(1);
    log.info({ signal }, 'stopping; a second signal ends at once');
    stopping.abort();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

/**
 * The box file and what it names. While something is wrong with them the agent says what, and reads again: a corrected
 * file is enough to go on.
 */
async function readInstalled(
  file: string,
  log: Log,
  signal: AbortSignal,
): Promise<{ box: BoxFile; keys: BoxKeys } | undefined> {
  const repeated = new RepeatedFault(systemClock);
  while (!signal.aborted) {
    try {
      const box = await readBoxFile(file);
      useRuntimeFolder(box.runtimeFolder);
      return { box, keys: await readBoxKeys(box) };
    } catch (thrown) {
      const err = asBeffroiError(thrown);
      const told = repeated.happened(err.message);
      if (told)
        log.error({ err, count: told.count }, `cannot start; reading again every ${REREAD_MS / 1000} s`);
      await delay(REREAD_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}
