import { Transform, type TransformCallback } from 'node:stream';
import { Parser } from 'tap-parser';

interface Result {
  readonly ok: boolean;
  readonly name: string;
  readonly fullname: string;
  readonly skip?: unknown;
  readonly diag?: Record<string, unknown> | null;
  /** Wall time, ms. */
  readonly time?: number | null;
}

/** tap calls a file without tests skipped. */
const EMPTY = { ok: false, skip: false, diag: { reason: 'asserts nothing' } };

/** Seeds of fuzzing tests are always shown: with them a failure can be had again. */
const SHOWN_COMMENT = /^\s*# fuzz: /;

/**
 * Reads TAP, prints one line per test file with the time it took, the seeds of fuzzing tests and everything that failed or
 * was skipped, and ends with the plain line `N passed, N failed`, counted by tap's own parser. A test that asserts nothing has failed.
 */
export default class PlainReporter extends Transform {
  readonly #parser = new Parser();
  #passed = 0;
  #failed = 0;
  #skipped = 0;

  constructor() {
    super();
    this.#watch(this.#parser, 0);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#parser.write(chunk);
    done();
  }

  override _flush(done: TransformCallback): void {
    this.#parser.on('complete', () => {
      if (this.#skipped > 0) this.push(`${this.#skipped} skipped\n`);
      this.push(`${this.#passed} passed, ${this.#failed} failed\n`);
      done();
    });
    this.#parser.end();
  }

  #watch(parser: Parser, depth: number): void {
    let suite: Parser | undefined;
    parser.on('child', (child: Parser) => {
      suite = child;
      this.#watch(child, depth + 1);
    });
    parser.on('assert', (result: Result) => {
      const child = suite;
      suite = undefined;
      if (depth === 0) this.push(`${result.ok ? 'ok' : 'NOT OK'} ${result.name}${took(result)}\n`);
      if (!child || !result.ok) this.#count(result);
      else if (child.count === 0) this.#count({ ...result, ...EMPTY });
    });
    parser.on('comment', (comment: string) => {
      if (SHOWN_COMMENT.test(comment)) this.push(`  ${comment.trim()}\n`);
    });
    parser.on('bailout', (reason: string) => {
      if (depth === 0) this.#count({ ok: false, name: `Bail out! ${reason}`, fullname: '' });
    });
  }

  /** Says what was not tested here, and why. */
  #skip({ name, fullname, skip }: Result): void {
    this.#skipped += 1;
    const why = typeof skip === 'string' ? `: ${skip}` : '';
    this.push(`  SKIPPED: ${fullname || name}${why}\n`);
  }

  #count(result: Result): void {
    if (result.skip) this.#skip(result);
    else if (result.ok) this.#passed += 1;
    else {
      this.#failed += 1;
      this.push(`  FAILED: ${result.fullname || result.name}\n${describe(result.diag)}`);
    }
  }
}

function took({ time }: Result): string {
  return typeof time === 'number' ? `, ${(time / 1000).toFixed(1)} s` : '';
}

function describe(diag: Record<string, unknown> | null | undefined): string {
  if (!diag) return '';
  const text = JSON.stringify(diag, null, 2);
  return `${text.slice(0, 4000).replace(/^/gm, '    ')}\n`;
}
