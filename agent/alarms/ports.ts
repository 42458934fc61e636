/** A notification of a camera, its XML already read. */
export interface CameraEvent {
  /** With the prefixes that the camera chose, such as `tns1:Device/Trigger/DigitalInput`. */
  readonly topic: string;
  /** `Initialized`, `Changed` or `Deleted`; absent when it is no property. */
  readonly operation?: string | undefined;
  /** Time that the camera gave, in its own clock, Unix ms. */
  readonly utcMs?: number | undefined;
  readonly source: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<string, string>>;
}

/** Events of one camera; the camera room's ONVIF helper fits. */
export interface CameraEvents {
  /**
   * Subscribes, asks for the current state of every property, and pulls until the subscription is lost or the signal
   * aborts. @throws BeffroiError when the subscription could not be made or was lost
   */
  events(
    handlers: {
      readonly onSubscribed: () => void;
      readonly onEvent: (event: CameraEvent) => void;
    },
    signal: AbortSignal,
  ): Promise<void>;
}

/** What alarms need to know of a point; an entry of the central configuration fits. */
export interface AlarmPoint {
  readonly id: string;
  readonly name: string;
  readonly camera: string;
  readonly kind: 'digital-input' | 'tampering';
  /** Token of the digital input; any input when absent. */
  readonly input?: string | undefined;
  /** True where the open circuit is the alarm. */
  readonly inverted: boolean;
  readonly severity: 'info' | 'warning' | 'major' | 'critical';
}

/** What alarms need to know of a camera; an entry of the central configuration fits. */
export interface AlarmCamera {
  readonly id: string;
  readonly onvif?: { readonly events: boolean } | undefined;
}
