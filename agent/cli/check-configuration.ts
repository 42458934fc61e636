import type { BoxFile } from '../config/box-file.ts';
import type { BoxKeys } from '../config/box-keys.ts';
import { type Configuration, configurationSchema } from '../config/configuration.ts';
import { configOrder } from '../contract/orders.ts';
import { readLastGood } from '../store/read-last-good.ts';
import { CONFIGURATION_MAX_LIFETIME_S, verifyOrder } from '../trust/verify.ts';

/**
 * The configuration that the agent will begin with: the last good one, verified anew.
 * @returns undefined when there is none yet
 * @throws BeffroiError when the database is damaged or the order does not hold
 */
export function storedConfiguration(
  box: BoxFile,
  keys: BoxKeys,
): { version: number; configuration: Configuration } | undefined {
  const slot = readLastGood(box.stateFolder);
  if (!slot) return undefined;
  const { claims } = verifyOrder(slot.jws, keys.keyring, {
    schema: configOrder,
    audience: box.site,
    roles: ['config'],
    clockPolicy: 'stored',
    clockTrust: 'untrusted',
    nowMs: 0,
    maxLifetimeS: CONFIGURATION_MAX_LIFETIME_S,
  });
  return { version: claims.version, configuration: configurationSchema.parse(claims.config) };
}
