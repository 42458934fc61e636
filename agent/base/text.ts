/** Longest piece of foreign text that a message or log line carries. Source: guess. */
const FOREIGN_TEXT_MAX = 120;

/** Text from a device or peer, made safe for a log or message: quoted, control characters escaped, cut. */
export function quoted(text: string, max = FOREIGN_TEXT_MAX): string {
  const cut = text.length > max ? `${text.slice(0, max)}…` : text;
  return JSON.stringify(scrubUrls(cut)).replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The text with the user part of every URL taken out, so that no password stands in a log. */
export function scrubUrls(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]{0,15}:\/\/)[^\s/?#"'<>]*@/gi, '$1***@');
}
