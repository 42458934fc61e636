import { z } from 'zod';
import { ConfigurationError } from '../agent/base/errors.ts';
import { configurationSchema } from '../agent/config/configuration.ts';
import { describeIssues } from '../agent/config/issues.ts';
import { thumbprint } from '../agent/trust/keys.ts';
import { cameraLogin, sealLogin } from '../agent/trust/seal.ts';
import type { BoxRecord } from './folder.ts';

/** A login in clear, as it stands in a technician's file at the CSU and nowhere else. */
const clearCredentials = z.strictObject({ version: z.int().min(1), ...cameraLogin.shape });

/**
 * The configuration with every login sealed to the box, checked whole.
 * @throws ConfigurationError `command-line-invalid` with every error and its path, without any value
 */
export async function sealConfiguration(plain: unknown, box: BoxRecord): Promise<Record<string, unknown>> {
  const errors: string[] = [];
  const sealed = isObject(plain) ? { ...plain } : {};
  if (!isObject(plain)) errors.push('(root): expected an object');
  if (Array.isArray(sealed.cameras)) {
    sealed.cameras = await Promise.all(
      sealed.cameras.map((camera, index) => sealCamera(camera, index, box, errors)),
    );
  }
  const parsed = configurationSchema.safeParse(sealed);
  if (!parsed.success) errors.push(...describeIssues(parsed.error));
  if (errors.length === 0) return sealed;
  throw new ConfigurationError('command-line-invalid', `configuration: ${errors.join('; ')}`);
}

async function sealCamera(
  camera: unknown,
  index: number,
  box: BoxRecord,
  errors: string[],
): Promise<unknown> {
  if (!isObject(camera) || !isObject(camera.credentials) || 'sealed' in camera.credentials) return camera;
  const { credentials, ...others } = camera;
  const clear = clearCredentials.safeParse(credentials);
  if (!clear.success) {
    errors.push(...describeIssues(clear.error).map((issue) => `cameras.${index}.credentials.${issue}`));
    return others;
  }
  const { version, ...login } = clear.data;
  const bound = { site: box.site, camera: String(camera.id) };
  return {
    ...camera,
    credentials: { version, sealed: await sealLogin(login, bound, box.seal, thumbprint(box.seal)) },
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
