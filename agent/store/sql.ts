import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import { InternalError } from '../base/errors.ts';

/** How long a call waits for another process that holds the database, ms. It blocks the event loop. Source: guess. */
const BUSY_TIMEOUT_MS = 2000;

export type Row = Record<string, SQLOutputValue>;

/** One SQLite connection with its statements prepared once. */
export class Sql {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(location: string | URL, options: { readOnly?: boolean } = {}) {
    this.#db = new DatabaseSync(location, { ...options, timeout: BUSY_TIMEOUT_MS });
  }

  get inTransaction(): boolean {
    return this.#db.isTransaction;
  }

  get isClosed(): boolean {
    return !this.#db.isOpen;
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** @returns how many rows were changed */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...values).changes);
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...values);
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...values);
  }

  iterate(sql: string, ...values: SQLInputValue[]): IterableIterator<Row> {
    return this.#prepare(sql).iterate(...values);
  }

  /** Idempotent; never throws, since a damaged database may refuse even this. */
  close(): void {
    this.#statements.clear();
    try {
      if (this.#db.isOpen) this.#db.close();
    } catch {
      // The file is set aside or tried again; there is nothing else to do with the handle.
    }
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** The text in a column. @throws InternalError `store-damaged` when the column holds something else */
export function textIn(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw new InternalError('store-damaged', `expected text in column ${column}, came ${typeof value}`);
}

/** The whole number in a column. @throws InternalError `store-damaged` when the column holds something else */
export function integerIn(row: Row, column: string): number {
  const value = row[column];
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new InternalError(
    'store-damaged',
    `expected a whole number in column ${column}, came ${typeof value}`,
  );
}
