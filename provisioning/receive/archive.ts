import { ConfigurationError } from '../../agent/base/errors.ts';
import { eventDigest, type ReceiptedEvent } from '../../agent/contract/receipt.ts';
import { ArchiveFile } from './archive-file.ts';

/** An event of a box as it came. */
export interface Incoming {
  readonly site: string;
  readonly id: string;
  /** Of topic and payload, see `eventDigest`. */
  readonly sha256: string;
  readonly topic: string;
  readonly payload: string;
}

/**
 * What the archive made of an event: stored now, stored before, stored now beside others of the same id, or not stored
 * because there are too many of those.
 */
export type Stored = 'new' | 'known' | 'conflict' | 'refused';

/** An event as the archive keeps it. */
export interface Archived {
  /** Rises with each event that is stored, and is never given again. */
  readonly number: number;
  readonly receivedMs: number;
  /** Which one of its id it is: 1, or more where another one was stored before. */
  readonly copy: number;
  readonly topic: string;
  readonly payload: string;
}

export interface ArchiveOptions {
  /** Largest size of the file. */
  readonly maxBytes: number;
  /** Told when printed events had to go before their time, so that new ones found room. */
  readonly onCut: (events: number) => void;
}

/** Events forgotten in one transaction. Source: guess; some ten milliseconds. */
const FORGOTTEN_AT_ONCE = 2_000;
/** What an event takes beside its payload, with the indexes, and what SQLite needs besides. Source: guess. */
const ROOM_FACTOR = 3;
const ROOM_BYTES = 1024 * 1024;

/**
 * Events with one id that are stored; whoever alters events on their way cannot fill the archive with copies of one.
 * Source: guess; one is the rule.
 */
export const MAX_COPIES = 4;
/** Between an id and the number of a copy: a character that is in no id. */
const COPY = '#';

const INSERT = 'INSERT INTO event (site, id, topic, payload, received_ms, ran_ms) VALUES (?, ?, ?, ?, ?, ?)';
const COPIES = `SELECT id, topic, payload FROM event
  WHERE site = ? AND id IN (SELECT value FROM json_each(?))`;
const AFTER =
  'SELECT number, id, received_ms, topic, payload FROM event WHERE number > ? ORDER BY number LIMIT ?';
/** Sites are few and events many: each site is one look into the index. */
const LAST_OF_EACH = `WITH RECURSIVE known (site) AS (
    SELECT min(site) FROM event
    UNION ALL SELECT (SELECT min(site) FROM event WHERE site > known.site) FROM known WHERE known.site IS NOT NULL)
  SELECT site, id, topic, payload FROM event WHERE (site, id) IN (
    SELECT site, (SELECT max(id) FROM event WHERE event.site = known.site) FROM known)`;
const PRINTED_SOME = `DELETE FROM event WHERE number IN (
  SELECT number FROM event WHERE number <= (SELECT number FROM printed) AND ran_ms < ?
  ORDER BY number LIMIT ${FORGOTTEN_AT_ONCE})`;

/**
 * Every event that the centre has received, once for each site and id, and beside it what came with other bytes under the
 * same id; the truth that receipts speak of. Its size is bounded: printed events make room for new ones, the oldest first; while none is printed nothing more is stored.
 */
export class Archive {
  readonly #file: ArchiveFile;
  readonly #onCut: (events: number) => void;
  /** Operating time of the receiver over all starts, when it was last kept. */
  #ranMs: number;

  private constructor(file: ArchiveFile, { onCut }: ArchiveOptions) {
    this.#file = file;
    this.#onCut = onCut;
    this.#ranMs = Number(file.sql('SELECT ms FROM ran').get()?.ms);
  }

  /**
   * Opens the file, or makes it (0600), for this process alone.
   * @throws ConfigurationError `receiver-archive-unusable`
   */
  static open(path: string, options: ArchiveOptions): Archive {
    try {
      return new Archive(ArchiveFile.open(path, options.maxBytes), options);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ConfigurationError('receiver-archive-unusable', `${path}: ${why}`, { cause });
    }
  }

  /** Stores all of them durably, or throws and stores none. @returns what became of each, in their order */
  store(events: readonly Incoming[], receivedMs: number): Stored[] {
    this.#makeRoom(events.reduce((sum, { payload }) => sum + payload.length, 0));
    return this.#file.transaction(() => events.map((event) => this.#storeOne(event, receivedMs)));
  }

  /** The events after a number, in their order. */
  after(number: number, limit: number): Archived[] {
    return this.#file
      .sql(AFTER)
      .all(number, limit)
      .map((row) => ({
        number: Number(row.number),
        receivedMs: Number(row.received_ms),
        copy: copyOf(String(row.id)),
        topic: String(row.topic),
        payload: String(row.payload),
      }));
  }

  /** Of each site one event that is stored, with the bytes that it has here; the last one where ids rise. */
  lastOfEach(): (ReceiptedEvent & { readonly site: string })[] {
    return this.#file
      .sql(LAST_OF_EACH)
      .all()
      .map(({ site, id, topic, payload }) => ({
        site: String(site),
        id: idOf(String(id)),
        sha256: eventDigest(String(topic), String(payload)),
      }));
  }

  /** How many events are not handed on yet. */
  get unprinted(): number {
    return Number(
      this.#file.sql('SELECT count(*) AS n FROM event WHERE number > (SELECT number FROM printed)').get()?.n,
    );
  }

  /** Number of the last event that was handed on. */
  get printed(): number {
    return Number(this.#file.sql('SELECT number FROM printed').get()?.number);
  }

  /** A power cut may undo it: lines come again. */
  set printed(number: number) {
    this.#file.lazily(() => this.#file.sql('UPDATE printed SET number = ?').run(number));
  }

  /**
   * Says that the receiver has run for so long since the last call, and forgets printed events that are older than
   * `keepMs` of operating time, some thousand at a time: no jump of the wall clock removes anything.
   * @returns how many
   */
  age(ranMs: number, keepMs: number): number {
    this.#ranMs += Math.round(ranMs);
    this.#file.lazily(() => this.#file.sql('UPDATE ran SET ms = ?').run(this.#ranMs));
    return this.#forgetBefore(this.#ranMs - keepMs);
  }

  close(): void {
    this.#file.close();
  }

  #makeRoom(bytes: number): void {
    while (this.#file.freeBytes < bytes * ROOM_FACTOR + ROOM_BYTES) {
      const gone = this.#forgetBefore(Number.MAX_SAFE_INTEGER);
      if (gone === 0) return;
      this.#onCut(gone);
    }
  }

  #forgetBefore(ranMs: number): number {
    return Number(this.#file.sql(PRINTED_SOME).run(ranMs).changes);
  }

  #storeOne({ site, id, sha256, topic, payload }: Incoming, receivedMs: number): Stored {
    const keys = keysOf(id);
    const copies = this.#file.sql(COPIES).all(site, JSON.stringify(keys));
    if (copies.some((row) => eventDigest(String(row.topic), String(row.payload)) === sha256)) return 'known';
    const key = keys.find((free) => !copies.some((row) => row.id === free));
    if (key === undefined) return 'refused';
    this.#file.sql(INSERT).run(site, key, topic, payload, Math.round(receivedMs), this.#ranMs);
    return copies.length === 0 ? 'new' : 'conflict';
  }
}

/** What the copies of an event are stored under: the first one by the id itself. */
function keysOf(id: string): string[] {
  return Array.from({ length: MAX_COPIES }, (_, n) => (n === 0 ? id : `${id}${COPY}${n + 1}`));
}

function idOf(key: string): string {
  return key.split(COPY)[0] ?? key;
}

function copyOf(key: string): number {
  const [, copy] = key.split(COPY);
  return copy === undefined ? 1 : Number(copy);
}
