import { parseArgs } from 'node:util';
import { aborted, endBySignals } from './base/ending.ts';
import { asBeffroiError } from './base/errors.ts';
import { createLog } from './base/log.ts';
import { SOFTWARE } from './base/software.ts';
import { untilRight } from './cli/installed.ts';
import { readBoxFile } from './config/box-file.ts';
import { videoPlane } from './video-plane.ts';

export interface VideoOptions {
  /** The box file. */
  readonly config: string;
  /** The agent runs this process as its child: it ends when the agent does, however that ends. */
  readonly withParent: boolean;
}

/**
 * Runs the video plane until a signal ends it. The first SIGTERM or SIGINT is polite, the second ends at once.
 * @returns the exit code
 */
export async function runVideo(options: VideoOptions): Promise<number> {
  const firstLog = createLog('info').child({ plane: 'video' });
  const stopping = new AbortController();
  endBySignals(stopping, firstLog);
  if (options.withParent) endWithParent(stopping);
  const environment = options.withParent ? {} : process.env;
  const box = await untilRight(() => readBoxFile(options.config), firstLog, environment, stopping.signal);
  if (!box) return 0;
  const log = createLog(box.logLevel).child({ plane: 'video' });
  const plane = videoPlane(box, log, environment);
  await plane.start(stopping.signal);
  log.info({ site: box.site, software: SOFTWARE, pid: process.pid }, 'video plane started');
  await aborted(stopping.signal);
  await plane.stop();
  log.info('video plane stopped');
  return 0;
}

/** The parent holds the other end of standard input, which closes with it. */
function endWithParent(stopping: AbortController): void {
  process.stdin.on('error', () => stopping.abort());
  process.stdin.on('close', () => stopping.abort());
  process.stdin.resume();
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      config: { type: 'string', default: '/etc/beffroi/box.json' },
      'with-parent': { type: 'boolean', default: false },
    },
  });
  runVideo({ config: values.config, withParent: values['with-parent'] }).then(
    (code) => process.exit(code),
    (thrown: unknown) => {
      const error = asBeffroiError(thrown);
      console.error(`beffroi video: ${error.code}: ${error.message}`);
      process.exit(1);
    },
  );
}
