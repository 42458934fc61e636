import type { RtpPacket } from './rtp.ts';

/** How long packets wait for a missing one before it counts as lost. */
export interface Reorder {
  /** Above these it is given up. */
  readonly packets: number;
  /** Waiting for longer, seen when the next packet comes, it is given up too. */
  readonly ms: number;
}

/** Source: guess; over TCP the order is nearly always kept. */
export const TCP_REORDER: Reorder = { packets: 8, ms: Number.POSITIVE_INFINITY };
/** Source: guess; 64 packets are a picture of a rich stream, and a poor one shall not wait for them for seconds. */
export const UDP_REORDER: Reorder = { packets: 64, ms: 200 };
/** A step in the sequence numbers beyond these is a restart of the sender, when the next packet confirms it. @see RFC 3550 §A.1 */
const MAX_DROPOUT = 3000;
const MAX_MISORDER = 100;

/**
 * Takes a packet in its place; it holds only during the call.
 * @param gap packets are missing between the one before and this one
 */
export type TakeOrdered = (packet: RtpPacket, gap: boolean) => void;

/**
 * Puts the packets of one source in order, drops what comes twice or too late, counts what is missing.
 * Each sequence number comes out at most once and in rising order, until the sender starts anew.
 */
export class SequenceWindow {
  readonly #out: TakeOrdered;
  readonly #reorder: Reorder;
  readonly #held = new Map<number, RtpPacket>();
  #next: number | undefined;
  #jump: RtpPacket | undefined;
  #gap = false;
  #lost = 0;
  #received = 0;

  constructor(out: TakeOrdered, reorder = TCP_REORDER) {
    this.#out = out;
    this.#reorder = reorder;
  }

  /** Packets that never came in time. */
  get lost(): number {
    return this.#lost;
  }

  /** Packets that came out. */
  get received(): number {
    return this.#received;
  }

  push(packet: RtpPacket): void {
    this.#next ??= packet.sequence;
    const ahead = distance(this.#next, packet.sequence);
    if (ahead < -MAX_MISORDER || ahead > MAX_DROPOUT) this.#jumped(packet);
    else if (ahead >= 0) this.#accept(packet);
  }

  /** The source begins anew: what waits comes out, and whatever follows has a gap before it. */
  restart(): void {
    this.#releaseAll();
    this.#next = undefined;
    this.#jump = undefined;
    this.#gap = true;
  }

  #accept(packet: RtpPacket): void {
    this.#jump = undefined;
    if (packet.sequence === this.#next && this.#held.size === 0) {
      this.#release(packet);
      return;
    }
    this.#held.set(packet.sequence, this.#held.get(packet.sequence) ?? packet.kept());
    this.#releaseInOrder();
    while (this.#held.size > 0 && this.#waitsTooLong(packet.receivedMonotonicMs)) this.#giveUpMissing();
  }

  /** Those that wait are held in the order in which they came. */
  #waitsTooLong(nowMs: number): boolean {
    const [first] = this.#held.values();
    return (
      this.#held.size > this.#reorder.packets ||
      nowMs - (first?.receivedMonotonicMs ?? nowMs) > this.#reorder.ms
    );
  }

  /** One packet far away may be damage; two in a row are a sender that started anew. */
  #jumped(packet: RtpPacket): void {
    const before = this.#jump;
    const kept = packet.kept();
    this.#jump = kept;
    if (!before || distance(before.sequence, packet.sequence) !== 1) return;
    this.restart();
    this.push(before);
    this.push(kept);
  }

  #releaseInOrder(): void {
    for (let packet = this.#takeNext(); packet; packet = this.#takeNext()) this.#release(packet);
  }

  #takeNext(): RtpPacket | undefined {
    if (this.#next === undefined) return undefined;
    const packet = this.#held.get(this.#next);
    this.#held.delete(this.#next);
    return packet;
  }

  /** Goes on at the nearest packet that waits. */
  #giveUpMissing(): void {
    const nearest = this.#nearest();
    if (nearest === undefined || this.#next === undefined) return;
    this.#lost += distance(this.#next, nearest);
    this.#gap = true;
    this.#next = nearest;
    this.#releaseInOrder();
  }

  #releaseAll(): void {
    while (this.#held.size > 0) this.#giveUpMissing();
  }

  #nearest(): number | undefined {
    const from = this.#next;
    if (from === undefined) return undefined;
    let nearest: number | undefined;
    for (const sequence of this.#held.keys()) {
      if (nearest === undefined || distance(from, sequence) < distance(from, nearest)) nearest = sequence;
    }
    return nearest;
  }

  #release(packet: RtpPacket): void {
    this.#next = (packet.sequence + 1) & 0xffff;
    this.#received += 1;
    const gap = this.#gap;
    this.#gap = false;
    this.#out(packet, gap);
  }
}

/** How far `to` lies ahead of `from` in 16-bit sequence numbers; negative when it lies behind. */
function distance(from: number, to: number): number {
  return ((to - from + 0x18000) & 0xffff) - 0x8000;
}
