import type { EventHandler } from '../camera/onvif/pull-point.ts';

/** Events of one camera; the camera room's ONVIF helper fits. */
export interface CameraEvents {
  /** One run of a subscription: ends when the signal aborts, rejects at any failure. @throws BeffroiError */
  events(handler: EventHandler, signal: AbortSignal): Promise<void>;
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
