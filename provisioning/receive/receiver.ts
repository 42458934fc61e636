import { systemClock } from '../../agent/base/clock.ts';
import { asError } from '../../agent/base/errors.ts';
import { createLog, type Log } from '../../agent/base/log.ts';
import type { SigningKey } from '../../agent/trust/keys.ts';
import type { BrokerClient } from '../../agent/uplink/client.ts';
import type { CsuFolder } from '../folder.ts';
import { createClient } from '../link.ts';
import { Archive } from './archive.ts';
import { MAX_EVENT_BYTES } from './incoming.ts';
import { Intake } from './intake.ts';
import { LineOutput } from './output.ts';
import { Printer } from './printer.ts';
import { Receipts } from './receipts.ts';

export interface ReceiverOptions {
  /** One for each path; a receipt goes back where its event came from. */
  readonly brokers: readonly string[];
  /** File of the archive. */
  readonly database: string;
  /** How long events are kept that were printed, days. */
  readonly keepDays: number;
  readonly only: readonly string[];
  readonly after?: number;
}

const SUBSCRIPTIONS = ['csu/v1/+/+/event/+', 'csu/v1/+/+/hist/+'];
const FORGET_INTERVAL_MS = 60_000;
const DAY_MS = 24 * 3600 * 1000;

/**
 * Stores the events of every box until the signal aborts: on the disk first, then signed for, then printed. It may be
 * killed at any moment: what it did not sign for comes again.
 * @throws ConfigurationError `receiver-archive-unusable`, `csu-folder-unusable`, `key-file-unreadable`
 */
export async function receiveEvents(
  csu: CsuFolder,
  options: ReceiverOptions,
  signal: AbortSignal,
): Promise<void> {
  const log = createLog('info', process.stderr);
  const key = await csu.key('receive');
  const archive = Archive.open(options.database);
  const output = new LineOutput();
  const printer = new Printer({ archive, output, log }, options);
  const intake = new Intake({ archive, log, stored: () => printer.news() }, signal);
  const clients = options.brokers.map((broker) => listen(csu, broker, { key, log, intake }));
  try {
    const printing = printer.run(signal);
    await Promise.all(clients.map((client) => client.start(signal)));
    await keepTidy(archive, options.keepDays, log, signal);
    output.close();
    await printing;
  } finally {
    intake.store();
    await Promise.all(clients.map((client) => client.stop()));
    archive.close();
  }
}

interface Listening {
  readonly key: SigningKey;
  readonly log: Log;
  readonly intake: Intake;
}

function listen(csu: CsuFolder, broker: string, { key, log, intake }: Listening): BrokerClient {
  const client = createClient(csu, { broker, subscriptions: SUBSCRIPTIONS, maxBytes: MAX_EVENT_BYTES, log });
  const receipts = new Receipts({ clock: systemClock, client, key });
  client.onMessage((topic, payload, { retain }) => intake.take(topic, payload, retain, receipts));
  return client;
}

async function keepTidy(archive: Archive, keepDays: number, log: Log, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      archive.forget(systemClock.wallMs() - keepDays * DAY_MS);
    } catch (err) {
      log.warn({ err: asError(err) }, 'old events could not be removed');
    }
    await systemClock.sleep(FORGET_INTERVAL_MS, signal).catch(() => undefined);
  }
}
