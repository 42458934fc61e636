/** One challenge of a `WWW-Authenticate` header. */
export interface Challenge {
  /** Lower case: `digest`, `basic`, … */
  readonly scheme: string;
  /** Names in lower case; values without their quotes, otherwise as the peer wrote them. The first of a name counts. */
  readonly params: ReadonlyMap<string, string>;
}

/** Longest header that is looked at, in characters, and most challenges kept. Source: guess. */
const MAX_HEADER_CHARS = 8192;
const MAX_CHALLENGES = 16;

const SEPARATORS = /[\s,]+/y;
const TOKEN = /[^\s,="]+/y;
const EQUALS = /\s*=\s*/y;
const QUOTED = /"((?:[^"\\]|\\.)*)("|$)/y;
const BARE = /[^\s,"]*/y;

/**
 * Every challenge of one or many headers, in order. Never throws: what cannot be read is skipped.
 * @see RFC 9110 §11.6.1
 */
export function parseChallenges(headers: readonly string[]): Challenge[] {
  return headers.flatMap((header) => parseHeader(header.slice(0, MAX_HEADER_CHARS))).slice(0, MAX_CHALLENGES);
}

function parseHeader(header: string): Challenge[] {
  const text = new Scanner(header);
  const found: { scheme: string; params: Map<string, string> }[] = [];
  while (!text.ended) {
    text.take(SEPARATORS);
    const token = text.take(TOKEN);
    if (token === undefined) {
      text.skipOne();
      continue;
    }
    const challenge = found.at(-1);
    if (text.take(EQUALS) === undefined) found.push({ scheme: token.toLowerCase(), params: new Map() });
    else if (challenge) keepFirst(challenge.params, token.toLowerCase(), readValue(text));
    else readValue(text);
  }
  return found;
}

function keepFirst(params: Map<string, string>, name: string, value: string): void {
  if (!params.has(name)) params.set(name, value);
}

function readValue(text: Scanner): string {
  return text.take(QUOTED, 1) ?? text.take(BARE) ?? '';
}

/** Reads a text from the left by sticky patterns. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get ended(): boolean {
    return this.#at >= this.#text.length;
  }

  skipOne(): void {
    this.#at += 1;
  }

  /** The match (or one of its groups) when the pattern matches here, and moves behind it. */
  take(sticky: RegExp, group = 0): string | undefined {
    sticky.lastIndex = this.#at;
    const match = sticky.exec(this.#text);
    if (!match) return undefined;
    this.#at += match[0].length;
    return match[group] ?? '';
  }
}
