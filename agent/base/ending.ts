import type { Log } from './log.ts';

/** The first SIGTERM or SIGINT is polite: it aborts. The second one ends the process at once. */
export function endBySignals(stopping: AbortController, log: Log): void {
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping.signal.aborted) process.exit(1);
    log.info({ signal }, 'stopping; a second signal ends at once');
    stopping.abort();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

/** Resolves when the signal has aborted. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}
