import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

/** What the panel sends. `data` is what stands in the first bracket, account and bar included. */
export interface Call {
  readonly token: string;
  readonly account: string;
  readonly sequence?: string;
  /** The fields between the number and the account, such as `R1L2` or `L`. */
  readonly path?: string;
  readonly data?: string;
  /** Extended data, each with its letter. */
  readonly more?: readonly string[];
  /** Hexadecimal; the message is encrypted then. */
  readonly key?: string;
  /** The answer is decrypted too: one more process of openssl. */
  readonly decrypts?: boolean;
  /** Seconds that the clock of the panel is ahead. */
  readonly offset?: number;
  readonly stamp?: boolean;
  /** The time stamp itself, underscore included, in place of `offset`. */
  readonly time?: string;
  readonly udp?: boolean;
  /** Address from which it is sent, of those of the loopback. */
  readonly from?: string;
  readonly binary?: boolean;
  readonly damage?: boolean;
  /** The same bytes as often at once. */
  readonly times?: number;
  /** Seconds to wait for an answer that may not come. */
  readonly wait?: number;
}

export interface Told {
  /** From the first quote on; null when nothing came. */
  readonly answer: string | null;
  /** CRC and length are right. */
  readonly good?: boolean;
  /** What an encrypted answer holds, with its padding, where that was asked for. */
  readonly plain?: string;
}

interface Teardown {
  teardown(end: () => unknown): void;
}

/** An alarm panel that is not our code: a dialler in Python with the AES of OpenSSL. */
export class Dialler {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #address: { host: string; port: number };

  constructor(t: Teardown, port: number) {
    this.#address = { host: '127.0.0.1', port };
    this.#child = spawn('python3', [join(import.meta.dirname, 'dialler.py')]);
    this.#child.stderr.pipe(process.stderr);
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
    t.teardown(async () => {
      const ended = once(this.#child, 'exit');
      this.#child.stdin.end();
      await ended;
    });
  }

  async call(call: Call): Promise<Told> {
    this.#child.stdin.write(`${JSON.stringify({ ...this.#address, ...call })}\n`);
    const { value } = (await this.#lines.next()) as { value: string };
    return JSON.parse(value) as Told;
  }

  /** Calls until the message is acknowledged, as a panel does. */
  async deliver(call: Call): Promise<Told> {
    for (;;) {
      const told = await this.call(call);
      if (told.answer?.includes('ACK"')) return told;
      await delay(50);
    }
  }
}
