import { Transform, type TransformCallback } from 'node:stream';
import { Parser } from 'tap-parser';

interface Result {
  readonly ok: boolean;
  readonly name: string;
  readonly fullname: string;
  readonly skip?: unknown;
  readonly todo?: unknown;
  readonly diag?: Record<string, unknown> | null;
}

/**
 * Reads TAP, prints one line per test file and everything that failed, and ends with the plain line
 * `N passed, N failed` (and `, N skipped` when there are any), counted by tap's own parser.
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
      const skipped = this.#skipped > 0 ? `, ${this.#skipped} skipped` : '';
      this.push(`${this.#passed} passed, ${this.#failed} failed${skipped}\n`);
      done();
    });
    this.#parser.end();
  }

  #watch(parser: Parser, depth: number): void {
    let hasChildren = false;
    parser.on('child', (child: Parser) => {
      hasChildren = true;
      this.#watch(child, depth + 1);
    });
    parser.on('assert', (result: Result) => {
      const isSuite = hasChildren;
      hasChildren = false;
      if (depth === 0) this.push(`${result.ok ? 'ok' : 'NOT OK'} ${result.name}\n`);
      if (isSuite && result.ok) return;
      this.#count(result);
    });
    parser.on('bailout', (reason: string) => this.push(`Bail out! ${reason}\n`));
  }

  #count(result: Result): void {
    if (result.skip) this.#skipped += 1;
    else if (result.ok || result.todo) this.#passed += 1;
    else {
      this.#failed += 1;
      this.push(`  FAILED: ${result.fullname || result.name}\n${describe(result.diag)}`);
    }
  }
}

function describe(diag: Record<string, unknown> | null | undefined): string {
  if (!diag) return '';
  const text = JSON.stringify(diag, null, 2);
  return `${text.slice(0, 4000).replace(/^/gm, '    ')}\n`;
}
