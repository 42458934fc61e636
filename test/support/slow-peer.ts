import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('slow-peer.py', import.meta.url));

/** A broker or a media server that opens as it should and then takes one byte each second, as a child process. */
export class SlowPeer {
  readonly port: number;
  /** Bytes that it has taken of each connection since that was open, by the number of the connection from 1. */
  readonly taken = new Map<number, number>();
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;

  static async start(kind: 'mqtt' | 'rtsp'): Promise<SlowPeer> {
    const child = spawn('/usr/bin/python3', [SCRIPT, kind], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: '/usr/bin:/bin', HOME: '/tmp' },
    });
    const lines = createInterface({ input: child.stdout });
    const [first] = (await once(lines, 'line')) as [string];
    const peer = new SlowPeer(child, (JSON.parse(first) as { port: number }).port);
    lines.on('line', (line) => peer.#heard(line));
    return peer;
  }

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>, port: number) {
    this.#child = child;
    this.port = port;
  }

  async stop(): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.stdin.end();
    await exit;
  }

  #heard(line: string): void {
    const { connection, taken } = JSON.parse(line) as { connection: number; taken: number };
    this.taken.set(connection, taken);
  }
}
