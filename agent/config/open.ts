import { asBeffroiError, OrderRefusedError } from '../base/errors.ts';
import type { ConfigOrder } from '../contract/orders.ts';
import type { SealKey } from '../trust/keys.ts';
import { openLogin, openPanelKey, PANEL_KEY_FORM, type PanelKey, panelKeyBytes } from '../trust/seal.ts';
import type { VerifiedOrder } from '../trust/verify.ts';
import { type CameraConfig, configurationSchema, type PanelConfig } from './configuration.ts';
import { describeIssues } from './issues.ts';
import type { OpenedCamera, OpenedConfiguration, OpenedPanel } from './opened.ts';

/** A configuration that was refused, with every error by its path. */
export class ConfigurationRefusedError extends OrderRefusedError {
  readonly errors: readonly string[];

  constructor(code: 'order-invalid' | 'secret-unopenable', errors: readonly string[]) {
    super(code, errors.join('; '));
    this.errors = errors;
  }
}

/**
 * Checks the content of a verified order against the schema and opens every login in it.
 * @throws ConfigurationRefusedError with every error: accepted whole or refused whole
 */
export async function openConfiguration(
  { claims, payloadHash }: VerifiedOrder<ConfigOrder>,
  sealKey: SealKey,
): Promise<OpenedConfiguration> {
  const parsed = configurationSchema.safeParse(claims.config);
  if (!parsed.success) throw new ConfigurationRefusedError('order-invalid', describeIssues(parsed.error));
  const { cameras, panels } = await openSecrets(parsed.data, claims.aud, sealKey);
  return { ...parsed.data, version: claims.version, hash: payloadHash, cameras, panels };
}

/** What is in force before any configuration: no camera, no panel, no point, the default settings. */
export function emptyConfiguration(): OpenedConfiguration {
  return { ...configurationSchema.parse({}), version: 0, hash: '', cameras: [], panels: [] };
}

interface Secrets {
  readonly cameras: readonly OpenedCamera[];
  readonly panels: readonly OpenedPanel[];
}

async function openSecrets(
  config: { readonly cameras: readonly CameraConfig[]; readonly panels: readonly PanelConfig[] },
  site: string,
  sealKey: SealKey,
): Promise<Secrets> {
  const errors: string[] = [];
  const refuse = (path: string) => (thrown: unknown) => {
    errors.push(`${path}: ${asBeffroiError(thrown).message}`);
    return [];
  };
  const cameras: OpenedCamera[] = [];
  for (const [index, camera] of config.cameras.entries()) {
    const opened = openCamera(camera, site, sealKey).then(
      (good) => [good],
      refuse(`cameras.${index}.credentials`),
    );
    cameras.push(...(await opened));
  }
  const panels: OpenedPanel[] = [];
  for (const [index, panel] of config.panels.entries()) {
    const opened = openPanel(panel, site, sealKey).then((good) => [good], refuse(`panels.${index}.accounts`));
    panels.push(...(await opened));
  }
  if (errors.length > 0) throw new ConfigurationRefusedError('secret-unopenable', errors);
  return { cameras, panels };
}

async function openPanel(
  { accounts, ...panel }: PanelConfig,
  site: string,
  sealKey: SealKey,
): Promise<OpenedPanel> {
  const opened = accounts.map(async ({ key, ...others }) => {
    if (!key) return others;
    const bound = { site, subject: `${panel.id}/${others.account}` };
    return { ...others, key: keyBytes(await openPanelKey(key.sealed, bound, sealKey), bound.subject) };
  });
  return { ...panel, accounts: await Promise.all(opened) };
}

function keyBytes({ key }: PanelKey, subject: string): Buffer {
  const bytes = panelKeyBytes(key);
  if (bytes) return bytes;
  throw new OrderRefusedError('secret-unopenable', `sealed credential of ${subject}: ${PANEL_KEY_FORM}`);
}

async function openCamera(
  { credentials, ...camera }: CameraConfig,
  site: string,
  sealKey: SealKey,
): Promise<OpenedCamera> {
  if (!credentials) return camera;
  const login = await openLogin(credentials.sealed, { site, subject: camera.id }, sealKey);
  return { ...camera, credentials: { version: credentials.version, ...login } };
}
