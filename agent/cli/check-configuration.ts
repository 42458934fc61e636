import type { BoxFile } from '../config/box-file.ts';
import type { BoxKeys } from '../config/box-keys.ts';
import { openConfiguration } from '../config/open.ts';
import type { OpenedConfiguration } from '../config/opened.ts';
import { configOrder } from '../contract/orders.ts';
import { readLastGood } from '../store/read-last-good.ts';
import { CONFIGURATION_MAX_LIFETIME_S, verifyOrder } from '../trust/verify.ts';

/**
 * The configuration that the agent will begin with: the last good one, verified and opened anew.
 * @returns undefined when there is none yet
 * @throws BeffroiError when the database is damaged, the order does not hold, or a secret is not for this box
 */
export async function storedConfiguration(
  box: BoxFile,
  keys: BoxKeys,
): Promise<OpenedConfiguration | undefined> {
  const slot = readLastGood(box.stateFolder);
  if (!slot) return undefined;
  const order = verifyOrder(slot.jws, keys.keyring, {
    schema: configOrder,
    audience: box.site,
    roles: ['config'],
    clockPolicy: 'stored',
    clockTrust: 'untrusted',
    nowMs: 0,
    maxLifetimeS: CONFIGURATION_MAX_LIFETIME_S,
  });
  return await openConfiguration(order, keys.sealKey);
}
