import type { BeffroiError } from '../base/errors.ts';
import type { AlarmOrder } from '../contract/orders.ts';
import type { ViewingOrder } from '../contract/viewing-orders.ts';
import type { TakenCommand } from './open-commands.ts';

/** Who decides what becomes of an alarm. */
export interface Decision {
  /** Name or number of the person, as the order gives it. */
  readonly by: string;
  /** Key id of the order. */
  readonly signer: string;
  /** Empty when the order gives no reason. */
  readonly why: string;
}

/** A time in which points raise no alarm, and what cameras or the box do is planned. */
export interface AnnouncedWindow {
  /** Unique id of the order. */
  readonly id: string;
  readonly points: readonly string[];
  readonly cameras?: readonly string[] | undefined;
  readonly box?: boolean | undefined;
  /** Wall time, Unix ms. */
  readonly startMs: number;
  readonly endMs: number;
}

/** What orders do to alarms. */
export interface AlarmPorts {
  /** Whether there is an alarm of this id that is not closed. */
  knowsAlarm(alarm: string): boolean;
  knowsPoint(point: string): boolean;
  acknowledge(alarm: string, decision: Decision): string;
  close(alarm: string, decision: Decision): string;
  /** @throws BeffroiError when it may not be shelved for so long */
  shelve(point: string, untilMs: number, decision: Decision): string;
  unshelve(point: string, decision: Decision): string;
  /** Whether there is a maintenance window of this id that an order announced and that is not over. */
  knowsWindow(window: string): boolean;
  /** @throws BeffroiError when it is too long, over, or one too many */
  announce(window: AnnouncedWindow, decision: Decision): string;
  cancel(window: string, decision: Decision): string;
  /** Whether what an order asked for is so, whose end the last start of the agent did not live to tell. */
  isApplied(order: AlarmOrder, signer: string): boolean;
}

/** Cameras that go first on the backbone for a time. */
export interface AnnouncedMission {
  /** Unique id of the order. */
  readonly id: string;
  readonly cameras: readonly string[];
  readonly priority: number;
  /** Wall time, Unix ms. */
  readonly startMs: number;
  readonly endMs: number;
}

/** What orders do to priorities of cameras. */
interface MissionPorts {
  /** Whether there is a mission of this id that is not over. */
  knows(mission: string): boolean;
  /** @throws BeffroiError when it is too long, over, or one too many */
  announce(mission: AnnouncedMission & Decision): string;
  cancel(mission: string, decision: Decision): string;
}

/** A command about a view or a lease. */
type ViewingCommand = TakenCommand & { readonly order: ViewingOrder };

/** What commands act on; other rooms fit it. Every text answer is for the operator: short, and free of secrets. */
export interface CommandPorts {
  ping(signal: AbortSignal): Promise<string>;
  /** Checks the camera now and says in words how it is, well or not. @throws BeffroiError when it cannot be checked */
  checkCamera(camera: string, signal: AbortSignal): Promise<string>;
  /**
   * Confirms a repair: what was wrong before, and how the camera is now; another device in its place is accepted.
   * @throws DeviceError `repair-not-confirmed` when it is not well
   */
  confirmRepair(camera: string, signal: AbortSignal): Promise<string>;
  /** Ends the stream of the camera and begins it anew. */
  restartStream(camera: string, signal: AbortSignal): Promise<string>;
  /** The view of the camera is as it should be. */
  confirmPicture(camera: string): string;
  /** Forgets the view of the camera and learns it anew. */
  resetPicture(camera: string): string;
  /** Whether the configuration in force holds the camera. */
  knowsCamera(camera: string): boolean;
  /** Whether the configuration in force has it as the camera of a partner. */
  isLeased(camera: string): boolean;
  /** Publishes the report on these days of Europe/Paris. @throws OrderRefusedError `order-out-of-bounds` */
  publishReport(period: { readonly from: string; readonly to: string }, signal: AbortSignal): Promise<string>;
  /** Holds the configuration against the network now. @returns what was found */
  takeInventory(signal: AbortSignal): Promise<string>;
  readonly alarms: AlarmPorts;
  readonly missions: MissionPorts;
  readonly viewing: {
    /** Why the order cannot be carried out as things stand: asked before it is accepted. */
    obstacle(command: ViewingCommand): BeffroiError | undefined;
    carryOut(command: ViewingCommand, signal: AbortSignal): Promise<string>;
    /** An order of a good signature was refused. */
    refused(order: ViewingOrder, signer: string, error: BeffroiError): void;
    /** The same, when there are too many of them to tell each. */
    refusedToo(order: ViewingOrder, signer: string, error: BeffroiError): void;
    /** An order that was accepted came to nothing. */
    failed(order: ViewingOrder, signer: string, error: BeffroiError): void;
    /** Whether what an order asked for is so, whose end the last start of the agent did not live to tell. */
    isApplied(order: ViewingOrder, signer: string): boolean;
  };
}
