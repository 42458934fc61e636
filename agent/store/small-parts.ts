import type { Engine } from './engine.ts';
import { metaNumber, raiseMeta } from './meta.ts';
import { integerIn, type Sql, textIn } from './sql.ts';
import type { ConfigSlot, ConfigSlots, Journal, Memory, Stories } from './store.ts';

/** Ids of orders that are kept whatever the clock says, so that a jump of the clock forgets none. Source: guess. */
const KEPT_ORDERS = 10_000;
/** How long an id is kept after the end of validity of its order, ms: far above any skew of clocks. Source: guess. */
const ORDER_MARGIN_MS = 7 * 24 * 3600 * 1000;

/** The journal of orders in the database. */
export class SqlJournal implements Journal {
  readonly #engine: Engine;
  readonly #wallMs: () => number;

  constructor(engine: Engine, wallMs: () => number) {
    this.#engine = engine;
    this.#wallMs = wallMs;
  }

  take(id: string, notAfterMs: number): boolean {
    return this.#engine.write((sql) => {
      const fresh =
        sql.run('INSERT OR IGNORE INTO journal (id, not_after_ms) VALUES (?, ?)', id, notAfterMs) > 0;
      if (fresh) this.#forgetOld(sql);
      return fresh;
    });
  }

  #forgetOld(sql: Sql): void {
    sql.run(
      'DELETE FROM journal WHERE number <= (SELECT max(number) FROM journal) - ? AND not_after_ms < ?',
      KEPT_ORDERS,
      Math.round(this.#wallMs()) - ORDER_MARGIN_MS,
    );
  }
}

/** The configuration slots in the database. */
export class SqlConfigSlots implements ConfigSlots {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  highestVersion(): number {
    return this.#engine.read((sql) => metaNumber(sql, 'highest_version'));
  }

  sawVersion(version: number): void {
    this.#engine.write((sql) => {
      raiseMeta(sql, 'highest_version', version);
      this.#engine.afterCommit(() => this.#engine.medium.mark({ version }));
    });
  }

  lastGood(): ConfigSlot | undefined {
    return this.#engine.read((sql) => {
      const row = sql.get('SELECT version, hash, jws FROM slot');
      return (
        row && { version: integerIn(row, 'version'), hash: textIn(row, 'hash'), jws: textIn(row, 'jws') }
      );
    });
  }

  saveGood(slot: ConfigSlot): void {
    this.#engine.write((sql) => {
      sql.run('INSERT OR REPLACE INTO slot VALUES (1, ?, ?, ?)', slot.version, slot.hash, slot.jws);
      this.sawVersion(slot.version);
    });
  }
}

/** The small values of the rooms in the database. */
export class SqlMemory implements Memory {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  get(room: string, key: string): string | undefined {
    return this.#engine.read((sql) => {
      const row = sql.get('SELECT value FROM memory WHERE room = ? AND key = ?', room, key);
      return row && textIn(row, 'value');
    });
  }

  set(room: string, key: string, value: string): void {
    this.#engine.write((sql) => sql.run('INSERT OR REPLACE INTO memory VALUES (?, ?, ?)', room, key, value));
  }

  delete(room: string, key: string): void {
    this.#engine.write((sql) => sql.run('DELETE FROM memory WHERE room = ? AND key = ?', room, key));
  }

  entries(room: string): [key: string, value: string][] {
    return this.#engine.read((sql) =>
      sql
        .all('SELECT key, value FROM memory WHERE room = ? ORDER BY key', room)
        .map((row): [string, string] => [textIn(row, 'key'), textIn(row, 'value')]),
    );
  }
}

/** The stories in the database. */
export class SqlStories implements Stories {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  forget(of: string): void {
    this.#engine.write((sql) => sql.run('DELETE FROM story WHERE of = ?', of));
  }
}
