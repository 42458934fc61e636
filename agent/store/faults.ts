import { asError, BeffroiError, systemCode } from '../base/errors.ts';

/** What a failed database call says about the file and the disk below it. */
export type StorageFault = 'damaged' | 'unavailable';

/** Result codes of SQLite, the extended ones first. @see https://www.sqlite.org/rescode.html */
const FAULT_OF_RESULT: Record<number, StorageFault> = {
  266: 'damaged', // IOERR_READ
  522: 'damaged', // IOERR_SHORT_READ
  8202: 'damaged', // IOERR_DATA
  8458: 'damaged', // IOERR_CORRUPTFS
  3: 'unavailable', // PERM
  5: 'unavailable', // BUSY
  6: 'unavailable', // LOCKED
  8: 'unavailable', // READONLY
  10: 'unavailable', // IOERR: writing, syncing, locking, shared memory
  11: 'damaged', // CORRUPT
  13: 'unavailable', // FULL
  14: 'unavailable', // CANTOPEN
  15: 'unavailable', // PROTOCOL
  23: 'unavailable', // AUTH
  26: 'damaged', // NOTADB
};

const UNAVAILABLE =
  'EACCES EBUSY EDQUOT EEXIST EIO ELOOP EMFILE ENFILE ENODEV ENOENT ENOSPC ENOTDIR ENXIO EPERM EROFS';

const FAULT_OF_SYSTEM = new Map<string, StorageFault>([
  ...UNAVAILABLE.split(' ').map((code): [string, StorageFault] => [code, 'unavailable']),
  ['EISDIR', 'damaged'], // a folder stands where the file should
  ['ERR_OUT_OF_RANGE', 'damaged'], // a number that no version of this program wrote
]);

/** @returns undefined when the error is not about the file or the disk: a programming mistake or the caller's own */
export function storageFault(thrown: unknown): StorageFault | undefined {
  if (thrown instanceof BeffroiError) return thrown.code === 'store-damaged' ? 'damaged' : undefined;
  const result = (thrown as { errcode?: unknown } | null)?.errcode;
  if (typeof result === 'number') return FAULT_OF_RESULT[result] ?? FAULT_OF_RESULT[result & 0xff];
  return FAULT_OF_SYSTEM.get(systemCode(thrown) ?? '');
}

/** The error in a few words for a fault report. */
export function faultWords(thrown: unknown): string {
  const result = (thrown as { errcode?: unknown } | null)?.errcode;
  const message = asError(thrown).message;
  return typeof result === 'number' ? `${message} (SQLite ${result})` : message;
}
