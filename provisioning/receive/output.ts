import { fstatSync, write } from 'node:fs';
import { Socket } from 'node:net';
import { promisify } from 'node:util';

const writeFile = promisify(write);

/** Standard output that never stops the process: neither while its reader stands still nor when it has gone. */
export class LineOutput {
  readonly #fd: number;
  readonly #socket: Socket | undefined;

  constructor(fd = 1) {
    this.#fd = fd;
    const kind = fstatSync(fd);
    if (!kind.isFIFO() && !kind.isSocket()) return;
    this.#socket = new Socket({ fd, readable: false, writable: true });
    this.#socket.on('error', () => undefined);
  }

  /** Resolves when the system has taken the text. @throws what the system says, such as EPIPE */
  async write(text: string): Promise<void> {
    const socket = this.#socket;
    if (!socket) return await this.#toFile(Buffer.from(text));
    await new Promise<void>((resolve, reject) => {
      socket.write(text, (error) => (error ? reject(error) : resolve()));
    });
  }

  close(): void {
    this.#socket?.destroy();
  }

  async #toFile(bytes: Buffer): Promise<void> {
    for (let rest = bytes; rest.length > 0; ) {
      const { bytesWritten } = await writeFile(this.#fd, rest, 0, rest.length, null);
      rest = rest.subarray(bytesWritten);
    }
  }
}
