import { type Clip, clip as clipNamed } from '../clips.ts';
import { PictureSource } from './picture-source.ts';
import type { PacketRun } from './rtp-packets.ts';
import type { RtspFaults, RtspOptions } from './rtsp-options.ts';
import { CLOCK_RATE, type StreamSender } from './stream-sender.ts';

export interface BroadcastNeeds {
  readonly options: RtspOptions;
  readonly faults: RtspFaults;
  /** Wall time of the camera, Unix milliseconds. */
  readonly wallMs: () => number;
  readonly cname: string;
}

interface Player {
  readonly sender: StreamSender;
  /** Number of the first picture it gets. */
  readonly from: number;
}

/**
 * The encoder of a camera: one picture after the other in real time to all who play, from one timer.
 * Picture n is due n / framesPerSecond after the start, so delays do not add up.
 */
export class Broadcast {
  readonly #needs: BroadcastNeeds;
  readonly #source: PictureSource;
  readonly #players = new Map<StreamSender, Player>();
  readonly #original: Clip;
  /** Somewhere within the last picture, so that many cameras in one process do not tick together. */
  readonly #epochMs: number;
  #timer: NodeJS.Timeout | undefined;
  #next = 0;
  #ticksJumped = 0;
  #wasStalled = false;
  #lastReportMs = 0;

  constructor(clip: Clip, needs: BroadcastNeeds) {
    this.#original = clip;
    this.#source = new PictureSource(clip);
    this.#needs = needs;
    this.#epochMs = performance.now() - Math.random() * this.#frameMs();
  }

  get clip(): Clip {
    return this.#source.clip;
  }

  /** Takes a client in; returns the RTP time of its first picture. */
  add(sender: StreamSender): number {
    if (this.#players.size === 0) this.#wake();
    const from = this.#firstFor();
    this.#players.set(sender, { sender, from });
    return sender.rtpTime(this.#ticks(from));
  }

  remove(sender: StreamSender): void {
    this.#players.delete(sender);
    if (this.#players.size === 0) clearTimeout(this.#timer);
  }

  /** RTP time stamps jump from the next picture on. */
  jump(ticks: number): void {
    this.#ticksJumped += ticks;
  }

  /** The encoder is set to another resolution, and back by the next call: other parameter sets. */
  changeParameterSets(): void {
    const small = clipNamed(`${this.#original.codec}-small`);
    this.#source.change(this.clip === small ? this.#original : small, this.#next);
  }

  /** Another film at the same pace, beginning with a key picture. */
  show(clip: Clip): void {
    this.#source.change(clip, this.#next);
  }

  #frameMs(): number {
    return 1000 / this.#original.framesPerSecond;
  }

  #elapsedMs(): number {
    return performance.now() - this.#epochMs;
  }

  /** Ticks of the RTP clock from the start of the camera to a picture. */
  #ticks(picture: number): number {
    return Math.round((picture * CLOCK_RATE) / this.#original.framesPerSecond) + this.#ticksJumped;
  }

  #wake(): void {
    this.#next = Math.floor(this.#elapsedMs() / this.#frameMs()) + 1;
    this.#lastReportMs = this.#elapsedMs();
    this.#schedule();
  }

  /** A camera asked by its only viewer sends a key picture at once; with others watching, the next one serves. */
  #firstFor(): number {
    if (this.#needs.options.join === 'any') return this.#next;
    if (this.#players.size === 0) this.#source.forceKey(this.#next);
    return this.#source.nextKey(this.#next);
  }

  #schedule(): void {
    const waitMs = this.#next * this.#frameMs() - this.#elapsedMs();
    this.#timer = setTimeout(() => this.#tick(), Math.max(0, waitMs)).unref();
  }

  #tick(): void {
    const due = Math.floor(this.#elapsedMs() / this.#frameMs());
    const most = Math.ceil(this.#needs.options.maxCatchUpMs / this.#frameMs());
    if (due - this.#next > most) this.#leaveOut(due);
    for (; this.#next <= due; this.#next += 1) this.#picture(this.#next);
    this.#reports();
    if (this.#players.size > 0) this.#schedule();
  }

  #leaveOut(due: number): void {
    this.#next = due;
    this.#source.forceKey(due);
  }

  #picture(picture: number): void {
    if (this.#needs.faults.stalled) {
      this.#wasStalled = true;
      return;
    }
    if (this.#wasStalled) this.#source.forceKey(picture);
    this.#wasStalled = false;
    const run = this.#source.at(picture);
    const ticks = this.#ticks(picture);
    for (const player of this.#players.values()) this.#send(player, picture, run, ticks);
  }

  /** The first picture comes right after a sender report, so that its capture time is known. */
  #send({ sender, from }: Player, picture: number, run: PacketRun, ticks: number): void {
    if (picture < from) return;
    if (picture === from) this.#report(sender);
    sender.send(run, ticks);
  }

  #reports(): void {
    if (this.#elapsedMs() - this.#lastReportMs < this.#needs.options.senderReportIntervalMs) return;
    this.#lastReportMs = this.#elapsedMs();
    for (const sender of this.#players.keys()) this.#report(sender);
  }

  #report(sender: StreamSender): void {
    const ticks = Math.round((this.#elapsedMs() * CLOCK_RATE) / 1000) + this.#ticksJumped;
    sender.report(this.#needs.wallMs(), ticks, this.#needs.cname);
  }
}
