/** What the inventory needs of a camera; an entry of the central configuration fits. */
export interface ListedCamera {
  readonly id: string;
  readonly name: string;
  readonly host: string;
  /** As the configuration says. */
  readonly serial?: string | undefined;
  readonly onvif?: { readonly port: number } | undefined;
  readonly rtsp?: { readonly port: number } | undefined;
}

export interface InventorySettings {
  /** The box looks by itself at the times of `schedule`. */
  readonly enabled: boolean;
  /** Cron expression of five fields. */
  readonly schedule: string;
  /** IPv4 networks; those of the own interfaces when absent. */
  readonly networks?: readonly string[] | undefined;
  readonly listenS: number;
  /** Devices that are there and are no camera of the box. */
  readonly expected: readonly { readonly address: string; readonly name: string }[];
}

/** By what the device of a camera is known again. */
export interface KnownDevice {
  /** Address at which it was seen for the first time. */
  readonly host: string;
  /** Empty where it is not known, as the next. */
  readonly endpoint: string;
  readonly mac: string;
}
