import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

/** Regions are read in pieces that overlap by more than what is looked for. */
const PIECE_BYTES = 4 * 1024 * 1024;
const OVERLAP_BYTES = 4096;

/**
 * Whether `isIn` finds what it looks for anywhere in the writable memory of a process, given piece by piece as Latin-1
 * text. @see proc(5), /proc/pid/maps and /proc/pid/mem
 */
export function memoryHolds(pid: number, isIn: (text: string) => boolean): boolean {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    return writableRegions(pid).some(([begin, end]) => regionHolds(memory, begin, end, isIn));
  } finally {
    closeSync(memory);
  }
}

function writableRegions(pid: number): [begin: number, end: number][] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n');
  return lines.flatMap((line) => {
    const [, begin, end] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    return begin === undefined || end === undefined
      ? []
      : [[Number.parseInt(begin, 16), Number.parseInt(end, 16)] as [number, number]];
  });
}

function regionHolds(memory: number, begin: number, end: number, isIn: (text: string) => boolean): boolean {
  const piece = Buffer.alloc(PIECE_BYTES);
  for (let at = begin; at < end; at += PIECE_BYTES - OVERLAP_BYTES) {
    const length = readPiece(memory, piece, Math.min(PIECE_BYTES, end - at), at);
    if (isIn(piece.toString('latin1', 0, length))) return true;
  }
  return false;
}

/** A region may have gone meanwhile. */
function readPiece(memory: number, piece: Buffer, length: number, at: number): number {
  try {
    return readSync(memory, piece, 0, length, at);
  } catch {
    return 0;
  }
}
