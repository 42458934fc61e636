import { randomUUID } from 'node:crypto';
import { InternalError } from '../base/errors.ts';
import { faultWords, storageFault } from './faults.ts';
import { integerIn, type Sql } from './sql.ts';

/**
 * Steps from one schema version to the next; `user_version` counts the steps taken.
 * Never change a step that a release carried: add one.
 */
const STEPS: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    payload TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    crc INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE outbox_total (one INTEGER PRIMARY KEY CHECK (one = 1), events INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;
  INSERT INTO outbox_total VALUES (1, 0, 0);
  CREATE TRIGGER outbox_in AFTER INSERT ON outbox BEGIN
    UPDATE outbox_total SET events = events + 1, bytes = bytes + NEW.bytes;
  END;
  CREATE TRIGGER outbox_out AFTER DELETE ON outbox BEGIN
    UPDATE outbox_total SET events = events - 1, bytes = bytes - OLD.bytes;
  END;

  CREATE TABLE register (
    number INTEGER PRIMARY KEY,
    wall_ms INTEGER NOT NULL,
    clock TEXT NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    result TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    signature TEXT NOT NULL
  ) STRICT;
  CREATE TRIGGER register_keeps BEFORE UPDATE ON register BEGIN
    SELECT RAISE(ABORT, 'the register is append-only');
  END;
  CREATE TRIGGER register_stays BEFORE DELETE ON register
  WHEN OLD.number > (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'cut') BEGIN
    SELECT RAISE(ABORT, 'the register is append-only');
  END;
  INSERT INTO meta VALUES ('cut', '0');

  CREATE TABLE journal (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, not_after_ms INTEGER NOT NULL) STRICT;
  CREATE TABLE slot (
    one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, hash TEXT NOT NULL, jws TEXT NOT NULL
  ) STRICT;
  CREATE TABLE memory (
    room TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (room, key)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  DROP TRIGGER IF EXISTS outbox_in;
  DROP TRIGGER IF EXISTS outbox_out;
  DROP TABLE IF EXISTS outbox_total;
  ALTER TABLE outbox ADD COLUMN id TEXT NOT NULL DEFAULT '';
  ALTER TABLE outbox ADD COLUMN class INTEGER NOT NULL DEFAULT 3 CHECK (class BETWEEN 0 AND 3);
  ALTER TABLE outbox ADD COLUMN state INTEGER NOT NULL DEFAULT 1 CHECK (state BETWEEN 0 AND 2);
  ALTER TABLE outbox ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE outbox ADD COLUMN put_ms INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE outbox ADD COLUMN wall_ms INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE outbox ADD COLUMN due_ms INTEGER NOT NULL DEFAULT 0;
  UPDATE outbox SET class = CASE
    WHEN json_valid(payload) THEN CASE json_extract(payload, '$.severity') WHEN 'critical' THEN 0 ELSE 1 END
    ELSE 1 END
    WHERE topic LIKE '%/event/alarm';
  UPDATE outbox SET id = CASE WHEN json_valid(payload) THEN coalesce(json_extract(payload, '$.id'), '') ELSE '' END;
  CREATE INDEX outbox_send ON outbox (state, class, seq);
  CREATE INDEX outbox_due ON outbox (due_ms) WHERE state = 2;
  CREATE INDEX outbox_topic ON outbox (topic, class);
  CREATE INDEX outbox_id ON outbox (id);

  CREATE TABLE outbox_total (
    class INTEGER PRIMARY KEY, events INTEGER NOT NULL, bytes INTEGER NOT NULL, sent INTEGER NOT NULL
  ) STRICT;
  INSERT INTO outbox_total VALUES (0, 0, 0, 0), (1, 0, 0, 0), (2, 0, 0, 0), (3, 0, 0, 0);
  UPDATE outbox_total SET
    events = (SELECT count(*) FROM outbox WHERE outbox.class = outbox_total.class),
    bytes = (SELECT coalesce(sum(outbox.bytes), 0) FROM outbox WHERE outbox.class = outbox_total.class);
  CREATE TRIGGER outbox_in AFTER INSERT ON outbox BEGIN
    UPDATE outbox_total SET events = events + 1, bytes = bytes + NEW.bytes, sent = sent + (NEW.state = 2)
      WHERE class = NEW.class;
  END;
  CREATE TRIGGER outbox_out AFTER DELETE ON outbox BEGIN
    UPDATE outbox_total SET events = events - 1, bytes = bytes - OLD.bytes, sent = sent - (OLD.state = 2)
      WHERE class = OLD.class;
  END;
  CREATE TRIGGER outbox_moved AFTER UPDATE OF class, state ON outbox BEGIN
    UPDATE outbox_total SET events = events - 1, bytes = bytes - OLD.bytes, sent = sent - (OLD.state = 2)
      WHERE class = OLD.class;
    UPDATE outbox_total SET events = events + 1, bytes = bytes + NEW.bytes, sent = sent + (NEW.state = 2)
      WHERE class = NEW.class;
  END;

  CREATE TABLE loss (
    number INTEGER PRIMARY KEY,
    class INTEGER NOT NULL,
    reason TEXT NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    count INTEGER NOT NULL,
    event_id TEXT
  ) STRICT;
  CREATE UNIQUE INDEX loss_open ON loss (class, reason) WHERE event_id IS NULL;
  CREATE INDEX loss_told ON loss (event_id) WHERE event_id IS NOT NULL;
  `,
  `
  CREATE TABLE story (
    number INTEGER PRIMARY KEY,
    of TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    payload TEXT NOT NULL,
    fate TEXT NOT NULL,
    fate_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX story_of ON story (of, number);
  `,
  `
  CREATE TABLE span (
    subject TEXT NOT NULL, track TEXT NOT NULL, from_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL,
    state TEXT NOT NULL, cause TEXT NOT NULL, side TEXT NOT NULL, via TEXT NOT NULL, noticed_ms INTEGER NOT NULL,
    PRIMARY KEY (subject, track, from_ms)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE span_open (
    subject TEXT NOT NULL, track TEXT NOT NULL, from_ms INTEGER NOT NULL,
    state TEXT NOT NULL, cause TEXT NOT NULL, side TEXT NOT NULL, via TEXT NOT NULL, noticed_ms INTEGER NOT NULL,
    PRIMARY KEY (subject, track)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE figure (
    subject TEXT NOT NULL, day TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL,
    PRIMARY KEY (subject, day, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE planned (
    id TEXT NOT NULL, subject TEXT NOT NULL, from_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL,
    by TEXT NOT NULL, why TEXT NOT NULL,
    PRIMARY KEY (id, subject)
  ) STRICT, WITHOUT ROWID;
  `,
];

/**
 * Brings a database to the schema of this program.
 * @throws InternalError `store-damaged` when a newer program wrote it
 */
export function migrate(sql: Sql): void {
  const version = integerIn(sql.get('PRAGMA user_version') ?? {}, 'user_version');
  if (version > STEPS.length) {
    throw new InternalError(
      'store-damaged',
      `expected schema version ${STEPS.length} or lower, came ${version}: a newer program wrote it`,
    );
  }
  if (version === STEPS.length) return;
  sql.exec('BEGIN IMMEDIATE');
  for (const step of STEPS.slice(version)) take(sql, step);
  if (version === 0) sql.run("INSERT INTO meta VALUES ('identity', ?)", randomUUID());
  sql.exec(`PRAGMA user_version = ${STEPS.length}`);
  sql.exec('COMMIT');
}

/** A step that does not fit means that something was altered; a full or refusing disk is told as what it is. */
function take(sql: Sql, step: string): void {
  try {
    sql.exec(step);
  } catch (cause) {
    if (storageFault(cause)) throw cause;
    throw new InternalError(
      'store-damaged',
      `the schema cannot be brought up to date: ${faultWords(cause)}`,
      {
        cause,
      },
    );
  }
}

/**
 * Checks that tables and triggers are those that this program makes: neither damaged nor taken away.
 * @param fresh a database that was just made
 * @throws InternalError `store-damaged`
 */
export function checkSchema(sql: Sql, fresh: Sql): void {
  if (schemaText(sql) !== schemaText(fresh)) {
    throw new InternalError('store-damaged', 'expected the tables and triggers of this program, came others');
  }
}

function schemaText(sql: Sql): string {
  return JSON.stringify(sql.all('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name'));
}
