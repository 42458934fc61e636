import type { Clock, ClockTrust } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { LeaseTerms } from '../contract/lease-terms.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { LeaseOpening, VideoToAgent } from '../contract/video-link.ts';
import type { OpenView } from '../contract/viewing.ts';
import type { ViewingOrder } from '../contract/viewing-orders.ts';
import type { Store } from '../store/store.ts';
import type { Keyring } from '../trust/keyring.ts';

/** A command that was verified; what the command desk hands over. */
export interface SignedOrder {
  readonly order: ViewingOrder;
  /** Key id that counts as who gave it. */
  readonly signer: string;
  /** Every key with a good signature, in each of its roles. */
  readonly signers: readonly { readonly kid: string; readonly role: string }[];
  /** The order as received. */
  readonly jws: string;
}

/** What the video process says of a view or a lease. */
export type ChannelReport = Omit<Extract<VideoToAgent, { type: 'channel' }>, 'type'>;

/** A lease to open, with the id of its camera; whoever knows where the camera is adds that. */
export type AskedLease = Omit<LeaseOpening, 'camera' | 'creditBytes'> & { readonly camera: string };

/** The video process, as far as views and leases go. */
export interface VideoPort {
  /** Which start of the video process is there, unlike any other; undefined when none is. */
  readonly process: string | undefined;
  /** The whole list of open views. */
  setViews(views: readonly OpenView[]): void;
  /** @returns false when no video process is there, or the address of the camera is not known */
  openLease(lease: AskedLease): boolean;
  /** The leases that stand; every other one is closed at once. */
  holdLeases(standing: readonly string[]): void;
}

/** What of the configuration in force concerns views and leases. */
type CameraTerms =
  | { readonly regime: 'continuous'; readonly delivery: 'continuous' | 'on-demand' }
  | {
      readonly regime: 'leased';
      readonly terms: LeaseTerms;
      /** Another one when anything of the camera's entry is. */
      readonly fingerprint: string;
    };

export interface ViewingConfiguration {
  readonly cameras: ReadonlyMap<string, CameraTerms>;
  readonly maxViewMinutes: number;
}

/** Time of the machine since it was started, which both processes and every start of them share. */
export interface MachineClock {
  /** Another one after each start of the machine. */
  readonly bootId: string;
  uptimeMs(): number;
}

/** The link on which orders come. */
interface ControlPort {
  readonly link: () => {
    readonly up: boolean;
    /** When something came on it last, monotonic ms. */
    readonly heardMs: number;
  };
  /** Asks the other end at least this often from now on: what is there answers. */
  readonly watch: (everyMs: number) => void;
}

export interface ViewingNeeds {
  readonly site: string;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly clockTrust: () => ClockTrust;
  readonly machine: MachineClock;
  readonly log: Log;
  readonly reporter: Pick<Reporter, 'event'>;
  readonly store: Pick<Store, 'durable' | 'memory' | 'register' | 'transaction'>;
  readonly video: VideoPort;
  readonly control: ControlPort;
}
