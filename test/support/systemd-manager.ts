import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** The manager's side of sd_notify(3): a datagram socket, which Node does not have. */
const MANAGER = `
import socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1])
print('listening', flush=True)
while True: print(manager.recv(4096).decode().replace('\\n', ' '), flush=True)
`;

/** Hears what a service tells systemd. */
export class Manager {
  readonly heard: string[] = [];
  readonly #waiting = new Set<() => void>();

  static async start(t: { teardown(end: () => unknown): void }, socket: string): Promise<Manager> {
    const child = spawn('/usr/bin/python3', ['-c', MANAGER, socket], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    const manager = new Manager();
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => manager.#hear(line));
    await manager.until((heard) => heard.includes('listening'));
    return manager;
  }

  count(message: string): number {
    return this.heard.filter((line) => line.includes(message)).length;
  }

  async until(enough: (heard: readonly string[]) => boolean): Promise<void> {
    while (!enough(this.heard)) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #hear(line: string): void {
    this.heard.push(line);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
