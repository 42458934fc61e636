import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../base/clock.ts';
import { asBeffroiError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { RepeatedFault } from '../base/repeated.ts';
import { tellSystemd } from './systemd.ts';

/** How often what is wrong is read again. Source: guess. */
const REREAD_MS = 5_000;
/** How much longer systemd waits for the start each time: the service lives, and is not ready. */
const EXTEND_US = 6 * REREAD_MS * 1000;

/**
 * Reads what was installed (box file, keys) until it is right or the signal aborts: a corrected file is enough to go on.
 * Meanwhile the log says what is wrong, and systemd hears it as the status of a service that is still starting.
 */
export async function untilRight<T>(
  read: () => Promise<T>,
  log: Log,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<T | undefined> {
  const repeated = new RepeatedFault(systemClock);
  while (!signal.aborted) {
    try {
      return await read();
    } catch (thrown) {
      const err = asBeffroiError(thrown);
      const told = repeated.happened(err.message);
      if (told)
        log.error({ err, count: told.count }, `cannot start; reading again every ${REREAD_MS / 1000} s`);
      const status = `STATUS=waiting for a correction: ${err.code}: ${oneLine(err.message)}`;
      await tellSystemd([`EXTEND_TIMEOUT_USEC=${EXTEND_US}`, status], environment, log);
      await delay(REREAD_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').slice(0, 500);
}
