/** Longest piece of foreign text that a message or log line carries. Source: guess. */
const FOREIGN_TEXT_MAX = 120;

/** More of a text is not looked at. */
const LOOKED_AT_MAX = 4096;
/** Characters of a scheme that are looked at. */
const SCHEME_CHARS = 16;

/** Text from a device or peer, made safe for a log or message: quoted, control characters escaped, cut. */
export function quoted(text: string, max = FOREIGN_TEXT_MAX): string {
  const clean = scrubUrls(text.slice(0, LOOKED_AT_MAX)); // before it is cut: the cut may stand in a password
  const cut = clean.length > max ? `${clean.slice(0, max)}…` : clean;
  return plainJson(JSON.stringify(cut));
}

/** JSON that can do nothing to a terminal and says the same: what acts there stands in strings alone, and is escaped. */
export function plainJson(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * The text with the user part and the query of every URL taken out, so that no password or token stands in a log. Each
 * character is looked at a few times, whatever the text: a pattern for the whole would begin anew at each of them.
 */
export function scrubUrls(text: string): string {
  return text.includes('://') ? text.replace(/[^\s"'<>]+/g, scrubWord) : text;
}

const SCHEME_END = /[a-z][a-z0-9+.-]*$/i;

/** A word may hold several URLs. What stands behind the first question mark of the first one goes to the end of the word. */
function scrubWord(word: string): string {
  const [first = '', ...rest] = word.split('://');
  let before = first;
  let scrubbed = first;
  let isUrl = false;
  for (const [index, part] of rest.entries()) {
    const begins = SCHEME_END.test(before.slice(-SCHEME_CHARS));
    isUrl ||= begins;
    const plain = begins ? withoutUser(part) : part;
    const query = isUrl ? plain.indexOf('?') + 1 : 0;
    const isEmpty = query === plain.length && index === rest.length - 1;
    if (query > 0) return `${scrubbed}://${plain.slice(0, query)}${isEmpty ? '' : '***'}`;
    scrubbed += `://${plain}`;
    before = part;
  }
  return scrubbed;
}

/** @param part what stands behind `scheme://` */
function withoutUser(part: string): string {
  const end = part.search(/[/?#]/);
  const user = (end < 0 ? part : part.slice(0, end)).lastIndexOf('@');
  return user < 0 ? part : `***${part.slice(user)}`;
}
