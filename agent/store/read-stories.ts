import { readOnly } from './read-only.ts';
import { integerIn, type Row, type Sql, textIn } from './sql.ts';
import { FATES, type Fate } from './stories.ts';

/** An event of a story, of a box whose agent may be running. */
export interface StoryLine {
  /** Rises with each event of the box. */
  readonly number: number;
  /** Id of the point. */
  readonly of: string;
  readonly payload: string;
  /** `sent`: the broker has it, and the receipt of the CSU is awaited. */
  readonly fate: Fate | 'sent';
  /** Wall time of the end, Unix ms; 0 while it waits. */
  readonly fateMs: number;
}

const LINES = `SELECT story.number, story.of, story.payload, story.fate, story.fate_ms, outbox.state
  FROM story LEFT JOIN outbox ON outbox.id = story.id`;
/** Where an event stands in the outbox when the broker has it. */
const SENT = 2;

/** What the stories of a box hold. Everything of one read is of one moment. */
export class StoryReader {
  readonly #sql: Sql;
  readonly #any: boolean;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#any = sql.get("SELECT 1 FROM sqlite_schema WHERE name = 'story'") !== undefined;
  }

  /** Small values of a room. */
  memory(room: string): [key: string, value: string][] {
    return this.#sql
      .all('SELECT key, value FROM memory WHERE room = ? ORDER BY key', room)
      .map((row) => [textIn(row, 'key'), textIn(row, 'value')]);
  }

  /** The number of the last event; 0 when there is none. */
  get last(): number {
    const row = this.#any ? this.#sql.get('SELECT coalesce(max(number), 0) AS last FROM story') : undefined;
    return row ? integerIn(row, 'last') : 0;
  }

  /** The events of one point, in order. */
  of(point: string): StoryLine[] {
    return this.#lines('story.of = ?', point);
  }

  /** The events of the alarms whose ids begin so, in order. */
  ofAlarm(beginning: string): StoryLine[] {
    return this.#lines(
      "json_valid(story.payload) AND substr(json_extract(story.payload, '$.alarm'), 1, ?) = ?",
      beginning.length,
      beginning,
    );
  }

  /** The events after this number, in order, some hundred at most. */
  after(number: number): StoryLine[] {
    return this.#lines('story.number > ?', number);
  }

  #lines(where: string, ...values: (string | number)[]): StoryLine[] {
    if (!this.#any) return [];
    return this.#sql.all(`${LINES} WHERE ${where} ORDER BY story.number LIMIT 500`, ...values).map(lineOf);
  }
}

/**
 * Reads what the stories of a box hold.
 * @returns undefined when there is no database yet
 * @throws InternalError `store-damaged` when the database cannot be read
 */
export function readStories<T>(folder: string, read: (stories: StoryReader) => T): T | undefined {
  return readOnly(folder, (sql) => {
    sql.exec('BEGIN');
    return read(new StoryReader(sql));
  });
}

function lineOf(row: Row): StoryLine {
  const fate = FATES.find((known) => known === row.fate) ?? 'waits';
  return {
    number: integerIn(row, 'number'),
    of: textIn(row, 'of'),
    payload: textIn(row, 'payload'),
    fate: fate === 'waits' && row.state === SENT ? 'sent' : fate,
    fateMs: integerIn(row, 'fate_ms'),
  };
}
