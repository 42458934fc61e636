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
  /** How long events are kept that were printed, days of operation. */
  readonly keepDays: number;
  /** Largest size of the archive. */
  readonly maxBytes: number;
  readonly only: readonly string[];
  readonly after?: number;
  /** End when nobody reads standard output any more, so that whoever started both starts both again. */
  readonly endWithReader: boolean;
}

/** Reports for partners are theirs to read; the others are for the centre, and their boxes wait for its receipt. */
const REPORTS = ['availability', 'inventory'].map((name) => `csu/v1/+/+/report/${name}`);
const SUBSCRIPTIONS = ['csu/v1/+/+/event/+', 'csu/v1/+/+/hist/+', ...REPORTS];
const TIDY_INTERVAL_MS = 60_000;
const DAY_MS = 24 * 3600 * 1000;

/**
 * Stores the events of every box until the signal aborts: on the disk first, then signed for, then printed. It may be
 * killed at any moment: what it did not sign for comes again.
 * @returns false when it ended with its reader
 * @throws ConfigurationError `receiver-archive-unusable`, `csu-folder-unusable`, `key-file-unreadable`
 */
export async function receiveEvents(
  csu: CsuFolder,
  options: ReceiverOptions,
  ordered: AbortSignal,
): Promise<boolean> {
  const log = createLog('info', process.stderr);
  const key = await csu.key('receive');
  const { brokers, maxBytes, endWithReader } = options;
  const archive = Archive.open(options.database, { maxBytes, onCut: (events) => tellCut(log, events) });
  const output = new LineOutput(systemClock);
  const printer = new Printer({ clock: systemClock, archive, output, log }, options);
  const readerGone = new AbortController();
  const signal = AbortSignal.any([ordered, readerGone.signal]);
  const intake = new Intake({ archive, printer, log }, signal);
  const clients = brokers.map((broker) => listen(csu, broker, { key, log, intake, archive }, signal));
  try {
    const printing = printer.run(signal).then((read) => {
      if (!read && endWithReader) readerGone.abort();
    });
    await Promise.all(clients.map((client) => client.start(signal)));
    await keepTidy(archive, options.keepDays, log, signal);
    output.close();
    await printing;
  } finally {
    intake.store();
    await Promise.all(clients.map((client) => client.stop()));
    archive.close();
  }
  return ordered.aborted;
}

function tellCut(log: Log, events: number): void {
  log.warn({ events }, 'the archive is as large as it may become: its oldest printed events made room');
}

interface Listening {
  readonly key: SigningKey;
  readonly log: Log;
  readonly intake: Intake;
  readonly archive: Archive;
}

function listen(
  csu: CsuFolder,
  broker: string,
  { key, log, intake, archive }: Listening,
  signal: AbortSignal,
): BrokerClient {
  const client = createClient(csu.identity, {
    broker,
    subscriptions: SUBSCRIPTIONS,
    maxBytes: MAX_EVENT_BYTES,
    log,
  });
  const receipts = new Receipts({ clock: systemClock, client, key });
  client.onMessage((topic, payload, { retain }) => intake.take(topic, payload, retain, receipts));
  client.listen({ up: () => greet(archive, receipts, signal) });
  return client;
}

/** Boxes learn that somebody hears them again: a receipt that they know lets them send at once what waits for one. */
function greet(archive: Archive, receipts: Receipts, signal: AbortSignal): void {
  for (const { site, ...event } of archive.lastOfEach()) receipts.add(site, event, signal);
}

async function keepTidy(archive: Archive, keepDays: number, log: Log, signal: AbortSignal): Promise<void> {
  for (let sinceMs = systemClock.monotonicMs(); !signal.aborted; ) {
    await systemClock.sleep(TIDY_INTERVAL_MS, signal).catch(() => undefined);
    const nowMs = systemClock.monotonicMs();
    try {
      archive.age(nowMs - sinceMs, keepDays * DAY_MS);
    } catch (err) {
      log.warn({ err: asError(err) }, 'old events could not be removed');
    }
    sinceMs = nowMs;
  }
}
