import type { Clock, ClockTrust } from '../base/clock.ts';
import type { Engine } from './engine.ts';
import { headBytes } from './register-chain.ts';
import { appendLine, chainEnd, linesFrom, type Sign } from './register-lines.ts';
import type { Register, RegisterEntry, RegisterHead, RegisterLine } from './store.ts';

export interface RegisterNeeds {
  readonly clock: Clock;
  readonly clockTrust: () => ClockTrust;
  readonly sign: Sign;
}

/** The register in the database. While the disk refuses, `lines` has only those gathered since. */
export class SqlRegister implements Register {
  readonly #engine: Engine;
  readonly #needs: RegisterNeeds;
  readonly #listeners: (() => void)[] = [];
  readonly #tell = () => {
    for (const listener of this.#listeners) listener();
  };

  constructor(engine: Engine, needs: RegisterNeeds) {
    this.#engine = engine;
    this.#needs = needs;
  }

  append(entry: RegisterEntry): RegisterLine {
    const { action, who, subject, result, detail } = entry;
    const stamp = { wallMs: Math.round(this.#needs.clock.wallMs()), clock: this.#needs.clockTrust() };
    return this.#engine.write((sql) => {
      const line = appendLine(sql, this.#needs.sign, { ...stamp, action, who, subject, result, detail });
      this.#engine.afterCommit(() => this.#engine.medium.endsAt({ length: line.number, hash: line.hash }));
      this.#engine.afterCommit(this.#tell);
      return line;
    });
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
