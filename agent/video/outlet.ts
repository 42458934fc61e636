import type { Clock } from '../base/clock.ts';
import type { Code } from '../base/codes.ts';
import type { BeffroiError } from '../base/errors.ts';
import type {
  Chunk,
  DestinationState,
  DestinationStatus,
  Format,
  Gap,
  Reached,
  Source,
} from './destination.ts';
import { beginOf, between, earliest, endOf, type Moment } from './moment.ts';

/** The way of an outlet out of the process. */
export interface Channel {
  readonly format: Format;
  readonly isOpen: boolean;
  /** Each connection is a recording of its own: what an earlier one got comes again. */
  readonly beginsAnew: boolean;
  /** Bytes that were handed over and have not left the process. */
  readonly waitingBytes: number;
  /** Memory that what waits takes. */
  readonly heldBytes: number;
  /** The first that waits. */
  readonly oldest: Chunk | undefined;
  /** Hands a chunk over; called only while it is open. @returns why it was not taken, undefined when it was */
  send(chunk: Chunk): Code | undefined;
  /** What waits and has not begun to leave never does. */
  withdraw(): void;
  /** What was handed over and never left, oldest first; told once. */
  takeUnsent(): readonly Chunk[];
}

/** Bytes as often as they were sent, each picture once. */
export interface Sent {
  readonly bytes: number;
  readonly frames: number;
}

/** What an outlet tells as it happens. */
export interface OutletEvents {
  /** A chunk has come while the channel is open, whatever becomes of it; what the cache catches up with is not told. */
  offered(bytes: number): void;
  /** Was handed over. */
  sent(sent: Sent): void;
  /** Was told as sent and never left. */
  unsent(sent: Sent): void;
  dropped(frames: number): void;
  /** Told when it has ended, or the stream or the destination ends in it. */
  gap(gap: Gap): void;
  /** The state is another one. */
  changed(): void;
}

export interface OutletNeeds {
  readonly clock: Clock;
  readonly channel: Channel;
  readonly events: OutletEvents;
}

export interface OutletOptions {
  /** Most bytes that may wait in the channel. A chunk above it never goes. */
  readonly creditBytes: number;
}

/** A gap that goes on is told in parts of this. Source: guess. */
const LONGEST_GAP_MS = 60_000;

interface OpenGap {
  readonly from: Moment;
  readonly fromNumber: number;
  readonly cause: Code;
  readonly until: Moment;
  /** Of the chunk after it. */
  readonly untilNumber: number;
  readonly frames: number;
}

/**
 * Lets the chunks of a camera through to one destination while its credit lasts. When it is spent, everything up to
 * the next key picture is dropped and counted: whoever reads the destination never gets a picture without those it
 * refers to, and no other destination notices.
 */
export class Outlet {
  readonly #needs: OutletNeeds;
  readonly #options: OutletOptions;
  #source: Source | undefined;
  #waitsForKey = true;
  #gap: OpenGap | undefined;
  /** Numbers of the last chunk that was sent, and that was offered. */
  #lastSent = 0;
  #lastSeen = 0;
  /** The last that has left: what a new connection begins with again is not counted again, as sent or as lost. */
  #lastGone = 0;
  /** Nothing has gone over this connection, and what an earlier one got comes again. */
  #begunAnew = false;
  /** The last that stands in a gap which was told: it is not sent any more. */
  #lastTold = 0;
  #hasSent = false;
  #isStreaming = false;
  #error: BeffroiError | undefined;
  /** Why nothing is sent until `resume`. */
  #paused: BeffroiError | undefined;
  #lastError: DestinationStatus['lastError'];
  #state: DestinationState;
  #sinceWallMs: number;
  /** The first picture that was sent or is missing, and the end of the last. */
  #first: Moment | undefined;
  #last: Moment | undefined;
  #bytes = 0;
  #frames = 0;
  #gaps = 0;
  #droppedFrames = 0;

  constructor(needs: OutletNeeds, options: OutletOptions) {
    this.#needs = needs;
    this.#options = options;
    this.#state = needs.channel.isOpen ? 'waiting' : 'connecting';
    this.#sinceWallMs = needs.clock.wallMs();
  }

  get status(): DestinationStatus {
    const reached = this.#reached;
    return {
      state: this.#state,
      sinceWallMs: this.#sinceWallMs,
      bytes: this.#bytes,
      frames: this.#frames,
      gaps: this.#gaps,
      droppedFrames: this.#droppedFrames,
      waitingBytes: this.#needs.channel.waitingBytes,
      ...(reached ? { reached } : {}),
      ...(this.#lastError ? { lastError: this.#lastError } : {}),
    };
  }

  begin(source: Source): void {
    this.#source = source;
    this.#catchUp();
  }

  /** The channel has opened. */
  opened(): void {
    this.#settle(this.#error?.code ?? 'destination-slow');
    this.#error = undefined;
    this.#begunAnew = this.#needs.channel.beginsAnew;
    this.#enter('waiting');
    this.#catchUp();
  }

  /** The channel was lost, with what waited in it, or could not be opened. */
  lost(error: BeffroiError): void {
    this.#error = error;
    this.#lastError = { code: error.code, detail: error.message };
    this.#waitsForKey = true;
    this.#settle(error.code);
    this.#enter('failed');
  }

  /** The channel was closed because there is nothing to send. */
  closed(): void {
    this.#waitsForKey = true;
    this.#enter('waiting');
  }

  /** What waited when it was closed, and has not left, was not sent. */
  settle(): void {
    this.#settle('destination-slow');
  }

  /** Nothing is sent from here on. */
  pause(why: BeffroiError): void {
    this.#paused = why;
    this.#lastError = { code: why.code, detail: why.message };
    this.#waitsForKey = true;
    this.#enter(this.#state);
  }

  /** Begins again with the last key picture, where the cache holds it. */
  resume(): void {
    this.#paused = undefined;
    if (this.#state === 'paused') this.#enter('waiting');
    this.#catchUp();
  }

  take(chunk: Chunk): void {
    if (chunk.number <= this.#lastSeen) return;
    this.#isStreaming = true;
    if (this.#needs.channel.isOpen) this.#needs.events.offered(chunk.bytes);
    this.#takeOne(chunk);
  }

  streamEnded(): void {
    this.#isStreaming = false;
    this.#waitsForKey = true;
    this.#closeGap();
    if (this.#state !== 'connecting' && this.#state !== 'failed') this.#enter('waiting');
  }

  /** What waits is not sent any more. */
  end(): void {
    this.#needs.channel.withdraw();
    this.settle();
    this.#closeGap();
    this.#source = undefined;
  }

  /** A destination that begins, or a new connection, starts with the last key picture at once. */
  #catchUp(): void {
    const { channel } = this.#needs;
    if (!channel.isOpen || !this.#waitsForKey || this.#paused) return;
    const from = this.#begunAnew ? 0 : this.#lastSent;
    const [first, ...more] = this.#source?.recent(channel.format) ?? [];
    if (!first || first.number <= Math.max(this.#lastTold, from)) return;
    this.#takeBack([first, ...more]);
    this.#lastSeen = first.number - 1;
    for (const chunk of [first, ...more]) this.#takeOne(chunk);
  }

  /** What was counted as lost is sent after all. */
  #takeBack(chunks: readonly Chunk[]): void {
    const gap = this.#gap;
    if (!gap) return;
    const counted = chunks.filter(({ number }) => number >= gap.fromNumber && number <= this.#lastSeen);
    const frames = counted.reduce((sum, chunk) => sum + chunk.frames, 0);
    this.#gap = { ...gap, frames: gap.frames - frames };
    this.#droppedFrames -= frames;
    this.#needs.events.dropped(-frames);
  }

  #takeOne(chunk: Chunk): void {
    const refusal = this.#offer(chunk);
    if (refusal === undefined) this.#sent(chunk);
    else if (refusal !== 'not-begun') this.#drop(chunk, refusal);
  }

  #offer(chunk: Chunk): Code | 'not-begun' | undefined {
    this.#lastSeen = chunk.number;
    return this.#refusal(chunk) ?? this.#handOver(chunk);
  }

  #handOver(chunk: Chunk): Code | undefined {
    const refusal = this.#needs.channel.send(chunk);
    if (refusal === 'message-too-large')
      this.#lastError = {
        code: refusal,
        detail: `${chunk.bytes} bytes of ${chunk.frames} pictures are above it`,
      };
    return refusal;
  }

  #refusal(chunk: Chunk): Code | 'not-begun' | undefined {
    const { channel } = this.#needs;
    if (this.#paused) return this.#paused.code;
    if (!channel.isOpen) return this.#error?.code ?? 'destination-connecting';
    if (this.#waitsForKey && !chunk.key) return this.#causeOfWaiting();
    const { creditBytes } = this.#options;
    if (chunk.heldBytes > creditBytes) return this.#tooLarge(chunk);
    return channel.heldBytes + chunk.heldBytes > creditBytes ? this.#tooSlow(chunk) : undefined;
  }

  #tooSlow({ heldBytes }: Chunk): Code {
    const code = 'destination-slow';
    const waits = this.#needs.channel.heldBytes;
    const detail = `expected at most ${this.#options.creditBytes} bytes to wait, ${waits} do and ${heldBytes} came`;
    this.#lastError = { code, detail };
    return code;
  }

  #tooLarge({ heldBytes, frames }: Chunk): Code {
    const code = 'credit-too-small';
    const detail = `expected at most ${this.#options.creditBytes} bytes at once, came ${heldBytes} of ${frames} pictures`;
    this.#lastError = { code, detail };
    return code;
  }

  #causeOfWaiting(): Code | 'not-begun' {
    if (this.#gap) return this.#gap.cause;
    return this.#hasSent ? (this.#lastError?.code ?? 'destination-slow') : 'not-begun';
  }

  #sent(chunk: Chunk): void {
    this.#waitsForKey = false;
    this.#hasSent = true;
    this.#begunAnew = false;
    this.#lastSent = chunk.number;
    const sent = this.#sentBy(chunk);
    this.#bytes += sent.bytes;
    this.#frames += sent.frames;
    this.#saw(chunk);
    this.#closeGap(beginOf(chunk));
    this.#enter('flowing');
    this.#needs.events.sent(sent);
  }

  #saw(chunk: Chunk): void {
    const end = endOf(chunk);
    this.#first ??= beginOf(chunk);
    if (!this.#last || between(this.#last, end) > 0) this.#last = end;
  }

  /** What waits may never leave, and a gap that is open is told to nobody yet. */
  get #reached(): Reached | undefined {
    const [from, seen] = [this.#first, this.#last];
    if (!from || !seen) return undefined;
    const { oldest } = this.#needs.channel;
    return { from, until: earliest(seen, this.#gap?.from, oldest && beginOf(oldest)), seen };
  }

  #sentBy({ number, bytes, frames }: Chunk): Sent {
    return { bytes, frames: number > this.#lastGone ? frames : 0 };
  }

  /** What was handed over and never left is taken back: it was not sent, and stands in a gap. */
  #settle(cause: Code): void {
    const unsent = this.#needs.channel.takeUnsent();
    for (const chunk of unsent) this.#takeBackSent(chunk);
    const missing = unsent.filter(({ number }) => number > this.#lastGone);
    this.#lastSent = Math.min(this.#lastSent, (missing[0]?.number ?? Number.POSITIVE_INFINITY) - 1);
    this.#lastGone = Math.max(this.#lastGone, this.#lastSent);
    if (unsent.length > 0) this.#waitsForKey = true;
    const later = this.#gap;
    this.#gap = undefined;
    for (const chunk of missing) this.#addLost(chunk, cause);
    this.#joinGap(later);
    if (!this.#isStreaming) this.#closeGap();
  }

  #takeBackSent(chunk: Chunk): void {
    const sent = this.#sentBy(chunk);
    this.#bytes -= sent.bytes;
    this.#frames -= sent.frames;
    this.#needs.events.unsent(sent);
  }

  /** Where pictures are between that stand in a gap which was told, the gap ends before them. */
  #addLost(chunk: Chunk, cause: Code): void {
    if (this.#gap && chunk.number !== this.#gap.untilNumber) this.#tellGap();
    this.#addToGap(chunk, cause);
  }

  /** What was lost before goes into the gap that was open, where it is next to it. */
  #joinGap(later: OpenGap | undefined): void {
    const gap = this.#gap;
    if (!later) return;
    if (gap && gap.untilNumber !== later.fromNumber) this.#tellGap();
    const joined = this.#gap && { ...this.#gap, frames: this.#gap.frames + later.frames };
    this.#gap = { ...later, ...joined, untilNumber: later.untilNumber, until: later.until };
  }

  #drop(chunk: Chunk, cause: Code): void {
    this.#waitsForKey = true;
    if (chunk.number > this.#lastGone) this.#lose(chunk, cause);
    if (this.#needs.channel.isOpen) this.#enter('blocked');
  }

  #lose(chunk: Chunk, cause: Code): void {
    const begin = beginOf(chunk);
    if (this.#gap && between(this.#gap.from, begin) >= LONGEST_GAP_MS) this.#tellGap(begin);
    this.#addToGap(chunk, cause);
  }

  #addToGap(chunk: Chunk, cause: Code): void {
    const { number, frames } = chunk;
    const before = this.#gap ?? { fromNumber: number, from: beginOf(chunk), frames: 0, cause };
    this.#saw(chunk);
    this.#gap = {
      ...before,
      ...{ untilNumber: number + 1, until: endOf(chunk) },
      frames: before.frames + frames,
    };
    this.#droppedFrames += frames;
    this.#needs.events.dropped(frames);
  }

  /** It cannot be taken back from here on. */
  #tellGap(until?: Moment): void {
    this.#lastTold = Math.max(this.#lastTold, (this.#gap?.untilNumber ?? 1) - 1);
    this.#closeGap(until);
  }

  /** Its length is that of the monotonic clock: the other may have been set in it. */
  #closeGap(until?: Moment): void {
    const gap = this.#gap;
    if (!gap) return;
    this.#gap = undefined;
    if (gap.frames === 0) return;
    this.#gaps += 1;
    const { from, frames, cause } = gap;
    const untilWallMs = from.wallMs + Math.max(0, between(from, until ?? gap.until));
    this.#needs.events.gap({ fromWallMs: from.wallMs, untilWallMs, frames, cause });
  }

  #enter(wanted: DestinationState): void {
    const isThere = wanted !== 'connecting' && wanted !== 'failed';
    const state = this.#paused && isThere ? 'paused' : wanted;
    if (state === this.#state) return;
    this.#state = state;
    this.#sinceWallMs = this.#needs.clock.wallMs();
    this.#needs.events.changed();
  }
}
