/**
 * The text of an XML answer, by byte order mark, then the prolog, then the `Content-Type`; UTF-8 when none says
 * otherwise. Cameras lie: what is not UTF-8 although it should be is read as Latin-1, a 16-bit name in an 8-bit
 * prolog is ignored, and an unknown name counts as none.
 */
export function decodeXml(body: Buffer, contentType: string): string {
  const mark = byteOrderMark(body);
  if (mark) return new TextDecoder(mark).decode(body);
  const prolog = /^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']/i.exec(
    body.toString('latin1', 0, 256),
  )?.[1];
  const header = /charset\s*=\s*["']?([\w.:-]{1,40})/i.exec(contentType)?.[1];
  for (const name of [prolog, header, 'utf-8']) {
    const text = name === undefined || /16|32|ucs/i.test(name) ? undefined : decoded(body, name);
    if (text !== undefined) return text;
  }
  return body.toString('latin1');
}

function byteOrderMark(body: Buffer): string | undefined {
  if (body[0] === 0xff && body[1] === 0xfe) return 'utf-16le';
  if (body[0] === 0xfe && body[1] === 0xff) return 'utf-16be';
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 'utf-8' : undefined;
}

function decoded(body: Buffer, charset: string): string | undefined {
  try {
    return new TextDecoder(charset, { fatal: true }).decode(body);
  } catch {
    return undefined;
  }
}
