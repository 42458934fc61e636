import { metaNumber, metaText, setMeta } from './meta.ts';
import { lineHash, NO_HASH, type RegisterContent } from './register-chain.ts';
import { integerIn, type Row, type Sql, textIn } from './sql.ts';
import type { RegisterLine } from './store.ts';

/** Ed25519 signature of the box. */
export type Sign = (bytes: Buffer) => Buffer;

export interface ChainEnd {
  readonly length: number;
  readonly hash: string;
}

/** Where the register of a database ends: its last line, or where the older database ended that it goes on from. */
export function chainEnd(sql: Sql): ChainEnd {
  const row = sql.get('SELECT number, hash FROM register ORDER BY number DESC LIMIT 1');
  if (row) return { length: integerIn(row, 'number'), hash: textIn(row, 'hash') };
  return { length: metaNumber(sql, 'base_length'), hash: metaText(sql, 'base_hash') ?? NO_HASH };
}

/** Numbers, chains, signs and writes one line. */
export function appendLine(
  sql: Sql,
  sign: Sign,
  content: Omit<RegisterContent, 'number' | 'previous'>,
): RegisterLine {
  const end = chainEnd(sql);
  const unsigned = { ...content, number: end.length + 1, previous: end.hash };
  const hash = lineHash(unsigned);
  const line = { ...unsigned, hash, signature: sign(Buffer.from(hash, 'hex')).toString('base64url') };
  insertLine(sql, line);
  return line;
}

export function insertLine(sql: Sql, line: RegisterLine): void {
  sql.run(
    'INSERT INTO register VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    line.number,
    line.wallMs,
    line.clock,
    line.who,
    line.action,
    line.subject,
    line.result,
    line.detail,
    line.previous,
    line.hash,
    line.signature,
  );
}

export function linesFrom(sql: Sql, fromNumber: number, limit: number): RegisterLine[] {
  return sql
    .all('SELECT * FROM register WHERE number >= ? ORDER BY number LIMIT ?', fromNumber, limit)
    .map(toLine);
}

/**
 * Removes the oldest lines when there are a twentieth more than `maxLines`; those that stay are a chain by themselves.
 * @returns the number of the last line removed, 0 when none was
 */
export function makeRoom(sql: Sql, maxLines: number): number {
  const row = sql.get('SELECT min(number) AS first, max(number) AS last FROM register') ?? {};
  if (row.first === null || row.last === null) return 0;
  const last = integerIn(row, 'last');
  if (last - integerIn(row, 'first') + 1 < maxLines * 1.05) return 0;
  const cut = last - maxLines;
  setMeta(sql, 'cut', cut);
  sql.run('DELETE FROM register WHERE number <= ?', cut);
  return cut;
}

/** Every line in order, read one by one. */
export function* everyLine(sql: Sql): Generator<RegisterLine> {
  for (const row of sql.iterate('SELECT * FROM register ORDER BY number')) yield toLine(row);
}

function toLine(row: Row): RegisterLine {
  return {
    number: integerIn(row, 'number'),
    wallMs: integerIn(row, 'wall_ms'),
    clock: textIn(row, 'clock'),
    who: textIn(row, 'who'),
    action: textIn(row, 'action'),
    subject: textIn(row, 'subject'),
    result: textIn(row, 'result'),
    detail: textIn(row, 'detail'),
    previous: textIn(row, 'previous'),
    hash: textIn(row, 'hash'),
    signature: textIn(row, 'signature'),
  };
}
