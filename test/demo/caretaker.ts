import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Reads which agent runs now (0 for none) until the pipe closes; then ends that agent and removes the folder. */
const SCRIPT = `
agent=0
while read -r pid; do agent=$pid; done
if [ "$agent" -ne 0 ] && kill "$agent"; then
  for _ in $(seq 50); do
    kill -0 "$agent" || break
    sleep 0.1
  done
  kill -9 "$agent"
fi
rm -rf -- "$1"
`;

/**
 * Cleans up behind the demo however that ends, also by SIGKILL: a process in a session of its own that waits for the end
 * of its standard input.
 */
export class Caretaker {
  readonly #process: ChildProcess;
  readonly #input: Writable;

  /** @param folder what is removed at the end */
  constructor(folder: string) {
    const child = spawn('sh', ['-c', SCRIPT, 'beffroi-demo-caretaker', folder], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    child.stdin.on('error', () => undefined);
    this.#process = child;
    this.#input = child.stdin;
  }

  /** @param pid the agent that must not outlive the demo */
  watch(pid: number | undefined): void {
    this.#input.write(`${pid ?? 0}\n`);
  }

  async end(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#input.end();
    await ended;
  }
}
