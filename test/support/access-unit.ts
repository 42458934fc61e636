import type { AccessUnit } from '../../agent/camera/types.ts';

type Fields = Omit<AccessUnit, 'nals' | 'bytes' | 'hold' | 'release'>;

/** An access unit in memory that nobody uses again. */
export function accessUnit(nals: readonly Buffer[], fields: Fields): AccessUnit {
  const bytes = Buffer.concat(nals.flatMap((nal) => [lengthOf(nal), nal]));
  return { ...fields, nals, bytes, hold: () => undefined, release: () => undefined };
}

function lengthOf(nal: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(nal.length);
  return length;
}
