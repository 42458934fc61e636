import type { EventHandler } from '../camera/onvif/pull-point.ts';
import type { Fields, Severity } from '../contract/messages.ts';

/** Events of one camera; the camera room's ONVIF helper fits. */
export interface CameraEvents {
  /** One run of a subscription: ends when the signal aborts, rejects at any failure. @throws BeffroiError */
  events(handler: EventHandler, signal: AbortSignal): Promise<void>;
}

interface AnyPoint {
  readonly id: string;
  readonly name: string;
  /** Absent where the source says it. */
  readonly severity?: Severity | undefined;
}

/** A point that a camera speaks for. */
export interface CameraPoint extends AnyPoint {
  readonly kind: 'digital-input' | 'tampering';
  readonly camera: string;
  /** Token of the digital input; any input when absent. */
  readonly input?: string | undefined;
  /** True where the open circuit is the alarm. */
  readonly inverted: boolean;
}

/** What alarms need to know of a point; an entry of the central configuration fits. `kind` says what it comes from. */
export type AlarmPoint = CameraPoint;

/** What alarms need to know of a camera; an entry of the central configuration fits. */
interface AlarmCamera {
  readonly id: string;
  readonly onvif?: { readonly events: boolean } | undefined;
}

/** What alarms need to know of the configuration. */
export interface AlarmConfiguration {
  readonly points: readonly AlarmPoint[];
  readonly cameras: readonly AlarmCamera[];
}

/** The fields of an alarm that not every source has; all flat. */
export type Details = Partial<Pick<Fields<'alarm'>, 'source' | 'camera'>>;
