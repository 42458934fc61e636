import type { ClockTrust } from '../base/clock.ts';
import type { Code } from '../base/codes.ts';
import type { OnvifEvent } from '../camera/onvif/notification.ts';
import type { EventHandler } from '../camera/onvif/pull-point.ts';
import type { CameraState, Fields, Severity } from '../contract/messages.ts';
import type { ArmingSchedule } from './arming/schedules.ts';
import type { Window } from './arming/window-record.ts';

/** Events of one camera; the camera room's ONVIF helper fits. */
export interface CameraEvents {
  /** One run of a subscription: ends when the signal aborts, rejects at any failure. @throws BeffroiError */
  events(handler: EventHandler, signal: AbortSignal): Promise<void>;
  /** Whether a subscription of before may still stand, and hold what has happened since. */
  readonly resumes: boolean;
  /** The subscription of before is not gone on with: it ends by itself. */
  forgetSubscription(): void;
  /** Whether `false` is the alarm, by token of the digital input, as far as the camera says it. @throws BeffroiError */
  inputPolarities(signal: AbortSignal): Promise<ReadonlyMap<string, boolean>>;
  /** The topics that the camera declares, without prefixes; undefined where it does not say. @throws BeffroiError */
  eventTopics(signal: AbortSignal): Promise<readonly string[] | undefined>;
  /** Asks for all states on the metadata track of the stream. @throws BeffroiError */
  synchronizeStream(signal: AbortSignal): Promise<void>;
}

/**
 * `awaited`: the stream is to be pulled, and nothing is known of it yet; `read`: it plays, and its track is read;
 * `absent`: there is no track that can be read; `lost`: no stream, or what came may not be all.
 */
export type TrackState = 'awaited' | 'read' | 'absent' | 'lost';

export interface TrackListener {
  /** It has begun, or is no more. */
  changed(): void;
  heard(event: OnvifEvent): void;
}

/** The metadata track of the stream of one camera. */
export interface CameraTrack {
  readonly state: TrackState;
  /** @returns what ends it */
  listen(listener: TrackListener): () => void;
}

/** Where a point is, and whose it is. */
export type PlaceOfPoint = Pick<Fields<'alarm'>, 'owner' | 'building' | 'place'>;

interface AnyPoint {
  readonly id: string;
  readonly name: string;
  /** The commune when absent. */
  readonly owner?: PlaceOfPoint['owner'] | undefined;
  readonly building?: string | undefined;
  readonly place?: string | undefined;
  /** Absent where the source says it. */
  readonly severity?: Severity | undefined;
  /** Id of the schedule by which it is armed; always when absent. */
  readonly schedule?: string | undefined;
  /** Whether a maintenance window silences it also where lives depend on it; not when absent. */
  readonly maintenanceSilences?: boolean | undefined;
  /** A condition that holds for less raises nothing, seconds; 0 when absent. */
  readonly minDurationS?: number | undefined;
  /** A change counts when it has held for so long; at once when absent. */
  readonly debounceMs?: number | undefined;
  /** Age of the last word from which the state is unknown; ten seconds after the loss when absent. */
  readonly maxAgeMs?: number | undefined;
}

/** A point that a camera speaks for. */
export interface CameraPoint extends AnyPoint {
  readonly kind:
    | 'digital-input'
    | 'tampering'
    | 'signal-loss'
    | 'hardware-failure'
    | 'login-failure'
    | 'configuration-changed';
  readonly camera: string;
  /** Topics of the maker that mean the same as those of the kind. */
  readonly topics?: readonly string[] | undefined;
  /** Token of the digital input; any input when absent. */
  readonly input?: string | undefined;
  /** Of a digital input: true where `false` is the alarm; as the camera says when absent. */
  readonly inverted?: boolean | undefined;
  /** A point that never clears by itself is cleared after this, seconds. */
  readonly clearsAfterS?: number | undefined;
  /** SIA code that raises it, where its kind does not say it. */
  readonly code?: string | undefined;
}

/** What an alarm panel says of one zone, one area, one kind of alarm, or everything. */
export interface PanelZonePoint extends AnyPoint {
  readonly kind: 'panel-zone';
  readonly panel: string;
  readonly account: string;
  /** Any when absent, as with `zone`. */
  readonly area?: string | undefined;
  readonly zone?: string | undefined;
  /** SIA or Contact ID codes; any of the table when absent. */
  readonly codes?: readonly string[] | undefined;
  /** A point that never clears by itself is cleared after this, seconds. */
  readonly clearsAfterS?: number | undefined;
}

/** Nothing comes from an account. */
export interface PanelSilencePoint extends AnyPoint {
  readonly kind: 'panel-silence';
  readonly panel: string;
  readonly account: string;
}

export type PanelPoint = PanelZonePoint | PanelSilencePoint;

/** What alarms need to know of the receiver of a panel; an opened entry of the central configuration fits. */
export interface OpenedPanel {
  readonly id: string;
  readonly listen: {
    readonly host: string;
    readonly port: number;
    readonly tcp: boolean;
    readonly udp: boolean;
  };
  readonly timeWindow: { readonly pastS: number; readonly futureS: number };
  readonly accounts: readonly {
    readonly account: string;
    /** Silence for longer is an alarm, seconds. */
    readonly supervisionS: number;
    /** Absent where the panel does not encrypt. */
    readonly key?: Buffer;
  }[];
}
/** A discrete input of an input module. */
export interface ModulePoint extends AnyPoint {
  readonly kind: 'module-input';
  readonly module: string;
  /** Zero-based. */
  readonly address: number;
  readonly inverted: boolean;
  readonly debounceMs: number;
  readonly maxAgeMs: number;
  /** SIA code that raises it. */
  readonly code?: string | undefined;
}

/** Something that a UPS says of itself, or that it is not heard. */
export interface UpsPoint extends AnyPoint {
  readonly kind: 'ups-mains' | 'ups-battery' | 'ups-battery-replace' | 'ups-communication';
  readonly ups: string;
}

interface AnyObjectPoint extends AnyPoint {
  readonly object: string;
  readonly category:
    | 'technical'
    | 'water'
    | 'temperature'
    | 'gas'
    | 'fire'
    | 'intrusion'
    | 'tamper'
    | 'power'
    | 'battery';
}

/** The value of a connected object breaks a rule. */
export type ObjectValuePoint =
  | (AnyObjectPoint & {
      readonly kind: 'object-above' | 'object-below';
      readonly limit: number;
      readonly hysteresis: number;
    })
  | (AnyObjectPoint & { readonly kind: 'object-equal'; readonly equals: number | boolean | string });

/** No value comes from a connected object. */
export interface ObjectSilencePoint extends AnyPoint {
  readonly kind: 'object-silence';
  readonly object: string;
}

export type ObjectPoint = ObjectValuePoint | ObjectSilencePoint;

/** A camera does not do its job. */
export interface CameraHealthPoint extends AnyPoint {
  readonly kind: 'camera-health';
  /** Any camera when absent. */
  readonly camera?: string | undefined;
  /** From which state on. */
  readonly from: 'degraded' | 'down';
}

/** What the last inventory says. */
type InventoryKind = 'box-unknown-device' | 'camera-moved';

/** Something is wrong with the box itself, or with the network of its cameras. */
export type BoxPoint =
  | (AnyPoint & { readonly kind: 'camera-network'; readonly segment?: string | undefined })
  | (AnyPoint & {
      readonly kind: 'box-clock' | 'box-store' | 'box-video' | 'box-backbone' | InventoryKind;
    })
  | (AnyPoint & { readonly kind: 'box-disk'; readonly belowMb: number })
  | (AnyPoint & { readonly kind: 'box-disk-wear'; readonly abovePercent: number })
  | (AnyPoint & { readonly kind: 'box-temperature'; readonly aboveC: number })
  | (AnyPoint & { readonly kind: 'box-certificate'; readonly days: number })
  | (AnyPoint & { readonly kind: 'box-outbox'; readonly abovePercent: number })
  | (AnyPoint & { readonly kind: 'box-link'; readonly afterS: number });

/** A source that does not do its work; made by the box itself. */
export interface SourceFailurePoint extends AnyPoint {
  readonly kind: 'source-failure';
  readonly source: string;
}

/** What alarms need to know of a point; an entry of the central configuration fits. `kind` says what it comes from. */
export type AlarmPoint =
  | CameraPoint
  | PanelPoint
  | ModulePoint
  | UpsPoint
  | ObjectPoint
  | CameraHealthPoint
  | BoxPoint
  | SourceFailurePoint;

/** What alarms need to know of a camera; an entry of the central configuration fits. */
interface AlarmCamera {
  readonly id: string;
  readonly onvif?: { readonly events: boolean } | undefined;
}

/** What alarms need to know of an input module; an entry of the central configuration fits. */
export interface AlarmModule {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly unit: number;
  readonly pollMs: number;
  readonly timeoutMs: number;
}

/** What alarms need to know of a UPS; an opened entry of the central configuration fits. */
export interface AlarmUps {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly upsName: string;
  readonly credentials?: { readonly user: string; readonly password: string } | undefined;
  readonly pollMs: number;
  readonly timeoutMs: number;
  readonly lostAfterMs: number;
}

/** How a camera is, as the health of the box says. */
export interface BoxCamera {
  readonly camera: string;
  readonly state: CameraState;
  readonly cause: Code | 'none';
}

/** A part of the local network that cameras share; `seg-all` is all of them. */
export interface BoxSegment {
  readonly id: string;
  /** Ids of its cameras. */
  readonly cameras: readonly string[];
  /** Those that do not answer, or answer and have lost their pictures. */
  readonly lost: readonly string[];
  readonly unknown: boolean;
  /** Its cameras fell silent, or lost their pictures, together. */
  readonly down: boolean;
}

/** What the box knows of itself. The rooms that know it fit. What is not known is undefined. */
export interface BoxView {
  cameras(): readonly BoxCamera[];
  segments(): readonly BoxSegment[];
  clockTrust(): ClockTrust;
  linkIsUp(): boolean;
  videoRuns(): boolean;
  storeIsDurable(): boolean;
  /** The fullest of its bounds. */
  outboxPercent(): number;
  /** Names of damaged databases that still lie in the state folder. @throws BeffroiError, as the others do */
  setAside(): Promise<readonly string[]>;
  diskFreeMb(): Promise<number | undefined>;
  temperatureC(): Promise<number | undefined>;
  /** Of its life; undefined where the disk does not say it. */
  diskWearPercent(): Promise<number | undefined>;
  /** What stands confirmed of the paths to the broker; undefined while nothing was measured. */
  backbone(): { readonly cause: Code | 'none'; readonly detail: string } | undefined;
  /** Unix ms. */
  certificateEndsMs(): Promise<number | undefined>;
  /** What the last inventory found, one line each; undefined before the first. */
  inventory(): { readonly unknown: readonly string[]; readonly moved: readonly string[] } | undefined;
}

/** Settings of all alarms; the section of the central configuration fits. */
export interface AlarmSettings {
  readonly chatter: { readonly raises: number; readonly withinS: number; readonly quietS: number };
  /** From how many events within how long on there is a summary; 0: never. */
  readonly flood: { readonly events: number; readonly withinS: number };
  /** An order may shelve a point for so long at most, hours. */
  readonly shelveMaxH: number;
  readonly schedules: readonly ArmingSchedule[];
  /** Dates in Europe/Paris. */
  readonly holidays: readonly string[];
  readonly windows: readonly {
    readonly id: string;
    readonly effect: Window['effect'];
    readonly points: readonly string[];
    readonly cameras?: readonly string[] | undefined;
    readonly box?: boolean | undefined;
    /** ISO 8601 with an offset. */
    readonly start: string;
    readonly end: string;
    readonly by: string;
    readonly why: string;
    readonly severity?: Severity | undefined;
  }[];
}

/** What alarms need to know of a broker of the building; an opened entry of the central configuration fits. */
export interface ObjectBroker {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly tls?: { readonly authorities: string; readonly serverName?: string | undefined } | undefined;
  readonly credentials?: { readonly user: string; readonly password: string } | undefined;
  readonly maxPayloadBytes: number;
}

/** What alarms need to know of a connected object; an entry of the central configuration fits. */
export interface ConnectedObject {
  readonly id: string;
  readonly name: string;
  readonly broker: string;
  readonly topic: string;
  /** JSON pointer; absent where the message is the value. */
  readonly pointer?: string | undefined;
  readonly unit?: string | undefined;
  readonly silentAfterS: number;
  readonly maxPerS: number;
  readonly measureEveryS: number;
}

export interface ObjectHandler {
  /**
   * Every topic that is not refused is heard from now on.
   * @param leave unsubscribes from one of them; resolves when nothing of it comes any more
   */
  readonly subscribed: (refused: readonly string[], leave: (topic: string) => Promise<void>) => void;
  /** @param retained whether the broker kept it: nobody knows how old it is */
  readonly message: (topic: string, payload: Buffer, retained: boolean) => boolean;
  readonly tooLarge: (topic: string, bytes: number) => void;
}

/** Brokers of the building; the uplink's client fits. */
export interface ObjectBrokers {
  /**
   * One connection, which hears these topics: ends when the signal aborts, rejects at any failure.
   * @param heard `own`: one that a topic has for itself, beside the common one
   * @throws BeffroiError
   */
  listen(
    broker: ObjectBroker,
    heard: { readonly topics: readonly string[]; readonly own: boolean },
    handler: ObjectHandler,
    signal: AbortSignal,
  ): Promise<void>;
}

/** What alarms need to know of the configuration. */
export interface AlarmConfiguration {
  readonly alarms?: AlarmSettings;
  readonly points: readonly AlarmPoint[];
  readonly cameras: readonly AlarmCamera[];
  readonly panels?: readonly OpenedPanel[];
  readonly modules?: readonly AlarmModule[];
  readonly ups?: readonly AlarmUps[];
  readonly localBrokers?: readonly ObjectBroker[];
  readonly objects?: readonly ConnectedObject[];
}

/** The fields of an alarm that not every source has; all flat. */
export type Details = Partial<
  Pick<
    Fields<'alarm'>,
    | 'source'
    | 'camera'
    | 'account'
    | 'area'
    | 'zone'
    | 'category'
    | 'code_sia'
    | 'code_contact_id'
    | 'text'
    | 'cause'
    | 'polarity'
  >
>;
