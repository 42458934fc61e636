import { asBeffroiError, OrderRefusedError } from '../base/errors.ts';
import type { ConfigOrder } from '../contract/orders.ts';
import type { SealKey } from '../trust/keys.ts';
import { openLogin } from '../trust/seal.ts';
import type { VerifiedOrder } from '../trust/verify.ts';
import { type CameraConfig, type Configuration, configurationSchema } from './configuration.ts';
import { describeIssues } from './issues.ts';
import type { OpenedCamera, OpenedConfiguration } from './opened.ts';

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
  const cameras = await openCameras(parsed.data, claims.aud, sealKey);
  return { ...parsed.data, version: claims.version, hash: payloadHash, cameras };
}

/** What is in force before any configuration: no camera, no point, the default settings. */
export function emptyConfiguration(): OpenedConfiguration {
  return { ...configurationSchema.parse({}), version: 0, hash: '', cameras: [] };
}

async function openCameras(
  { cameras }: Configuration,
  site: string,
  sealKey: SealKey,
): Promise<OpenedCamera[]> {
  const opened: OpenedCamera[] = [];
  const errors: string[] = [];
  for (const [index, camera] of cameras.entries()) {
    await openCamera(camera, site, sealKey).then(
      (good) => opened.push(good),
      (thrown: unknown) => errors.push(`cameras.${index}.credentials: ${asBeffroiError(thrown).message}`),
    );
  }
  if (errors.length > 0) throw new ConfigurationRefusedError('secret-unopenable', errors);
  return opened;
}

async function openCamera(
  { credentials, ...camera }: CameraConfig,
  site: string,
  sealKey: SealKey,
): Promise<OpenedCamera> {
  if (!credentials) return camera;
  const login = await openLogin(credentials.sealed, { site, camera: camera.id }, sealKey);
  return { ...camera, credentials: { version: credentials.version, ...login } };
}
