/** Longest piece of foreign text that a message or log line carries. Source: guess. */
const FOREIGN_TEXT_MAX = 120;

/** More of a text is not looked at. */
const LOOKED_AT_MAX = 4096;

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

/** The text with the user part and the query of every URL taken out, so that no password or token stands in a log. */
export function scrubUrls(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]{0,15}:\/\/)[^\s/?#"'<>]*@/gi, '$1***@')
    .replace(/([a-z][a-z0-9+.-]{0,15}:\/\/[^\s?#"'<>]*\?)[^\s"'<>]+/gi, '$1***');
}
