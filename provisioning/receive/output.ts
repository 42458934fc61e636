import { fstatSync, write } from 'node:fs';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import type { Clock } from '../../agent/base/clock.ts';
import { systemCode } from '../../agent/base/errors.ts';

const writeFile = promisify(write);
/** A file on a full disk is tried again this often, ms. Source: guess. */
const FULL_INTERVAL_MS = 1_000;
const DISK_IS_FULL = ['ENOSPC', 'EDQUOT'];

/** Standard output that never stops the process: neither while its reader stands still nor when it has gone. */
export class LineOutput {
  readonly #clock: Clock;
  readonly #fd: number;
  readonly #socket: Socket | undefined;
  readonly #closing = new AbortController();

  constructor(clock: Clock, fd = 1) {
    this.#clock = clock;
    this.#fd = fd;
    const kind = fstatSync(fd);
    if (!kind.isFIFO() && !kind.isSocket()) return;
    this.#socket = new Socket({ fd, readable: false, writable: true });
    this.#socket.on('error', () => undefined);
  }

  /** Resolves when the system has taken the text; a full disk is waited for. @throws what the system says, such as EPIPE */
  async write(text: string): Promise<void> {
    const socket = this.#socket;
    if (!socket) return await this.#toFile(Buffer.from(text));
    await new Promise<void>((resolve, reject) => {
      socket.write(text, (error) => (error ? reject(error) : resolve()));
    });
  }

  close(): void {
    this.#closing.abort();
    this.#socket?.destroy();
  }

  async #toFile(bytes: Buffer): Promise<void> {
    for (let rest = bytes; rest.length > 0; ) {
      try {
        const { bytesWritten } = await writeFile(this.#fd, rest, 0, rest.length, null);
        rest = rest.subarray(bytesWritten);
      } catch (thrown) {
        if (!DISK_IS_FULL.includes(systemCode(thrown) ?? '')) throw thrown;
        await this.#clock.sleep(FULL_INTERVAL_MS, this.#closing.signal);
      }
    }
  }
}
