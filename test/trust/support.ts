import {
  type CommandOrder,
  type ConfigOrder,
  commandOrder,
  configOrder,
  type Role,
} from '../../agent/contract/orders.ts';
import { type Keyring, readKeyring } from '../../agent/trust/keyring.ts';
import { parseSigningKey, type SigningKey } from '../../agent/trust/keys.ts';
import { generateSigningKey, signOrder } from '../../agent/trust/sign.ts';
import {
  COMMAND_MAX_LIFETIME_S,
  CONFIGURATION_MAX_LIFETIME_S,
  type OrderExpectation,
} from '../../agent/trust/verify.ts';

export const SITE = '57463-mairie';
/** When it is, in these tests: Unix seconds. */
export const NOW_S = Date.UTC(2026, 5, 1) / 1000;

/** A new signing key, read from its file as the CSU reads it. */
export function newKey(): SigningKey {
  return parseSigningKey(JSON.stringify(generateSigningKey().privateJwk));
}

export const AUTHORITY = newKey();
export const OPERATOR = newKey();
export const CONFIGURER = newKey();

export interface RingEntry {
  readonly key: SigningKey;
  readonly role: Role;
  readonly notBefore?: number;
  readonly notAfter?: number;
}

export function keyringText(entries: readonly RingEntry[], version = 3, signer = AUTHORITY): string {
  const keys = entries.map(({ key, role, ...validity }) => {
    return { kid: key.kid, role, label: `${role} key`, key: key.publicJwk, ...validity };
  });
  return signOrder({ typ: 'keyring', version, iat: NOW_S, keys }, [signer]);
}

export function keyringOf(...entries: RingEntry[]): Keyring {
  return readKeyring(keyringText(entries), AUTHORITY.publicJwk);
}

export const KEYRING = keyringOf({ key: OPERATOR, role: 'operate' }, { key: CONFIGURER, role: 'config' });

export const PING: CommandOrder = {
  typ: 'command',
  aud: SITE,
  jti: 'order-0001',
  iat: NOW_S - 10,
  exp: NOW_S + 60,
  command: 'agent.ping',
};

export const CONFIG: ConfigOrder = {
  typ: 'configuration',
  aud: SITE,
  jti: 'config-0001',
  iat: NOW_S - 10,
  exp: NOW_S + 30 * 24 * 3600,
  version: 5,
  config: { cameras: [] },
};

export const COMMAND_EXPECTED: OrderExpectation<CommandOrder> = {
  schema: commandOrder,
  audience: SITE,
  roles: ['operate', 'maintain'],
  clockPolicy: 'strict',
  nowMs: NOW_S * 1000,
  clockTrust: 'synced',
  maxLifetimeS: COMMAND_MAX_LIFETIME_S,
};

export const CONFIG_EXPECTED: OrderExpectation<ConfigOrder> = {
  schema: configOrder,
  audience: SITE,
  roles: ['config'],
  clockPolicy: 'floor',
  nowMs: NOW_S * 1000,
  clockTrust: 'synced',
  maxLifetimeS: CONFIGURATION_MAX_LIFETIME_S,
};

export function encoded(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return Buffer.from(text, 'utf8').toString('base64url');
}

export function decoded(text: string): string {
  return Buffer.from(text, 'base64url').toString('utf8');
}
