import type { Clock, ClockTrust } from '../base/clock.ts';
import type { Engine } from './engine.ts';
import { headBytes } from './register-chain.ts';
import { appendLine, chainEnd, linesFrom, makeRoom, type Sign } from './register-lines.ts';
import type { Sql } from './sql.ts';
import type { Register, RegisterEntry, RegisterHead, RegisterLine } from './store.ts';

/** Longest free text and longest other field of a line, characters; what is longer is cut. Source: guess. */
const MAX_DETAIL = 2000;
const MAX_FIELD = 200;

export interface RegisterNeeds {
  readonly clock: Clock;
  readonly clockTrust: () => ClockTrust;
  readonly sign: Sign;
}

/** The register in the database, bounded: the oldest lines make room, and a line says so. While the disk refuses, `lines` has only those gathered since. */
export class SqlRegister implements Register {
  readonly #engine: Engine;
  readonly #needs: RegisterNeeds;
  readonly #maxLines: number;
  readonly #listeners: (() => void)[] = [];
  readonly #tell = () => {
    for (const listener of this.#listeners) listener();
  };

  constructor(engine: Engine, needs: RegisterNeeds, maxLines: number) {
    this.#engine = engine;
    this.#needs = needs;
    this.#maxLines = maxLines;
  }

  append(entry: RegisterEntry): RegisterLine {
    return this.#engine.write((sql) => {
      const cut = makeRoom(sql, this.#maxLines);
      if (cut > 0) {
        const detail = `lines up to ${cut} were removed to make room`;
        this.#append(sql, { action: 'register.cut', who: 'box', subject: 'register', result: 'ok', detail });
      }
      return this.#append(sql, entry);
    });
  }

  #append(sql: Sql, entry: RegisterEntry): RegisterLine {
    const line = appendLine(sql, this.#needs.sign, {
      wallMs: Math.trunc(this.#needs.clock.wallMs()),
      clock: this.#needs.clockTrust(),
      ...bounded(entry),
    });
    this.#engine.afterCommit(() => this.#engine.medium.endsAt({ length: line.number, hash: line.hash }));
    this.#engine.afterCommit(this.#tell);
    return line;
  }

  head(): RegisterHead {
    const { length, hash } = this.#engine.read(chainEnd);
    return { length, hash, signature: this.#needs.sign(headBytes(length, hash)).toString('base64url') };
  }

  lines(fromNumber: number, limit: number): RegisterLine[] {
    return this.#engine.read((sql) => linesFrom(sql, fromNumber, limit));
  }

  onAppended(listener: () => void): void {
    this.#listeners.push(listener);
  }
}

function bounded({ action, who, subject, result, detail }: RegisterEntry): RegisterEntry {
  const field = (text: string) => text.slice(0, MAX_FIELD);
  return {
    action: field(action),
    who: field(who),
    subject: field(subject),
    result: field(result),
    detail: detail.slice(0, MAX_DETAIL),
  };
}
