import type {
  CameraConfig,
  Configuration,
  LocalBrokerConfig,
  MediaServerConfig,
  PanelConfig,
  UpsConfig,
} from './configuration.ts';

/** Login of a device, opened. It exists in memory only. */
interface OpenedCredentials {
  readonly version: number;
  readonly user: string;
  readonly password: string;
}

/** An entry of the configuration with its login opened. */
export type Opened<T> = Omit<T, 'credentials'> & { readonly credentials?: OpenedCredentials };
export type OpenedCamera = Opened<CameraConfig>;
export type OpenedMediaServer = Opened<MediaServerConfig>;
export type OpenedUps = Opened<UpsConfig>;
export type OpenedLocalBroker = Opened<LocalBrokerConfig>;

type PanelAccount = PanelConfig['accounts'][number];

/** A panel of the configuration with the keys of its accounts opened. */
export type OpenedPanel = Omit<PanelConfig, 'accounts'> & {
  readonly accounts: readonly (Omit<PanelAccount, 'key'> & { readonly key?: Buffer })[];
};

/** A configuration that was accepted whole: what the rooms work by. Never written down, never logged. */
export type OpenedConfiguration = Omit<
  Configuration,
  'cameras' | 'mediaServers' | 'panels' | 'ups' | 'localBrokers'
> & {
  readonly version: number;
  /** SHA-256 of the signed payload, hexadecimal. */
  readonly hash: string;
  readonly cameras: readonly OpenedCamera[];
  readonly mediaServers: readonly OpenedMediaServer[];
  readonly panels: readonly OpenedPanel[];
  readonly ups: readonly OpenedUps[];
  readonly localBrokers: readonly OpenedLocalBroker[];
};
