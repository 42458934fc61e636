import { metaNumber, metaText } from './meta.ts';
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
