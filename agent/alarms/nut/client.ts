import type { Clock } from '../../base/clock.ts';
import { DeviceError, PeerProtocolError } from '../../base/errors.ts';
import { quoted } from '../../base/text.ts';
import { Channel, type Equipment } from '../equipment/channel.ts';
import { LineAnswer } from './lines.ts';

/** A UPS behind a NUT server. */
export interface NutUps extends Equipment {
  /** Name of the UPS at its server. */
  readonly upsName: string;
  readonly credentials?: { readonly user: string; readonly password: string } | undefined;
}

/** Variables that one UPS may have. Source: guess. */
const VARIABLES_MAX = 1_000;

/**
 * A connection to a NUT server. It never says LOGIN: a client that is logged in is one that the server waits for before
 * it cuts the power.
 * @see RFC 9271
 */
export class NutClient {
  readonly #channel: Channel;
  readonly #ups: NutUps;

  private constructor(channel: Channel, ups: NutUps) {
    this.#channel = channel;
    this.#ups = ups;
  }

  /**
   * Connects, and gives name and password where there are any.
   * @throws DeviceError `equipment-…`, `ups-…`; PeerProtocolError `equipment-protocol`
   */
  static async connect(
    ups: NutUps,
    clock: Clock,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<NutClient> {
    const client = new NutClient(await Channel.open(ups, clock, signal, timeoutMs), ups);
    try {
      await client.#present(signal);
      return client;
    } catch (thrown) {
      client.close();
      throw thrown;
    }
  }

  /**
   * All variables of the UPS.
   * @throws DeviceError `ups-data-stale`, `ups-not-found`, `equipment-login-refused` and the like: the connection stays
   *   usable after them; any other error ends it
   * @see RFC 9271 §4.2.7
   */
  async variables(signal: AbortSignal): Promise<Map<string, string>> {
    const name = this.#ups.upsName;
    const list = new VariableList(this.#ups);
    const answer = await this.#ask(`LIST VAR ${name}`, (words) => list.line(words), signal);
    if (answer instanceof UpsRefusedError) throw answer;
    return answer;
  }

  close(): void {
    this.#channel.close();
  }

  /** @see RFC 9271 §4.2.8 and §4.2.14 */
  async #present(signal: AbortSignal): Promise<void> {
    const { credentials, id } = this.#ups;
    if (!credentials) return;
    if (/[\r\n\0]/.test(credentials.user + credentials.password))
      throw new DeviceError('equipment-login-refused', `${id}: name and password must stand in one line`);
    await this.#confirmed('USERNAME', credentials.user, signal);
    await this.#confirmed('PASSWORD', credentials.password, signal);
  }

  async #confirmed(command: string, word: string, signal: AbortSignal): Promise<void> {
    const read = (words: readonly string[]) => {
      if (words[0] === 'OK') return true;
      // What the server says here could hold what it was told.
      throw words[0] === 'ERR'
        ? new DeviceError('equipment-login-refused', `${this.#ups.id}: upsd refuses ${command}`)
        : unexpected(this.#ups, `an answer to ${command}`, '');
    };
    await this.#ask(`${command} ${quoteWord(word)}`, read, signal);
  }

  #ask<T>(line: string, read: (words: readonly string[]) => T | undefined, signal: AbortSignal): Promise<T> {
    return this.#channel.ask(Buffer.from(`${line}\n`), new LineAnswer(this.#ups.id, read), signal);
  }
}

/** Reads `BEGIN LIST VAR ups`, lines of `VAR ups name "value"`, `END LIST VAR ups`. */
class VariableList {
  readonly #ups: NutUps;
  readonly #variables = new Map<string, string>();
  #begun = false;

  constructor(ups: NutUps) {
    this.#ups = ups;
  }

  /** @returns the variables, or the refusal, at the end of the answer */
  line(words: readonly string[]): Map<string, string> | UpsRefusedError | undefined {
    const { upsName } = this.#ups;
    const [first, second, third, fourth] = words;
    if (!this.#begun && first === 'ERR') return refusal(this.#ups, second ?? '');
    if (!this.#begun) this.#begun = this.#is(words, `BEGIN LIST VAR ${upsName}`);
    else if (first === 'END') return this.#is(words, `END LIST VAR ${upsName}`) ? this.#variables : undefined;
    else if (first !== 'VAR' || second !== upsName || words.length !== 4) this.#is(words, `VAR ${upsName}`);
    else this.#keep(third ?? '', fourth ?? '');
    return undefined;
  }

  #is(words: readonly string[], expected: string): true {
    if (words.join(' ') !== expected) throw unexpected(this.#ups, expected, words.join(' '));
    return true;
  }

  #keep(name: string, value: string): void {
    if (this.#variables.size >= VARIABLES_MAX)
      throw unexpected(this.#ups, `at most ${VARIABLES_MAX} variables`, 'more');
    this.#variables.set(name, value);
  }
}

/** @see RFC 9271 §4.3 */
const REFUSALS = new Map<string, 'ups-data-stale' | 'ups-not-found' | 'equipment-login-refused'>([
  ['DATA-STALE', 'ups-data-stale'],
  ['DRIVER-NOT-CONNECTED', 'ups-data-stale'],
  ['UNKNOWN-UPS', 'ups-not-found'],
  ['ACCESS-DENIED', 'equipment-login-refused'],
  ['USERNAME-REQUIRED', 'equipment-login-refused'],
  ['PASSWORD-REQUIRED', 'equipment-login-refused'],
]);

/** The server answered, and the answer is no. The connection is as good as before. */
class UpsRefusedError extends DeviceError {}

export function isRefusal(thrown: unknown): thrown is Error {
  return thrown instanceof UpsRefusedError;
}

function refusal({ id, upsName }: NutUps, word: string): UpsRefusedError {
  const code = REFUSALS.get(word) ?? 'ups-refused';
  return new UpsRefusedError(code, `${id}: upsd says of ${quoted(upsName)}: ${quoted(word)}`);
}

function unexpected({ id }: NutUps, expected: string, came: string): PeerProtocolError {
  return new PeerProtocolError(
    'equipment-protocol',
    `${id}: answer of upsd: expected ${expected}, came ${quoted(came)}`,
  );
}

/** A word as the protocol writes it when it may hold spaces. @see RFC 9271 §4.1 */
function quoteWord(word: string): string {
  return `"${word.replace(/[\\"]/g, '\\$&')}"`;
}
