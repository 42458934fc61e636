import type { Clock } from '../../base/clock.ts';
import type { BytePool } from '../../base/pool.ts';
import type { AccessUnit, StreamCounters } from '../types.ts';
import type { AssembledUnit } from './access-units.ts';
import type { ClockWord } from './camera-clock.ts';
import { Depacketizer } from './depacketizer.ts';
import type { Transport } from './fields.ts';
import { Jitter } from './jitter.ts';
import { ReceivedUnit } from './received-unit.ts';
import { findSenderReport, isRtcp, RtpPacket } from './rtp.ts';
import type { DescribedVideo } from './sdp.ts';
import { SequenceWindow, TCP_REORDER, UDP_REORDER } from './sequence.ts';
import { Timeline } from './timeline.ts';

export interface ReceiverNeeds {
  readonly clock: Clock;
  /** Where the pictures lie. */
  readonly pool: BytePool;
  /** What sender reports say of the clock of the camera. */
  readonly clockSaid: (word: ClockWord) => void;
  /** Packets that came and were lost because we did not read them in time, since the stream began. */
  readonly unread: () => number;
}

/** Changes of the source after which they mean nothing. Source: guess. */
const MAX_SOURCE_CHANGES = 16;

/** From interleaved frames, or packets over UDP, to access units of the one video track that was set up. */
export class VideoReceiver {
  readonly #payloadType: number;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #clockSaid: ReceiverNeeds['clockSaid'];
  readonly #out: (unit: AccessUnit) => void;
  readonly #packet = new RtpPacket();
  readonly #window: SequenceWindow;
  readonly #timeline: Timeline;
  readonly #jitter: Jitter;
  readonly #depacketizer: Depacketizer;
  #channel: number;
  #ssrc: number | undefined;
  #sourceChanges = 0;
  #bytes = 0;
  #damaged = 0;
  #lastUnitMs: number | undefined;
  #ended = false;
  readonly #unread: () => number;
  /** What it was when so many had been lost: the kernel is asked when more are. */
  #lostUnread = { lost: 0, unread: 0 };

  constructor(
    video: DescribedVideo,
    transport: Transport,
    needs: ReceiverNeeds,
    out: (unit: AccessUnit) => void,
  ) {
    this.#payloadType = video.payloadType;
    this.#transport = transport;
    this.#channel = transport.rtpChannel;
    this.#clock = needs.clock;
    this.#clockSaid = needs.clockSaid;
    this.#unread = needs.unread;
    this.#out = out;
    this.#timeline = new Timeline(video.track.clockRate);
    this.#jitter = new Jitter(video.track.clockRate);
    const { codec } = video.track;
    this.#depacketizer = new Depacketizer(codec, needs.pool, (unit) => this.#unit(unit));
    const reorder = transport.interleaved ? TCP_REORDER : UDP_REORDER;
    this.#window = new SequenceWindow((packet, gap) => this.#depacketizer.push(packet, gap), reorder);
  }

  /** Now; the numbers since the stream began. */
  get counters(): StreamCounters {
    return {
      rtpReceived: this.#window.received,
      rtpLost: this.#window.lost,
      rtpUnread: this.#lostHere,
      bytes: this.#bytes,
      framesDamaged: this.#damaged + this.#depacketizer.dropped,
      jitterMs: this.#jitter.ms,
    };
  }

  get #lostHere(): number {
    const { lost } = this.#window;
    if (lost !== this.#lostUnread.lost) this.#lostUnread = { lost, unread: Math.min(lost, this.#unread()) };
    return this.#lostUnread.unread;
  }

  /** Source of the packets, undefined before the first. */
  get ssrc(): number | undefined {
    return this.#ssrc;
  }

  /** Monotonic time of the last access unit, undefined before the first. */
  get lastUnitMs(): number | undefined {
    return this.#lastUnitMs;
  }

  /** Takes one frame or packet, read at that monotonic time; what belongs to no track of ours is left out. */
  frame(channel: number, bytes: Buffer, from: number, until: number, readMs: number): void {
    if (this.#ended) return;
    const packet = this.#packet;
    const isRtp = packet.read(bytes, from, until, readMs);
    if (isRtp && packet.payloadType === this.#payloadType && this.#isOurs(channel)) this.#rtp(packet);
    else if (isRtcp(bytes, from, until)) this.#rtcp(channel, bytes.subarray(from, until));
  }

  /** The picture that grows is lost, and what comes from now on is left out. */
  end(): void {
    this.#ended = true;
    this.#depacketizer.end();
  }

  /**
   * Cameras answer SETUP with one channel and send on another: the first that carries the track is it, until packets come on
   * the one that was agreed.
   */
  #isOurs(channel: number): boolean {
    if (this.#ssrc === undefined || channel === this.#transport.rtpChannel) this.#channel = channel;
    return channel === this.#channel;
  }

  #rtp(packet: RtpPacket): void {
    if (packet.ssrc !== this.#ssrc) this.#changeSource(packet.ssrc);
    this.#bytes += packet.payloadBytes;
    this.#jitter.take(packet);
    this.#window.push(packet);
  }

  /** Cameras that restart their encoder change it once; some change it with every packet: then it says nothing. */
  #changeSource(ssrc: number): void {
    const isFirst = this.#ssrc === undefined;
    this.#ssrc = ssrc;
    if (isFirst || this.#sourceChanges >= MAX_SOURCE_CHANGES) return;
    this.#sourceChanges += 1;
    this.#window.restart();
    this.#jitter.restart();
    this.#timeline.forgetReport();
  }

  #rtcp(channel: number, bytes: Buffer): void {
    const report = findSenderReport(bytes);
    if (!report || (report.ssrc !== this.#ssrc && channel !== this.#transport.rtcpChannel)) return;
    this.#timeline.sawReport(report);
    this.#clockSaid({ wallMs: report.wallMs, receivedMonotonicMs: this.#clock.monotonicMs() });
  }

  #unit(assembled: AssembledUnit): void {
    const rtpTime = this.#timeline.unwrap(assembled.timestamp);
    const nowMs = this.#clock.monotonicMs();
    const unit = new ReceivedUnit(assembled, {
      rtpTime,
      receivedWallMs: this.#clock.wallMs() - (nowMs - assembled.receivedMonotonicMs),
      captureWallMs: this.#timeline.wallMs(rtpTime),
    });
    if (assembled.damaged) this.#damaged += 1;
    this.#lastUnitMs = nowMs;
    try {
      this.#out(unit);
    } finally {
      unit.release();
    }
  }
}
