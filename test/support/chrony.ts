import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** The `chronyc` of a box, in its own folder of programs: it prints what the test says that chrony knows. */
export class Chrony {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(t: { teardown(end: () => unknown): void }): Promise<Chrony> {
    const folder = await mkdtemp(join(tmpdir(), 'bfr-chrony-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const answer = join(folder, 'answer');
    await writeFile(join(folder, 'chronyc'), `#!/bin/sh\nexec cat '${answer}'\n`, { mode: 0o755 });
    const chrony = new Chrony(folder);
    await chrony.lost();
    return chrony;
  }

  get environment(): NodeJS.ProcessEnv {
    return { PATH: [this.#folder, process.env.PATH].join(delimiter) };
  }

  /** It has compared the clock with its server now. As chrony 4.3 prints it with `-c -n tracking`. */
  async synchronised(): Promise<void> {
    const atS = (Date.now() / 1000).toFixed(9);
    const rest =
      '0.000012345,-0.000023456,0.000034567,12.345,0.001,0.045,0.001234567,0.000345678,64.5,Normal';
    await this.#answer(`C0A80A01,192.168.10.1,3,${atS},${rest}`);
  }

  async lost(): Promise<void> {
    await this.#answer('00000000,,0,0.000000000,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised');
  }

  async #answer(line: string): Promise<void> {
    const next = join(this.#folder, 'next');
    await writeFile(next, `${line}\n`);
    await rename(next, join(this.#folder, 'answer'));
  }
}
