import { existsSync, renameSync, statSync } from 'node:fs';

/** Whether a folder, a pipe or the like has the name of a file; whoever opens a pipe may wait for ever. */
export function isStrange(file: string): boolean {
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    return found !== undefined && !found.isFile();
  } catch {
    return false;
  }
}

/** Gives what is no file another name, so that a file can be there. @throws what the file system says */
export function makeWay(file: string): void {
  if (!isStrange(file)) return;
  let n = 1;
  while (existsSync(`${file}.strange-${n}`)) n += 1;
  renameSync(file, `${file}.strange-${n}`);
}
