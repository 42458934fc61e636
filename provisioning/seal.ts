import { z } from 'zod';
import { ConfigurationError } from '../agent/base/errors.ts';
import { configurationSchema } from '../agent/config/configuration.ts';
import { describeIssues } from '../agent/config/issues.ts';
import { thumbprint } from '../agent/trust/keys.ts';
import { cameraLogin, PANEL_KEY_FORM, panelKeyBytes, sealLogin, sealPanelKey } from '../agent/trust/seal.ts';
import type { BoxRecord } from './folder.ts';

/** A login in clear, as it stands in a technician's file at the CSU and nowhere else. */
const clearCredentials = z.strictObject({ version: z.int().min(1), ...cameraLogin.shape });

/** `form` says what 32 digits are that could be either: 16 bytes written in hexadecimal, or 32 characters. */
const clearKey = z
  .strictObject({ text: z.string(), form: z.enum(['hexadecimal', 'characters']).optional() })
  .transform(({ text, form }) => panelKeyBytes(text, form)?.toString('hex') ?? '')
  .refine((key) => key !== '', { message: PANEL_KEY_FORM, path: ['text'] });

/**
 * The configuration with every login and every key of a panel sealed to the box, checked whole.
 * @throws ConfigurationError `command-line-invalid` with every error and its path, without any value
 */
export async function sealConfiguration(plain: unknown, box: BoxRecord): Promise<Record<string, unknown>> {
  const errors: string[] = [];
  const sealed = isObject(plain) ? { ...plain } : {};
  if (!isObject(plain)) errors.push('(root): expected an object');
  for (const list of ['cameras', 'mediaServers', 'ups', 'localBrokers']) {
    const entries = sealed[list];
    if (!Array.isArray(entries)) continue;
    const refuse = (index: number) => (issue: string) => errors.push(`${list}.${index}.credentials.${issue}`);
    sealed[list] = await Promise.all(entries.map((entry, index) => sealEntry(entry, box, refuse(index))));
  }
  if (Array.isArray(sealed.panels)) {
    sealed.panels = await Promise.all(
      sealed.panels.map((panel, index) => sealPanel(panel, `panels.${index}`, box, errors)),
    );
  }
  const parsed = configurationSchema.safeParse(sealed);
  if (!parsed.success) errors.push(...describeIssues(parsed.error));
  if (errors.length === 0) return sealed;
  throw new ConfigurationError('command-line-invalid', `configuration: ${errors.join('; ')}`);
}

async function sealEntry(entry: unknown, box: BoxRecord, refuse: (issue: string) => void): Promise<unknown> {
  if (!isObject(entry) || !isObject(entry.credentials) || 'sealed' in entry.credentials) return entry;
  const { credentials, ...others } = entry;
  const clear = clearCredentials.safeParse(credentials);
  if (!clear.success) {
    describeIssues(clear.error).forEach(refuse);
    return others;
  }
  const { version, ...login } = clear.data;
  const bound = { site: box.site, subject: String(entry.id) };
  return {
    ...entry,
    credentials: { version, sealed: await sealLogin(login, bound, box.seal, thumbprint(box.seal)) },
  };
}

async function sealPanel(panel: unknown, path: string, box: BoxRecord, errors: string[]): Promise<unknown> {
  if (!isObject(panel) || !Array.isArray(panel.accounts)) return panel;
  const accounts = panel.accounts.map((account, index) =>
    sealAccount(account, String(panel.id), `${path}.accounts.${index}.key`, box, errors),
  );
  return { ...panel, accounts: await Promise.all(accounts) };
}

async function sealAccount(
  account: unknown,
  panel: string,
  path: string,
  box: BoxRecord,
  errors: string[],
): Promise<unknown> {
  if (!isObject(account) || !isObject(account.key) || 'sealed' in account.key) return account;
  const { key, ...others } = account;
  const clear = clearKey.safeParse(key);
  if (!clear.success) {
    errors.push(...describeIssues(clear.error).map((issue) => `${path}.${issue}`));
    return others;
  }
  const bound = { site: box.site, subject: `${panel}/${String(account.account)}` };
  const sealed = await sealPanelKey({ key: clear.data }, bound, box.seal, thumbprint(box.seal));
  return { ...others, key: { sealed } };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
