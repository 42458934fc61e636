/**
 * Where the variants of the bench send: one port each for anything (thrown away), MQTT, and RTSP RECORD. Prints its
 * ports; for each line on standard input, one line of figures since the last one. Argument: a camera that is watched
 * beside the variants, to know when its pictures come.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { missing, readFragment } from './mp4-count.ts';
import { mqttLength, Packets, rtspLength } from './packets.ts';
import { Watch } from './watch.ts';

export interface SinkPorts {
  readonly raw: number;
  readonly mqtt: number;
  readonly rtsp: number;
}

export interface SinkFigures {
  readonly bytes: number;
  /** By channel: the topic, or the address that is announced. */
  readonly frames: Readonly<Record<string, number>>;
  readonly framesLost: number;
  /** From the arrival of the packet that completes a fragment until the fragment is here, ms. */
  readonly insideMs: readonly number[];
}

const PUBLISH = 3;
const CONNACK = Buffer.from([0x20, 3, 0, 0, 0]);
const SUBACK_TYPE = 8;
const PINGREQ = 12;
const PINGRESP = Buffer.from([0xd0, 0]);

const watch = await Watch.start(process.argv[2] ?? '');
const none = () => ({
  ...{ bytes: 0, framesLost: 0 },
  frames: {} as Record<string, number>,
  insideMs: [] as number[],
});
let figures = none();

function count(channel: string, frames: number): void {
  figures.frames[channel] = (figures.frames[channel] ?? 0) + frames;
}

function raw(socket: Socket): void {
  socket.on('data', (chunk) => {
    figures.bytes += chunk.length;
  });
}

function mqtt(socket: Socket): void {
  const packets = new Packets(mqttLength, (packet) => {
    const type = (packet[0] ?? 0) >> 4;
    if (type === 1) socket.write(CONNACK);
    else if (type === SUBACK_TYPE) socket.write(Buffer.from([0x90, 4, packet[2] ?? 0, packet[3] ?? 0, 0, 0]));
    else if (type === PINGREQ) socket.write(PINGRESP);
    else if (type === PUBLISH) publish(packet);
  });
  socket.on('data', (chunk: Buffer) => packets.push(chunk));
}

/** The next fragment of each topic. */
const nextNumbers = new Map<string, number>();

function publish(packet: Buffer): void {
  let at = 1;
  while ((packet[at] ?? 0) >= 0x80) at += 1;
  const topicEnd = at + 3 + packet.readUInt16BE(at + 1);
  const topic = packet.toString('latin1', at + 3, topicEnd);
  const fragment = readFragment(packet.subarray(topicEnd + 1));
  figures.bytes += packet.length;
  count(topic, fragment.frames);
  // A fragment that never came held one picture at least.
  figures.framesLost += missing(fragment) + fragment.number - (nextNumbers.get(topic) ?? fragment.number);
  nextNumbers.set(topic, fragment.number + 1);
  if (!topic.includes('/cam-1/')) return;
  const insideMs = watch.sinceNextMs(fragment.wallMs + fragment.ticks / 90);
  if (insideMs !== undefined) figures.insideMs.push(insideMs);
}

/** Pictures are 40 ms apart. */
const PICTURE_TICKS = 3600;

/** Answers whatever a publisher asks; RTP is counted by its sequence numbers, markers and time stamps. */
function rtsp(socket: Socket): void {
  let channel = '';
  let expected: number | undefined;
  let last: number | undefined;
  const packets = new Packets(rtspLength, (packet) => {
    if (packet[0] !== 0x24) {
      const request = packet.toString('latin1');
      channel = /^ANNOUNCE (\S+)/.exec(request)?.[1] ?? channel;
      return answer(socket, request);
    }
    if (packet[1] !== 0) return;
    figures.bytes += packet.length;
    const sequence = packet.readUInt16BE(6);
    if (expected !== undefined && expected !== sequence) figures.framesLost += 1;
    expected = (sequence + 1) & 0xffff;
    if (((packet[5] ?? 0) & 0x80) === 0) return;
    count(channel, 1);
    const timestamp = packet.readUInt32BE(8);
    if (last !== undefined) figures.framesLost += Math.round(((timestamp - last) >>> 0) / PICTURE_TICKS) - 1;
    last = timestamp;
  });
  socket.on('data', (chunk: Buffer) => packets.push(chunk));
}

function answer(socket: Socket, request: string): void {
  const cseq = /^CSeq: (\d+)/im.exec(request)?.[1] ?? '0';
  const transport = request.startsWith('SETUP') ? 'Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n' : '';
  socket.write(`RTSP/1.0 200 OK\r\nCSeq: ${cseq}\r\nSession: 1;timeout=60\r\n${transport}\r\n`);
}

async function listening(serve: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

const ports: SinkPorts = {
  raw: await listening(raw),
  mqtt: await listening(mqtt),
  rtsp: await listening(rtsp),
};
console.log(JSON.stringify(ports));
createInterface({ input: process.stdin })
  .on('line', () => {
    console.log(JSON.stringify(figures satisfies SinkFigures));
    figures = none();
  })
  .on('close', () => process.exit(0));
