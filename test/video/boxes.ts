export interface Mp4Box {
  readonly type: string;
  readonly body: Buffer;
}

/** The boxes of one level. @see ISO/IEC 14496-12 §4.2 */
export function boxes(bytes: Buffer): Mp4Box[] {
  const found: Mp4Box[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.readUInt32BE(at);
    if (size < 8 || at + size > bytes.length)
      throw new Error(`box of ${size} bytes at ${at} of ${bytes.length}`);
    found.push({ type: bytes.toString('latin1', at + 4, at + 8), body: bytes.subarray(at + 8, at + size) });
    at += size;
  }
  return found;
}

/** The box at a path from the top level. */
export function boxAt(payload: Buffer, ...path: string[]): Mp4Box {
  const [type, ...deeper] = path;
  const found = boxes(payload).find((candidate) => candidate.type === type);
  if (!found) throw new Error(`expected a box ${type}`);
  return deeper.length > 0 ? boxAt(found.body, ...deeper) : found;
}
