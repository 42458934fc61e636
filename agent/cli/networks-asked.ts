import { ConfigurationError } from '../base/errors.ts';
import { isNetwork } from '../base/ipv4.ts';
import { quoted } from '../base/text.ts';
import { Networks, ownAddresses } from '../camera/discovery/networks.ts';

/**
 * The networks of `--network`, those of the machine's own interfaces when there is none.
 * @throws ConfigurationError `command-line-invalid`
 */
export function networksAsked(wanted: readonly string[]): Networks {
  const wrong = wanted.find((one) => !isNetwork(one));
  if (wrong !== undefined)
    throw new ConfigurationError(
      'command-line-invalid',
      `--network: expected an IPv4 network such as 10.20.0.0/16, came ${quoted(wrong)}`,
    );
  return new Networks(wanted.length > 0 ? wanted : undefined, ownAddresses());
}

/**
 * `--seconds`, in milliseconds; undefined when it is not given.
 * @throws ConfigurationError `command-line-invalid`
 */
export function listenMsAsked(seconds: string | undefined): number | undefined {
  const asked = secondsAsked('--seconds', seconds);
  return asked === undefined ? undefined : asked * 1000;
}

/** @throws ConfigurationError `command-line-invalid` */
export function secondsAsked(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= 60) return Number(text);
  throw new ConfigurationError('command-line-invalid', `${option}: expected 1 to 60, came ${quoted(text)}`);
}
