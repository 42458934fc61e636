const START_CODE = Buffer.from([0, 0, 1]);

/**
 * Splits bytes in which a camera left start codes; a NAL unit that follows the standard holds none, so it comes back
 * as it is. Zeros before a start code and empty parts are dropped.
 * @param most start codes that are looked at: what is behind them is one part
 * @see ITU-T H.264 §7.4.1, annex B
 */
export function splitStartCodes(bytes: Buffer, most: number): Buffer[] {
  let at = bytes.indexOf(START_CODE);
  if (at < 0) return bytes.length > 0 ? [bytes] : [];
  const parts: Buffer[] = [];
  let from = 0;
  while (at >= 0 && parts.length < most) {
    parts.push(withoutTrailingZeros(bytes.subarray(from, at)));
    from = at + START_CODE.length;
    at = bytes.indexOf(START_CODE, from);
  }
  parts.push(bytes.subarray(from));
  return parts.filter((part) => part.length > 0);
}

/** Zeros after a NAL unit are no part of it. @see ITU-T H.264 annex B, trailing_zero_8bits */
export function withoutTrailingZeros(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return bytes.subarray(0, end);
}
