import type { CameraConfig, Configuration } from './configuration.ts';

/** Login of a camera, opened. It exists in memory only. */
interface OpenedCredentials {
  readonly version: number;
  readonly user: string;
  readonly password: string;
}

/** A camera of the configuration with its login opened. */
export type OpenedCamera = Omit<CameraConfig, 'credentials'> & { readonly credentials?: OpenedCredentials };

/** A configuration that was accepted whole: what the rooms work by. Never written down, never logged. */
export type OpenedConfiguration = Omit<Configuration, 'cameras'> & {
  readonly version: number;
  /** SHA-256 of the signed payload, hexadecimal. */
  readonly hash: string;
  readonly cameras: readonly OpenedCamera[];
};
