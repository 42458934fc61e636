import { PeerProtocolError } from '../../base/errors.ts';
import { quoted } from '../../base/text.ts';
import type { AnswerReader } from '../equipment/channel.ts';

/** Longest line that is taken; upsd's own is 512. Source: NUT `LARGEBUF`, doubled twice. */
const LINE_MAX_BYTES = 2_048;
/** Longest whole answer: a large UPS lists some 150 variables. Source: guess. */
const ANSWER_MAX_BYTES = 131_072;

/** Words of a line; `undefined` when its quotes do not end. @see RFC 9271 §4.1 */
export function splitWords(line: string): string[] | undefined {
  const words: string[] = [];
  const pattern = /[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^ \t"]+))(?=[ \t]|$)/gy;
  const end = line.trimEnd().length;
  while (pattern.lastIndex < end) {
    const match = pattern.exec(line);
    if (!match) return undefined;
    words.push(match[2] ?? (match[1] ?? '').replace(/\\(.)/g, '$1'));
  }
  return words;
}

/** What a line of the server means to whoever reads an answer. */
export type OnLine<T> = (words: readonly string[]) => T | undefined;

/** Cuts an answer into lines of words and hands each on until one ends the answer. */
export class LineAnswer<T> implements AnswerReader<T> {
  readonly #ups: string;
  readonly #onLine: OnLine<T>;
  #rest: Buffer = Buffer.alloc(0);
  #taken = 0;

  constructor(ups: string, onLine: OnLine<T>) {
    this.#ups = ups;
    this.#onLine = onLine;
  }

  push(chunk: Buffer): T | undefined {
    this.#taken += chunk.length;
    if (this.#taken > ANSWER_MAX_BYTES) throw this.#bad(`expected at most ${ANSWER_MAX_BYTES} bytes`);
    const bytes = Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      const answer = this.#line(bytes.subarray(start, end));
      start = end + 1;
      if (answer === undefined) continue;
      if (start < bytes.length) throw this.#bad('more came after the end of the answer');
      return answer;
    }
    this.#rest = bytes.subarray(start);
    if (this.#rest.length > LINE_MAX_BYTES)
      throw this.#bad(`expected lines of at most ${LINE_MAX_BYTES} bytes`);
    return undefined;
  }

  #line(bytes: Buffer): T | undefined {
    if (bytes.length > LINE_MAX_BYTES) throw this.#bad(`expected lines of at most ${LINE_MAX_BYTES} bytes`);
    const line = bytes.toString('utf8').replace(/\r$/, '');
    const words = splitWords(line);
    if (!words) throw this.#bad(`a line that cannot be read: ${quoted(line)}`);
    return this.#onLine(words);
  }

  #bad(why: string): PeerProtocolError {
    return new PeerProtocolError('equipment-protocol', `${this.#ups}: answer of upsd: ${why}`);
  }
}
