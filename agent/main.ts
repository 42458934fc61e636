import { flushCompileCache } from 'node:module';
import { Agent } from './agent.ts';
import { aborted, endBySignals } from './base/ending.ts';
import { createLog } from './base/log.ts';
import { SOFTWARE } from './base/software.ts';
import { untilRight } from './cli/installed.ts';
import { type BoxFile, readBoxFile } from './config/box-file.ts';
import { type BoxKeys, readBoxKeys } from './config/box-keys.ts';
import { useRuntimeFolder } from './config/runtime-folder.ts';

export interface RunOptions {
  /** The box file. */
  readonly config: string;
  /** `own`: the agent starts the video process; `external`: systemd does. */
  readonly video: 'own' | 'external';
}

/**
 * Runs the agent until a signal ends it. The first SIGTERM or SIGINT is polite, the second ends at once.
 * @returns the exit code
 */
export async function runAgent(options: RunOptions): Promise<number> {
  const firstLog = createLog('info');
  const stopping = new AbortController();
  endBySignals(stopping, firstLog);
  const read = () => readInstalled(options.config);
  const installed = await untilRight(read, firstLog, process.env, stopping.signal);
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

/** The box file and what it names. */
async function readInstalled(file: string): Promise<{ box: BoxFile; keys: BoxKeys }> {
  const box = await readBoxFile(file);
  useRuntimeFolder(box.runtimeFolder);
  return { box, keys: await readBoxKeys(box) };
}
