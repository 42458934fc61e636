import { type ExecFileException, execFile } from 'node:child_process';
import type { Clock } from '../base/clock.ts';

/** `not-allowed`: the box may not send ICMP, or has no `ping`: nothing is known by it. */
export type PingAnswer = 'answers' | 'silent' | 'not-allowed';

/** Asks a host once. @returns undefined when too many are asked at the moment, or no answer was waited for in time */
export type Ping = (host: string, signal: AbortSignal) => Promise<PingAnswer | undefined>;

/** Children at the same time: 64 cameras that fall silent together are asked in turn. Source: guess. */
const MOST = 4;
/** More than the second that ping itself waits; within the 5 s of a dead stream. What still runs then has said nothing. */
const TIMEOUT_MS = 1_500;
/** What is not allowed is tried again after this. Source: guess. */
const FORBIDDEN_MS = 600_000;

const FORBIDDEN = ['ENOENT', 'EACCES', 'EPERM'];

/** ICMP echo by the `ping` of Debian: Node opens no socket for it. One child for a second at most. */
export class Pinger {
  readonly #clock: Clock;
  readonly #command: string;
  readonly #timeoutMs: number;
  #running = 0;
  #forbiddenUntilMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, command = 'ping', timeoutMs = TIMEOUT_MS) {
    this.#clock = clock;
    this.#command = command;
    this.#timeoutMs = timeoutMs;
  }

  readonly ping: Ping = async (host, signal) => {
    if (this.#clock.monotonicMs() < this.#forbiddenUntilMs) return 'not-allowed';
    if (this.#running >= MOST) return undefined;
    this.#running += 1;
    const answer = await this.#ask(host, signal).finally(() => {
      this.#running -= 1;
    });
    signal.throwIfAborted();
    if (answer === 'not-allowed') this.#forbiddenUntilMs = this.#clock.monotonicMs() + FORBIDDEN_MS;
    return answer;
  };

  #ask(host: string, signal: AbortSignal): Promise<PingAnswer | undefined> {
    const options = {
      ...{ signal, timeout: this.#timeoutMs, killSignal: 'SIGKILL' as const, maxBuffer: 16_384 },
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C' },
    };
    return new Promise((resolve) => {
      execFile(this.#command, ['-n', '-c', '1', '-w', '1', '--', host], options, (error, _out, errors) =>
        resolve(error ? answerOf(error, errors) : 'answers'),
      );
    });
  }
}

/** @see ping(8): 1 when nothing came, 2 for any other error */
function answerOf({ killed, code }: ExecFileException, errors: string): PingAnswer | undefined {
  if (killed) return undefined;
  const isForbidden = FORBIDDEN.includes(String(code)) || /not permitted|denied/i.test(errors);
  return isForbidden ? 'not-allowed' : 'silent';
}
