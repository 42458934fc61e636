import type { Engine } from './engine.ts';
import { metaNumber, setMeta } from './meta.ts';
import { integerIn, type Sql } from './sql.ts';
import type { Span, Timeline, TimelineChange } from './store.ts';
import {
  insertSpan,
  openSpans,
  putOpen,
  putPlanned,
  raiseFigure,
  readOutline,
  readSubject,
} from './timeline-rows.ts';

/** Spans of one track of one subject: thirteen months of fifteen changes a day. Source: guess. */
const TRACK_MAX = 6_000;
/** Spans of a box, some 40 MB. Source: guess. */
const SPANS_MAX = 400_000;
/** So many are looked for at once that may be too many, so that it is not done with each span. */
const TRIM_EVERY = 256;

/** The timeline in the database. */
export class SqlTimeline implements Timeline {
  readonly #engine: Engine;
  #untrimmed = TRIM_EVERY;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  left(): ReturnType<Timeline['left']> {
    return this.#engine.read((sql) => ({ open: openSpans(sql), knownMs: metaNumber(sql, 'known_ms') }));
  }

  write({ ended, open, closed, figures, planned, knownMs }: TimelineChange): void {
    this.#engine.writeLazily((sql) => {
      for (const { subject, track } of closed)
        sql.run('DELETE FROM span_open WHERE subject = ? AND track = ?', subject, track);
      for (const span of ended) insertSpan(sql, span);
      for (const span of open) putOpen(sql, span);
      for (const figure of figures) raiseFigure(sql, figure);
      for (const span of planned) putPlanned(sql, span);
      setMeta(sql, 'known_ms', knownMs);
      this.#trim(sql, ended);
    });
  }

  outline(fromMs: number, untilMs: number): ReturnType<Timeline['outline']> {
    return this.#engine.read((sql) => readOutline(sql, fromMs, untilMs));
  }

  of(subject: string, fromMs: number, untilMs: number): ReturnType<Timeline['of']> {
    return this.#engine.read((sql) => readSubject(sql, subject, fromMs, untilMs));
  }

  forget(beforeMs: number): void {
    this.#engine.writeLazily((sql) => {
      sql.run('DELETE FROM span WHERE until_ms < ?', beforeMs);
      sql.run('DELETE FROM planned WHERE until_ms < ?', beforeMs);
      sql.run('DELETE FROM figure WHERE day < ?', new Date(beforeMs).toISOString().slice(0, 10));
      sql.run("DELETE FROM span_open WHERE state = 'absent' AND from_ms < ?", beforeMs);
    });
  }

  /** The oldest make room: of a track first, then of the box. */
  #trim(sql: Sql, ended: readonly Span[]): void {
    this.#untrimmed += ended.length;
    if (this.#untrimmed < TRIM_EVERY) return;
    this.#untrimmed = 0;
    const full = sql.all(
      'SELECT subject, track, count(*) AS n FROM span GROUP BY subject, track HAVING n > ?',
      TRACK_MAX,
    );
    for (const { subject, track } of full)
      sql.run(
        `DELETE FROM span WHERE subject = ?1 AND track = ?2 AND from_ms <=
         (SELECT from_ms FROM span WHERE subject = ?1 AND track = ?2 ORDER BY from_ms DESC LIMIT 1 OFFSET ${TRACK_MAX})`,
        ...[subject ?? '', track ?? ''],
      );
    const all = integerIn(sql.get('SELECT count(*) AS n FROM span') ?? { n: 0 }, 'n');
    if (all > SPANS_MAX)
      sql.run(
        'DELETE FROM span WHERE (subject, track, from_ms) IN (SELECT subject, track, from_ms FROM span ORDER BY from_ms LIMIT ?)',
        all - SPANS_MAX,
      );
  }
}
