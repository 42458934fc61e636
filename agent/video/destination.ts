import type { z } from 'zod';
import type { Code } from '../base/codes.ts';
import type { BeffroiError } from '../base/errors.ts';
import type { destinationState } from '../contract/messages.ts';
import type { Moment } from './moment.ts';
import type { StreamSetup } from './parameter-sets.ts';

/** How pictures are put on a wire: fragmented MP4, or RTP packets framed for an RTSP connection. */
export type Format = 'mp4' | 'rtp';

/** What a chunk in RTP packets is beside its bytes. */
export interface RtpFacts {
  readonly setup: StreamSetup;
  readonly ssrc: number;
  /** RTP time stamp of the picture. */
  readonly timestamp: number;
  /** Number of the first packet. */
  readonly sequence: number;
  readonly packets: number;
  /** Bytes of the payloads. */
  readonly octets: number;
  /** The same picture in packets of other numbers, for who missed some; the caller is its first holder. */
  from(sequence: number): Chunk;
}

/** A run of pictures of one camera in one format: framed once, written to every destination. */
export interface Chunk {
  /** Bytes in order, shared by all destinations: never written to. */
  readonly parts: readonly Buffer[];
  readonly bytes: number;
  /** Memory that keeping it takes: more than its bytes where they are few. */
  readonly heldBytes: number;
  readonly frames: number;
  /** Decoding can begin here. */
  readonly key: boolean;
  /** Rises by one per chunk of a camera and format. */
  readonly number: number;
  /** When the first picture was taken, in Unix ms: by the camera's clock where it tells it, else when it came. */
  readonly wallMs: number;
  /** When the first picture had come, in Unix ms by the clock of the box, which labels gaps; and by the one that measures them. */
  readonly boxWallMs: number;
  readonly boxMonotonicMs: number;
  readonly durationMs: number;
  /** Of the format `rtp`. */
  readonly rtp?: RtpFacts;
  /** The bytes hold during the call that hands the chunk over, and for whoever holds it until the release. */
  hold(): void;
  release(): void;
  /** The same chunk with its bytes to be made anew, where they take memory of their own: for keeping. */
  cold?(): Chunk;
}

/** Where a destination gets what it missed. */
export interface Source {
  /** The chunks from the last key picture on, oldest first; empty while the camera's cache holds none. */
  recent(format: Format): readonly Chunk[];
}

export type DestinationState = z.infer<typeof destinationState>;

/** What a destination says of itself; numbers count since it was made. */
export interface DestinationStatus {
  readonly state: DestinationState;
  /** Since when, Unix ms. */
  readonly sinceWallMs: number;
  readonly bytes: number;
  readonly frames: number;
  readonly gaps: number;
  readonly droppedFrames: number;
  /** Bytes that were handed over and have not left the process. */
  readonly waitingBytes: number;
  /** Undefined before the first picture. */
  readonly reached?: Reached;
  /** The last error, also when it has been overcome; undefined when there was none. */
  readonly lastError?: { readonly code: Code; readonly detail: string };
}

/** From when to when nothing is missing but what was told as a gap. */
export interface Reached {
  readonly from: Moment;
  readonly until: Moment;
  /** The end of the last picture, sent or not. */
  readonly seen: Moment;
}

/** Pictures that the camera sent and the destination did not get. */
export interface Gap {
  /**
   * When the first missing picture had come, and when the first one after the gap; Unix ms by the clock of the box, as
   * it stood when the gap began.
   */
  readonly fromWallMs: number;
  readonly untilWallMs: number;
  readonly frames: number;
  readonly cause: Code;
}

/**
 * Where the pictures of one camera go. None waits for another: whatever a destination does, it takes each chunk at
 * once or drops it, and the bytes that it keeps waiting stay within its credit.
 */
export interface Destination {
  readonly id: string;
  readonly format: Format;
  /** The camera has it from now on. */
  begin(source: Source): void;
  /** The next chunk, in decoding order. Never throws, never waits. */
  take(chunk: Chunk): void;
  /** The stream of the camera has ended; what comes next is another one. */
  streamEnded(): void;
  status(): DestinationStatus;
  /** The camera no longer has it; resolves when everything that it began has ended. */
  end(): Promise<void>;
}

/** One that the budget of the backbone may pause. */
export interface PausableDestination extends Destination {
  /** Nothing is sent until `resume`; what comes meanwhile is a gap of this cause. */
  pause(why: BeffroiError): void;
  resume(): void;
}
