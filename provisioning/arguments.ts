import { parseArgs } from 'node:util';
import { ConfigurationError } from '../agent/base/errors.ts';
import { quoted } from '../agent/base/text.ts';

/** The options of one command: `many` may stand several times, `flag` takes no value. */
export type OptionKinds = Readonly<Record<string, 'one' | 'many' | 'flag'>>;

type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/** Options of the command line, checked as they are asked for. */
export class Options {
  readonly #values: Values;

  private constructor(values: Values) {
    this.#values = values;
  }

  /** @throws ConfigurationError `command-line-invalid` */
  static parse(args: readonly string[], kinds: OptionKinds): Options {
    const options = Object.fromEntries(
      Object.entries(kinds).map(([name, kind]) => [
        name,
        { type: kind === 'flag' ? ('boolean' as const) : ('string' as const), multiple: kind === 'many' },
      ]),
    );
    try {
      return new Options(parseArgs({ args: [...args], options, strict: true }).values);
    } catch (cause) {
      throw wrong(cause instanceof Error ? quoted(cause.message, 200).slice(1, -1) : 'not readable');
    }
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }

  optional(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === 'string' ? value : undefined;
  }

  /** @throws ConfigurationError `command-line-invalid` */
  required(name: string): string {
    return this.optional(name) ?? missing(name);
  }

  /** @throws ConfigurationError `command-line-invalid` when there is none */
  list(name: string): string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.map(String) : missing(name);
  }

  /** A whole number within bounds. @throws ConfigurationError `command-line-invalid` */
  number(name: string, min: number, max: number): number | undefined {
    const text = this.optional(name);
    if (text === undefined) return undefined;
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw wrong(`--${name}: expected a whole number from ${min} to ${max}, came ${quoted(text)}`);
  }

  /** One of a closed list. @throws ConfigurationError `command-line-invalid` */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.optional(name);
    if (text === undefined) return undefined;
    const chosen = choices.find((choice) => choice === text);
    if (chosen !== undefined) return chosen;
    throw wrong(`--${name}: expected ${choices.join(' or ')}, came ${quoted(text)}`);
  }
}

function missing(name: string): never {
  throw wrong(`--${name} is missing`);
}

/** The command line is wrong. */
export function wrong(message: string): ConfigurationError {
  return new ConfigurationError('command-line-invalid', message);
}
