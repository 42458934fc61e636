import { OUTBOX_CLASSES, type OutboxClass } from '../contract/delivery.ts';
import { addLoss } from './losses.ts';
import { lastSeq } from './meta.ts';
import { OUTBOX_LIMITS, totalsOf } from './outbox-limits.ts';
import { classIn, insertEvent, intactEvent } from './outbox-rows.ts';
import { integerIn, type Row, type Sql } from './sql.ts';

/** Numbers that are looked up one by one where no index names them. Source: guess; some hundred milliseconds. */
const MAX_LOOKED_UP = 20_000;
/** Each names every event by itself, apart from the pages that hold the events. */
const INDEXES = ['outbox_send', 'outbox_topic'];

/** The classes of events by their numbers. */
type Roster = ReadonlyMap<number, OutboxClass>;

interface Stretch {
  readonly first: number;
  readonly last: number;
}

/**
 * Copies the events that can be read and are what was written; the others are entered in the ledger as `damaged`. Which
 * ones they are an index says that agrees with the sums of the outbox or with the other index. Without one, the ledger
 * has as many as the sums say, else every number of the stretch that could not be read: rather too many than one too few.
 * @returns whether every page could be read
 */
export function salvageEvents(from: Sql, to: Sql): boolean {
  const salvage = new Salvage(from, to);
  const unread = salvage.readThrough();
  const roster = rosterOf(from, salvage.copied);
  salvage.lookUp(roster ? [...roster.keys()] : numbersOf(unread));
  if (roster) salvage.enter(roster);
  else salvage.enterUnnamed(unread);
  return unread === undefined;
}

class Salvage {
  /** Numbers of the events that are safe. */
  readonly copied = new Set<number>();
  readonly #damaged = new Map<number, OutboxClass>();
  readonly #from: Sql;
  readonly #to: Sql;

  constructor(from: Sql, to: Sql) {
    this.#from = from;
    this.#to = to;
  }

  /** From the front as far as it goes; where a page is damaged, also from the back. @returns what neither reached */
  readThrough(): Stretch | undefined {
    if (this.#read('ASC')) return undefined;
    const first = greatest([...this.copied]) + 1;
    const front = this.copied.size;
    this.#read('DESC');
    const back = [...this.copied].slice(front);
    return { first, last: back.length > 0 ? least(back) - 1 : lastSeqOr(this.#from, 0) };
  }

  /** One by one what lies between damaged pages. */
  lookUp(numbers: readonly number[]): void {
    for (const seq of numbers) {
      if (this.copied.has(seq)) continue;
      const row = attempt(() => this.#from.get('SELECT * FROM outbox WHERE seq = ?', seq));
      if (row) this.#take(row);
    }
  }

  enter(lost: Roster): void {
    const rest = [...lost].filter(([seq]) => !this.copied.has(seq));
    for (const of of OUTBOX_CLASSES) {
      const seqs = rest.filter(([, its]) => its === of).map(([seq]) => seq);
      if (seqs.length > 0) this.#lose(of, { first: least(seqs), last: greatest(seqs) }, seqs.length);
    }
  }

  enterUnnamed(unread: Stretch | undefined): void {
    this.enter(this.#damaged);
    const missing = this.#missing();
    const holes = unread ?? this.#holes();
    const size = holes.last - holes.first + 1;
    if (size <= 0) return;
    if (!missing && unread) this.#lose('intrusion', unread, Math.min(size, OUTBOX_LIMITS.events));
    for (const [of, count] of missing ?? []) this.#lose(of, holes, Math.min(count, size));
  }

  /** How many of each class the sums of the outbox know beyond those that were found. */
  #missing(): [OutboxClass, number][] | undefined {
    const totals = attempt(() => totalsOf(this.#from));
    if (totals?.length !== OUTBOX_CLASSES.length) return undefined;
    const damaged = countsOf(this.#damaged);
    const missing = OUTBOX_CLASSES.map((of, rank): [OutboxClass, number] => {
      const { n } = this.#to.get('SELECT count(*) AS n FROM outbox WHERE class = ?', rank) ?? {};
      return [of, (totals[rank]?.events ?? 0) - Number(n) - (damaged[rank] ?? 0)];
    });
    return missing.every(([, count]) => count >= 0) ? missing.filter(([, count]) => count > 0) : undefined;
  }

  /** From the first number that is not there to the last. */
  #holes(): Stretch {
    let first = 1;
    while (this.copied.has(first)) first += 1;
    let last = lastSeqOr(this.#from, greatest([...this.copied]));
    while (this.copied.has(last)) last -= 1;
    return { first, last };
  }

  #lose(of: OutboxClass, { first, last }: Stretch, count: number): void {
    addLoss(this.#to, { class: of, reason: 'damaged', firstSeq: first, lastSeq: last, count });
  }

  /** @returns whether everything could be read */
  #read(order: 'ASC' | 'DESC'): boolean {
    const through = attempt(() => {
      for (const row of this.#from.iterate(`SELECT * FROM outbox ORDER BY seq ${order}`)) this.#take(row);
      return true;
    });
    return through ?? false;
  }

  #take(row: Row): void {
    const event = attempt(() => intactEvent(row));
    const seq = integerIn(row, 'seq');
    if (!event) this.#damaged.set(seq, attempt(() => classIn(row)) ?? 'intrusion');
    else if (!this.copied.has(seq)) {
      insertEvent(this.#to, event);
      this.copied.add(seq);
    }
    if (event) this.#damaged.delete(seq);
  }
}

function rosterOf(from: Sql, copied: ReadonlySet<number>): Roster | undefined {
  const rosters = INDEXES.flatMap((index) => attempt(() => namedBy(from, index)) ?? []);
  const whole = rosters.filter((roster) => [...copied].every((seq) => roster.has(seq)));
  const totals = attempt(() => totalsOf(from).map(({ events }) => events));
  const [one, other] = whole;
  return (
    whole.find((roster) => totals && String(countsOf(roster)) === String(totals)) ??
    (one && other && isSame(one, other) ? one : undefined)
  );
}

function namedBy(from: Sql, index: string): Roster {
  const rows = from.all(`SELECT seq, class FROM outbox INDEXED BY ${index}`);
  return new Map(rows.map((row) => [integerIn(row, 'seq'), classIn(row)]));
}

function countsOf(roster: Roster): number[] {
  return OUTBOX_CLASSES.map((of) => [...roster.values()].filter((its) => its === of).length);
}

function isSame(one: Roster, other: Roster): boolean {
  return one.size === other.size && [...one].every(([seq, of]) => other.get(seq) === of);
}

function numbersOf(stretch: Stretch | undefined): number[] {
  if (!stretch) return [];
  const size = Math.max(0, stretch.last - stretch.first + 1);
  return Array.from({ length: Math.min(size, MAX_LOOKED_UP) }, (_, n) => stretch.first + n);
}

function least(seqs: readonly number[]): number {
  return seqs.reduce((a, b) => Math.min(a, b), Number.MAX_SAFE_INTEGER);
}

function greatest(seqs: readonly number[]): number {
  return seqs.reduce((a, b) => Math.max(a, b), 0);
}

function lastSeqOr(sql: Sql, otherwise: number): number {
  return attempt(() => lastSeq(sql)) ?? otherwise;
}

function attempt<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch {
    return undefined;
  }
}
