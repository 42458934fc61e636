import { asBeffroiError, systemCode } from '../agent/base/errors.ts';
import { gather, readAtMost } from '../agent/base/files.ts';
import { parseBroker } from '../agent/uplink/address.ts';
import { type OptionKinds, type Options, wrong } from './arguments.ts';
import type { ExchangeOptions } from './exchange.ts';
import { CsuFolder, checkSite } from './folder.ts';
import type { Texts } from './texts.ts';

/** What a command works with. */
export interface Desk {
  readonly options: Options;
  readonly texts: Texts;
  readonly signal: AbortSignal;
  readonly print: (line: string) => void;
  readonly readInput: () => Promise<string>;
}

export interface Command {
  readonly options: OptionKinds;
  /** @returns whether it went well */
  readonly run: (desk: Desk) => Promise<boolean>;
}

const MAX_WAIT_S = 24 * 3600;

export function csuOf(options: Options): CsuFolder {
  return new CsuFolder(options.required('folder'));
}

export function exchangeOf(options: Options, waitS: number): ExchangeOptions {
  const site = options.required('site');
  checkSite(site);
  return {
    site,
    broker: brokerOf(options),
    waitMs: (options.number('wait-s', 1, MAX_WAIT_S) ?? waitS) * 1000,
  };
}

/** @throws ConfigurationError `command-line-invalid` for what is no address of a broker */
export function brokerOf(options: Options): string {
  return checkedBroker('broker', options.required('broker'));
}

/** @throws ConfigurationError `command-line-invalid` */
export function brokersOf(options: Options, name: 'broker' | 'backup-broker'): string[] {
  return options.list(name).map((url) => checkedBroker(name, url));
}

function checkedBroker(name: string, url: string): string {
  try {
    parseBroker(url, true);
    return url;
  } catch (thrown) {
    throw wrong(`--${name}: ${asBeffroiError(thrown).message}`);
  }
}

/** What a command takes in; a configuration of 64 cameras has some 100 kB. Source: guess. */
const MAX_INPUT_BYTES = 16 * 1024 * 1024;

/** @throws ConfigurationError `command-line-invalid` */
export async function readInputFile(file: string): Promise<string> {
  const bytes = await readAtMost(file, MAX_INPUT_BYTES).catch((thrown: unknown) => {
    throw wrong(`--in ${file}: ${systemCode(thrown) ?? 'unreadable'}`);
  });
  return textOf(bytes, `--in ${file}`);
}

/** @throws ConfigurationError `command-line-invalid` */
export async function readInputStream(stream: AsyncIterable<Buffer | string>): Promise<string> {
  return textOf(await gather(stream, MAX_INPUT_BYTES), 'standard input');
}

function textOf(bytes: Buffer | undefined, where: string): string {
  if (!bytes) throw wrong(`${where}: expected at most ${MAX_INPUT_BYTES} bytes`);
  return bytes.toString('utf8');
}
