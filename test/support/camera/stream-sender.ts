import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { senderReport } from './rtcp.ts';
import { type PacketRun, stamped } from './rtp-packets.ts';
import type { RtspCounters, RtspFaults } from './rtsp-options.ts';

/** RTP clock of the video track, Hz. */
export const CLOCK_RATE = 90_000;

/** A client that lets so much pile up loses pictures until the next key picture. */
const MAX_BACKLOG_BYTES = 8 * 1024 * 1024;

export interface SenderNeeds {
  readonly socket: Socket;
  /** Channel of RTP; RTCP has the next one. */
  readonly channel: number;
  readonly counters: RtspCounters;
  readonly faults: RtspFaults;
  readonly random: () => number;
}

/** The stream of one PLAY: one SSRC, one run of sequence numbers. */
export class StreamSender {
  readonly ssrc = randomBytes(4).readUInt32BE();
  readonly #needs: SenderNeeds;
  readonly #timeOrigin = randomBytes(4).readUInt32BE();
  #sequence = randomBytes(2).readUInt16BE();
  #packets = 0;
  #octets = 0;
  #skipping = false;

  constructor(needs: SenderNeeds) {
    this.#needs = needs;
  }

  get nextSequence(): number {
    return this.#sequence;
  }

  /** The RTP time of so many ticks after the start of the camera. */
  rtpTime(ticks: number): number {
    return (this.#timeOrigin + ticks) >>> 0;
  }

  send(run: PacketRun, ticks: number): void {
    const { counters } = this.#needs;
    if (this.#mustSkip(run)) {
      counters.framesSkipped += 1;
      return;
    }
    const { channel } = this.#needs;
    const stamp = { channel, sequence: this.#sequence, timestamp: this.rtpTime(ticks), ssrc: this.ssrc };
    this.#write(stamped(run, stamp), run.starts);
    this.#sequence = (this.#sequence + run.starts.length) & 0xffff;
    this.#packets += run.starts.length;
    this.#octets += run.payloadBytes;
    counters.framesSent += 1;
    counters.packetsSent += run.starts.length;
  }

  report(wallMs: number, ticks: number, cname: string): void {
    const { ssrc } = this;
    const sent = { packets: this.#packets, octets: this.#octets };
    const report = { ssrc, wallMs, rtpTime: this.rtpTime(ticks), ...sent, cname };
    this.#needs.socket.write(senderReport(report, this.#needs.channel + 1));
  }

  #mustSkip(run: PacketRun): boolean {
    if (this.#needs.socket.writableLength > MAX_BACKLOG_BYTES) this.#skipping = true;
    else if (run.key) this.#skipping = false;
    return this.#skipping;
  }

  #write(bytes: Buffer, starts: readonly number[]): void {
    const { socket, faults } = this.#needs;
    const { dropPercent, duplicatePercent, reorderPercent, garbagePercent } = faults;
    if (dropPercent + duplicatePercent + reorderPercent + garbagePercent === 0) socket.write(bytes);
    else socket.write(Buffer.concat(this.#spoiled(bytes, starts)));
  }

  #spoiled(bytes: Buffer, starts: readonly number[]): Buffer[] {
    const { faults, counters, random } = this.#needs;
    const happens = (percent: number) => random() * 100 < percent;
    const packets = starts.map((start, i) => bytes.subarray(start, starts[i + 1] ?? bytes.length));
    const kept = packets.filter(() => !happens(faults.dropPercent));
    counters.packetsDropped += packets.length - kept.length;
    const sent = kept.flatMap((packet) => (happens(faults.duplicatePercent) ? [packet, packet] : [packet]));
    for (let i = 0; i + 1 < sent.length; i += 1) {
      if (happens(faults.reorderPercent)) sent.splice(i, 2, sent[i + 1] as Buffer, sent[i] as Buffer);
    }
    return happens(faults.garbagePercent) ? [this.#garbage(), ...sent] : sent;
  }

  #garbage(): Buffer {
    const { random } = this.#needs;
    const length = 1 + Math.floor(random() * 200);
    return Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
  }
}
