import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The wall clock of a process under libfaketime; its monotonic clock goes on as it is. */
export class FakeTime {
  readonly #stamp: string;

  private constructor(stamp: string) {
    this.#stamp = stamp;
  }

  static async create(t: { teardown(end: () => unknown): void }): Promise<FakeTime> {
    const folder = await mkdtemp(join(tmpdir(), 'bfr-time-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const fake = new FakeTime(join(folder, 'time'));
    await fake.shift('+0');
    return fake;
  }

  get environment(): NodeJS.ProcessEnv {
    return {
      LD_PRELOAD: '/usr/$LIB/faketime/libfaketimeMT.so.1',
      FAKETIME_TIMESTAMP_FILE: this.#stamp,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  /** From one moment to the other: whoever reads a file that is still empty is told the right time. @param offset as libfaketime takes it: `-1h`, `+3650d` */
  async shift(offset: string): Promise<void> {
    const next = `${this.#stamp}.next`;
    await writeFile(next, offset);
    await rename(next, this.#stamp);
  }

  /** It is this time now, and goes on from there. */
  async set(iso: string): Promise<void> {
    const offsetS = Math.round((Date.parse(iso) - Date.now()) / 1000);
    await this.shift(`${offsetS < 0 ? '' : '+'}${offsetS}`);
  }
}
