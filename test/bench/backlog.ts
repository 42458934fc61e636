import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { systemClock } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import { openStore, type SqliteStore } from '../../agent/store/open-store.ts';

/** A room of its own: the box forgets records of points that it does not have. */
const ROOM = 'bench';
/** As long as the record of a digital input. */
const RECORD = { rule: 'x'.repeat(160), life: { count: 1, first: 0, last: 0 }, details: 'x'.repeat(240) };
const POINTS = 8;
const AT_ONCE = 1_000;

/** Puts so many alarms into the outbox of a box that is stopped. @returns their ids */
export function fill(folder: string, site: string, count: number): string[] {
  const store = opened(folder);
  const ids: string[] = [];
  for (let done = 0; done < count; done += AT_ONCE) {
    store.transaction(() => {
      for (let n = 0; n < AT_ONCE; n += 1) ids.push(append(store, site, done + n));
    });
  }
  store.close();
  return ids;
}

/** Writes all that one alarm writes: the record of its point, its event, and its line of the story. @returns its id */
export function append(store: SqliteStore, site: string, n: number): string {
  const id = randomUUIDv7();
  const point = `pt-filled-${(n % POINTS) + 1}`;
  const ts = Date.now();
  const head = { v: 1, site, ts, clock: 'synced', boot: store.boot };
  const alarm = { id, alarm: randomUUID(), point, name: point, kind: 'digital-input', camera: 'cam-quai' };
  const rest = { transition: 'raised', severity: 'major', source_ts: ts, occurrences: n };
  store.transaction(() => {
    store.memory.set(ROOM, point, JSON.stringify({ ...RECORD, ...alarm, since: ts, occurrences: n }));
    store.outbox.append((seq) => ({
      id,
      class: 'intrusion',
      topic: `csu/v1/${site}/${point}/event/alarm`,
      payload: JSON.stringify({ ...head, seq, ...alarm, ...rest }),
      story: point,
    }));
  });
  return id;
}

/** What one event adds to the write-ahead log: twelve pages, measured on the log. */
const EVENT_BYTES = 12 * 4096;
const LOG_BYTES = 4 * 1024 * 1024;

/** Seconds for so many writes of what an event takes, each with a sync and nothing else: what the disk itself needs. */
export function syncing(file: string, count: number): number {
  const handle = openSync(file, 'w');
  writeSync(handle, Buffer.alloc(LOG_BYTES, 1), 0, LOG_BYTES, 0);
  fsyncSync(handle);
  const bytes = Buffer.alloc(EVENT_BYTES, 2);
  const beganMs = performance.now();
  for (let n = 0; n < count; n += 1) {
    writeSync(handle, bytes, 0, EVENT_BYTES, (n * EVENT_BYTES) % (LOG_BYTES - EVENT_BYTES));
    fsyncSync(handle);
  }
  const seconds = (performance.now() - beganMs) / 1000;
  closeSync(handle);
  return seconds;
}

export function opened(folder: string): SqliteStore {
  const log = createLog('error', { write: () => undefined });
  const clockTrust = () => 'synced' as const;
  return openStore(folder, { clock: systemClock, clockTrust, log, sign: () => Buffer.alloc(64) });
}
