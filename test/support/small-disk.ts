import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Whether this process may mount: tests that need it say so where they are left out. */
export const MAY_MOUNT = process.getuid?.() === 0;

/** A tmpfs of its own, so that a full disk is a real one. */
export class SmallDisk {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** @param t what unmounts it at its end */
  static mount(t: { teardown(end: () => unknown): void }, folder: string, megabytes: number): SmallDisk {
    mkdirSync(folder);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0700`, 'tmpfs', folder]);
    t.teardown(() => execFileSync('umount', ['-l', folder]));
    return new SmallDisk(folder);
  }

  /** Takes all that is left. */
  async fill(): Promise<void> {
    const file = await open(this.#filler, 'w');
    const chunk = Buffer.alloc(64 * 1024);
    const written = () =>
      file.write(chunk).then(
        ({ bytesWritten }) => bytesWritten === chunk.length,
        () => false,
      );
    while (await written());
    await file.close();
  }

  /** Gives it back. */
  async free(): Promise<void> {
    await rm(this.#filler);
  }

  get #filler(): string {
    return join(this.folder, 'filler');
  }
}
