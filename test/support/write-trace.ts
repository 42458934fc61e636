import { readFile } from 'node:fs/promises';

/** Every way by which bytes reach a file, and by which a file is opened for that. */
const CALLS = [
  ...['open', 'openat', 'openat2', 'creat', 'memfd_create', 'write', 'pwrite64', 'writev', 'pwritev'],
  ...['pwritev2', 'copy_file_range', 'sendfile', 'io_uring_setup'],
];
/** Longer than any write of the agent to a file. */
const MOST_BYTES = 256 * 1024;

/** A file that a traced process opened to write, or wrote to; also one that is gone. */
interface Written {
  readonly path: string;
  /** The line of the trace, with the bytes as Latin-1 text. */
  readonly line: string;
}

/**
 * The writes of a process and of all its children, seen from outside by strace; also those to files that were deleted.
 * Needs the Debian package strace.
 */
export class WriteTrace {
  readonly #file: string;

  /** @param file where strace writes; outside of what is searched */
  constructor(file: string) {
    this.#file = file;
  }

  /** The command to be traced goes behind this; the process keeps its place below its parent. */
  get command(): readonly string[] {
    const output = ['-A', '-o', this.#file, '-s', String(MOST_BYTES), '-xx'];
    return ['strace', '-D', '-f', '-y', '-qq', '--seccomp-bpf', ...output, '-e', `trace=${CALLS.join()}`];
  }

  /** Writes to files, in order; sockets, pipes and terminals are none. */
  async written(): Promise<Written[]> {
    const text = await readFile(this.#file, 'latin1');
    return text.split('\n').flatMap((raw) => {
      const line = raw.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      );
      const path = writtenTo(line) ?? openedForWriting(line);
      return path?.startsWith('/') ? [{ path, line }] : [];
    });
  }

  /**
   * Whether the kernel was asked for a ring by which files are written past strace. libuv also makes rings for epoll
   * alone; those for files have a thread that polls.
   * @see libuv src/unix/linux.c, uv__use_io_uring
   */
  async isBypassed(): Promise<boolean> {
    return /io_uring_setup\(.*IORING_SETUP_SQPOLL.*\) = \d/.test(await readFile(this.#file, 'latin1'));
  }
}

function writtenTo(line: string): string | undefined {
  return /^\d+ +(?:p?writev?2?|pwrite64|sendfile|copy_file_range)\(\d+<([^>]*)>/.exec(line)?.[1];
}

function openedForWriting(line: string): string | undefined {
  const opened = /^\d+ +(?:openat2?|open|creat)\(.*?"([^"]*)", (.*?)(?: = \d+<([^>]*)>)?$/s.exec(line);
  const isWriting = /O_WRONLY|O_RDWR|O_CREAT/.test(opened?.[2] ?? '') || /^\d+ +creat/.test(line);
  return isWriting ? opened?.[3] : undefined;
}
