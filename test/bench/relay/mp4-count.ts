/** Pictures are 40 ms apart. */
const PICTURE_TICKS = 3600;

/** What the header of a fragment says. */
export interface FragmentHead {
  /** Of its topic, rising by one. */
  readonly number: number;
  /** Wall time of the first picture, Unix ms. */
  readonly wallMs: number;
  readonly ticks: number;
  readonly frames: number;
}

/** Reads the boxes before the pictures. @see ISO/IEC 14496-12 §8.8, §8.16.5 */
export function readFragment(payload: Buffer): FragmentHead {
  let at = 0;
  let wallMs = 0;
  for (;;) {
    const type = payload.toString('latin1', at + 4, at + 8);
    if (type === 'moof') break;
    if (type === 'prft') wallMs = ntpMs(payload.readBigUInt64BE(at + 16));
    at += payload.readUInt32BE(at);
  }
  const number = payload.readUInt32BE(payload.indexOf('mfhd', at, 'latin1') + 8);
  const run = payload.indexOf('trun', at, 'latin1');
  const frames = payload.readUInt32BE(run + 8);
  let ticks = 0;
  for (let i = 0; i < frames; i += 1) ticks += payload.readUInt32BE(run + 16 + 16 * i);
  return { number, wallMs, ticks, frames };
}

/** Pictures that the durations tell of and that are not there. */
export function missing({ ticks, frames }: FragmentHead): number {
  return Math.max(0, Math.round(ticks / PICTURE_TICKS) - frames);
}

/** @see RFC 5905 §6 */
function ntpMs(ntp: bigint): number {
  return (Number(ntp >> 32n) - 2_208_988_800) * 1000 + (Number(ntp & 0xffffffffn) * 1000) / 2 ** 32;
}
