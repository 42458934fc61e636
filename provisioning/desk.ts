import { readFile } from 'node:fs/promises';
import { asBeffroiError, systemCode } from '../agent/base/errors.ts';
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

export async function readInputFile(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((thrown: unknown) => {
    throw wrong(`--in ${file}: ${systemCode(thrown) ?? 'unreadable'}`);
  });
}
