/** Deepest nesting that is taken. Source: guess; the configuration nests six deep. */
const MAX_DEPTH = 32;

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses JSON of which every reader makes the same: UTF-8 without byte order mark, no name twice in an object at any
 * level, no `__proto__`, nesting of at most 32.
 * @throws SyntaxError that says where, without showing the content
 * @see RFC 8259 §4 (names should be unique), RFC 7515 §4 (must be, in a header)
 */
export function parseStrictJson(input: string | Uint8Array): unknown {
  const text = typeof input === 'string' ? input : decode(input);
  const value = parse(text);
  checkNames(text);
  return value;
}

function decode(bytes: Uint8Array): string {
  try {
    return DECODER.decode(bytes);
  } catch {
    throw new SyntaxError('expected UTF-8');
  }
}

/** The parser's own message may quote the content, which can be secret. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SyntaxError('expected JSON');
  }
}

/** Strings whole, so that what stands in them is not taken for structure. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/** Goes through a text that is known to be JSON. */
function checkNames(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  let nameNext = false;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const names = open.at(-1);
    if (token === '{' || token === '[') {
      if (open.push(token === '{' ? new Set() : undefined) > MAX_DEPTH) {
        throw new SyntaxError(`nested deeper than ${MAX_DEPTH} at character ${index}`);
      }
      nameNext = token === '{';
    } else if (token === '}' || token === ']') {
      open.pop();
      nameNext = false;
    } else if (token === ',') {
      nameNext = names !== undefined;
    } else if (token.startsWith('"') && nameNext && names) {
      addName(names, token, index);
      nameNext = false;
    }
  }
}

function addName(names: Set<string>, token: string, index: number): void {
  const name = String(JSON.parse(token));
  if (names.has(name)) throw new SyntaxError(`the same name twice in an object, at character ${index}`);
  if (name === '__proto__') throw new SyntaxError(`a name that is not allowed, at character ${index}`);
  names.add(name);
}
