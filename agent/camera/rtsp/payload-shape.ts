import type { VideoCodec } from '../types.ts';
import type { PayloadShape, ReadShape } from './depacketizer.ts';

export function shapeReader(codec: VideoCodec): ReadShape {
  return codec === 'h264' ? shape264 : shape265;
}

/** Only the first fragment needs it. */
const NO_HEADER = Buffer.alloc(0);

const STAP_A = 24;
const STAP_B = 25;
const FU_A = 28;

/** @see RFC 6184 §5.2, §5.6, §5.7.1, §5.8 */
function shape264(payload: Buffer): PayloadShape {
  const indicator = payload[0] ?? 0;
  const type = indicator & 0x1f;
  if (type < STAP_A) return { kind: 'single' };
  if (type === STAP_A) return { kind: 'aggregate', offset: 1 };
  if (type === STAP_B) return { kind: 'aggregate', offset: 3 };
  if (type !== FU_A || payload.length < 2) return { kind: 'unknown' };
  const fu = payload[1] ?? 0;
  const start = (fu & 0x80) !== 0;
  const header = start ? Buffer.from([(indicator & 0xe0) | (fu & 0x1f)]) : NO_HEADER;
  return { kind: 'fragment', start, end: (fu & 0x40) !== 0, header, offset: 2 };
}

const AP = 48;
const FU = 49;

/** Without decoding order numbers: no camera is known that sends them. @see RFC 7798 §4.4.1, §4.4.2, §4.4.3 */
function shape265(payload: Buffer): PayloadShape {
  const first = payload[0] ?? 0;
  const type = (first >> 1) & 0x3f;
  if (type < AP) return { kind: 'single' };
  if (type === AP) return { kind: 'aggregate', offset: 2 };
  if (type !== FU || payload.length < 3) return { kind: 'unknown' };
  const fu = payload[2] ?? 0;
  const start = (fu & 0x80) !== 0;
  const header = start ? Buffer.from([(first & 0x81) | ((fu & 0x3f) << 1), payload[1] ?? 0]) : NO_HEADER;
  return { kind: 'fragment', start, end: (fu & 0x40) !== 0, header, offset: 3 };
}
