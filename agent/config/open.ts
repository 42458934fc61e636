import { asBeffroiError, OrderRefusedError } from '../base/errors.ts';
import type { ConfigOrder } from '../contract/orders.ts';
import type { SealKey } from '../trust/keys.ts';
import { openLogin, openPanelKey, PANEL_KEY_FORM, type PanelKey, panelKeyBytes } from '../trust/seal.ts';
import type { VerifiedOrder } from '../trust/verify.ts';
import {
  type CameraConfig,
  type Configuration,
  configurationSchema,
  type LocalBrokerConfig,
  type MediaServerConfig,
  type PanelConfig,
  type UpsConfig,
} from './configuration.ts';
import { describeIssues } from './issues.ts';
import type { Opened, OpenedConfiguration, OpenedPanel } from './opened.ts';

/** A configuration that was refused, with every error by its path. */
export class ConfigurationRefusedError extends OrderRefusedError {
  readonly errors: readonly string[];

  constructor(code: 'order-invalid' | 'secret-unopenable' | 'partner-consent', errors: readonly string[]) {
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
  const secrets = await openSecrets(parsed.data, claims.aud, sealKey);
  return { ...parsed.data, version: claims.version, hash: payloadHash, ...secrets };
}

/** What is in force before any configuration: no camera, no panel, no equipment, no point, the default settings. */
export function emptyConfiguration(): OpenedConfiguration {
  const nothing = { cameras: [], mediaServers: [], panels: [], ups: [], localBrokers: [] };
  return { ...configurationSchema.parse({}), version: 0, hash: '', ...nothing };
}

type Secrets = Pick<OpenedConfiguration, 'cameras' | 'mediaServers' | 'panels' | 'ups' | 'localBrokers'>;

async function openSecrets(config: Configuration, site: string, sealKey: SealKey): Promise<Secrets> {
  const errors: string[] = [];
  const opened = async <T, O>(list: string, entries: readonly T[], open: (entry: T) => Promise<O>) => {
    const good: O[] = [];
    for (const [index, entry] of entries.entries()) {
      await open(entry).then(
        (one) => good.push(one),
        (thrown: unknown) =>
          errors.push(`${list.replace('*', `${index}`)}: ${asBeffroiError(thrown).message}`),
      );
    }
    return good;
  };
  const device = <T extends Device>(entry: T) => openDevice(entry, site, sealKey);
  const cameras = await opened('cameras.*.credentials', config.cameras, device<CameraConfig>);
  const mediaServers = await opened(
    'mediaServers.*.credentials',
    config.mediaServers,
    device<MediaServerConfig>,
  );
  const ups = await opened('ups.*.credentials', config.ups, device<UpsConfig>);
  const localBrokers = await opened(
    'localBrokers.*.credentials',
    config.localBrokers,
    device<LocalBrokerConfig>,
  );
  const panels = await opened('panels.*.accounts', config.panels, (one) => openPanel(one, site, sealKey));
  if (errors.length > 0) throw new ConfigurationRefusedError('secret-unopenable', errors);
  return { cameras, mediaServers, panels, ups, localBrokers };
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

interface Device {
  readonly id: string;
  readonly credentials?: { readonly version: number; readonly sealed: string } | undefined;
}

async function openDevice<T extends Device>(
  { credentials, ...device }: T,
  site: string,
  sealKey: SealKey,
): Promise<Opened<T>> {
  if (!credentials) return device;
  const login = await openLogin(credentials.sealed, { site, subject: device.id }, sealKey);
  return { ...device, credentials: { version: credentials.version, ...login } };
}
