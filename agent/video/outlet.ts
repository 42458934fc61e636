import type { Clock } from '../base/clock.ts';
import type { Code } from '../base/codes.ts';
import type { BeffroiError } from '../base/errors.ts';
import type { Chunk, DestinationState, DestinationStatus, Format, Gap, Source } from './destination.ts';

/** The way of an outlet out of the process. */
export interface Channel {
  readonly format: Format;
  readonly isOpen: boolean;
  /** Each connection is a recording of its own: what an earlier one got comes again. */
  readonly beginsAnew: boolean;
  /** Bytes that were handed over and have not left the process. */
  readonly waitingBytes: number;
  /** Hands a chunk over; called only while it is open. @returns why it was not taken, undefined when it was */
  send(chunk: Chunk): Code | undefined;
}

/** What an outlet tells as it happens. */
export interface OutletEvents {
  /** A chunk has come while the channel is open, whatever becomes of it; what the cache catches up with is not told. */
  offered(bytes: number): void;
  sent(chunk: Chunk): void;
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
  /** Most bytes that may wait in the channel. A chunk above it goes alone: buffers are shared with the camera's cache. */
  readonly creditBytes: number;
}

/** A gap that goes on is told in parts of this. Source: guess. */
const LONGEST_GAP_MS = 60_000;

interface OpenGap {
  readonly fromWallMs: number;
  readonly fromNumber: number;
  readonly cause: Code;
  untilWallMs: number;
  frames: number;
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
  #error: BeffroiError | undefined;
  /** Why nothing is sent until `resume`. */
  #paused: BeffroiError | undefined;
  #lastError: DestinationStatus['lastError'];
  #state: DestinationState;
  #sinceWallMs: number;
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
    return {
      state: this.#state,
      sinceWallMs: this.#sinceWallMs,
      bytes: this.#bytes,
      frames: this.#frames,
      gaps: this.#gaps,
      droppedFrames: this.#droppedFrames,
      waitingBytes: this.#needs.channel.waitingBytes,
      ...(this.#lastError ? { lastError: this.#lastError } : {}),
    };
  }

  begin(source: Source): void {
    this.#source = source;
    this.#catchUp();
  }

  /** The channel has opened. */
  opened(): void {
    this.#error = undefined;
    this.#enter('waiting');
    this.#catchUp();
  }

  /** The channel was lost, with what waited in it, or could not be opened. */
  lost(error: BeffroiError): void {
    this.#error = error;
    this.#lastError = { code: error.code, detail: error.message };
    this.#waitsForKey = true;
    this.#enter('failed');
  }

  /** The channel was closed because there is nothing to send. */
  closed(): void {
    this.#waitsForKey = true;
    this.#enter('waiting');
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
    if (this.#needs.channel.isOpen) this.#needs.events.offered(chunk.bytes);
    this.#takeOne(chunk);
  }

  streamEnded(): void {
    this.#waitsForKey = true;
    this.#closeGap();
    if (this.#state !== 'connecting' && this.#state !== 'failed') this.#enter('waiting');
  }

  end(): void {
    this.#closeGap();
    this.#source = undefined;
  }

  /** A destination that begins, or a new connection, starts with the last key picture at once. */
  #catchUp(): void {
    const { channel } = this.#needs;
    if (!channel.isOpen || !this.#waitsForKey || this.#paused) return;
    const from = channel.beginsAnew ? 0 : this.#lastSent;
    const [first, ...more] = this.#source?.recent(channel.format) ?? [];
    if (!first || first.number <= from) return;
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
    gap.frames -= frames;
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
    const waiting = channel.waitingBytes;
    if (waiting > 0 && waiting + chunk.bytes > this.#options.creditBytes) return 'destination-slow';
    return undefined;
  }

  #causeOfWaiting(): Code | 'not-begun' {
    if (this.#gap) return this.#gap.cause;
    return this.#lastSent === 0 ? 'not-begun' : (this.#lastError?.code ?? 'destination-slow');
  }

  #sent(chunk: Chunk): void {
    this.#waitsForKey = false;
    this.#lastSent = chunk.number;
    this.#bytes += chunk.bytes;
    this.#frames += chunk.frames;
    this.#closeGap(chunk.wallMs);
    this.#enter('flowing');
    this.#needs.events.sent(chunk);
  }

  #drop(chunk: Chunk, cause: Code): void {
    this.#waitsForKey = true;
    const { number, wallMs, durationMs, frames } = chunk;
    if (this.#gap && wallMs - this.#gap.fromWallMs >= LONGEST_GAP_MS) this.#closeGap(wallMs);
    this.#gap ??= { fromNumber: number, fromWallMs: wallMs, untilWallMs: wallMs, frames: 0, cause };
    this.#gap.untilWallMs = wallMs + durationMs;
    this.#gap.frames += frames;
    this.#droppedFrames += frames;
    this.#needs.events.dropped(frames);
    if (this.#needs.channel.isOpen) this.#enter('blocked');
  }

  #closeGap(untilWallMs?: number): void {
    const gap = this.#gap;
    if (!gap) return;
    this.#gap = undefined;
    if (gap.frames === 0) return;
    this.#gaps += 1;
    const { fromWallMs, frames, cause } = gap;
    this.#needs.events.gap({ fromWallMs, untilWallMs: untilWallMs ?? gap.untilWallMs, frames, cause });
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
