import { Packets, rtspLength } from './packets.ts';
import { play } from './playing.ts';

/** Pictures that are remembered: a fragment is soon behind them. */
const KEPT = 200;
/** Half the distance of two pictures: the wall times of one picture by two readers differ by less. */
const SAME_MS = 20;
const TICKS_PER_MS = 90;

interface Seen {
  readonly timestamp: number;
  readonly atMs: number;
}

/** Watches a camera beside the variants: when the first packet of each picture came, by the camera's wall time. */
export class Watch {
  #seen: Seen[] = [];
  #report: { timestamp: number; wallMs: number } | undefined;

  static async start(url: string): Promise<Watch> {
    const watch = new Watch();
    const { socket, first } = await play(url);
    const packets = new Packets(rtspLength, (packet) => watch.#packet(packet));
    packets.push(first);
    socket.on('data', (chunk: Buffer) => packets.push(chunk)).resume();
    return watch;
  }

  /** Time since the picture of this wall time began to come; undefined when it is not known. */
  sinceNextMs(wallMs: number): number | undefined {
    const report = this.#report;
    if (!report) return undefined;
    const found = this.#seen.find(({ timestamp }) => {
      const ticks = (timestamp - report.timestamp) | 0;
      return Math.abs(report.wallMs + ticks / TICKS_PER_MS - wallMs) < SAME_MS;
    });
    return found && performance.now() - found.atMs;
  }

  #packet(packet: Buffer): void {
    if (packet[0] !== 0x24) return;
    if (packet[1] === 1 && packet[5] === 200) this.#senderReport(packet);
    if (packet[1] !== 0) return;
    const timestamp = packet.readUInt32BE(8);
    if (this.#seen.at(-1)?.timestamp === timestamp) return;
    this.#seen.push({ timestamp, atMs: performance.now() });
    if (this.#seen.length > KEPT) this.#seen.shift();
  }

  /** @see RFC 3550 §6.4.1 */
  #senderReport(packet: Buffer): void {
    const seconds = packet.readUInt32BE(12) - 2_208_988_800;
    const wallMs = seconds * 1000 + (packet.readUInt32BE(16) * 1000) / 2 ** 32;
    this.#report = { timestamp: packet.readUInt32BE(20), wallMs };
  }
}
