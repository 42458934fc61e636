import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { GstRecorder } from '../support/gst-recorder.ts';
import type { ForeignMessage } from '../support/mosquitto.ts';
import { until } from '../support/until.ts';
import { camera, parts, received } from './parts.ts';
import { cameraAt } from './plane.ts';

const MIB = 2 ** 20;
const PICTURES = 50;
/** Largest RTP packet of ours and of the camera. */
const MOST_PACKET_BYTES = 1500;
/** Pings, acknowledgements and requests are shorter; a message of media is not. */
const MEDIA_BYTES = 600;

/** The system calls of a running process by which bytes leave it, counted from outside. Needs the Debian package strace. */
class SocketCalls {
  readonly #file: string;
  readonly #strace: ChildProcess;

  private constructor(file: string, strace: ChildProcess) {
    this.#file = file;
    this.#strace = strace;
  }

  static async of(t: Test, pid: number): Promise<SocketCalls> {
    const file = join(t.testdir({}), 'calls');
    const calls = 'trace=write,writev,sendto,sendmsg,sendmmsg,io_uring_enter';
    const strace = spawn('strace', ['-f', '-yy', '-s', '0', '-e', calls, '-o', file, '-p', String(pid)]);
    t.teardown(() => strace.kill('SIGKILL'));
    let said = '';
    strace.stderr.on('data', (text: Buffer) => (said += text.toString()));
    await until(() => said.includes('attached'));
    return new SocketCalls(file, strace);
  }

  /** Ends the count. @returns the bytes of each call that wrote to a connection to this port, which strace has told */
  async end(): Promise<(port: number) => number[]> {
    const exited = once(this.#strace, 'exit');
    this.#strace.kill('SIGINT');
    await exited;
    const lines = whole((await readFile(this.#file, 'latin1')).split('\n'));
    return (port) =>
      lines.flatMap((line) => {
        const bytes = /\) += (\d+)$/.exec(line)?.[1];
        return line.includes(`->127.0.0.1:${port}]`) && bytes !== undefined ? [Number(bytes)] : [];
      });
  }
}

/** A call during which another thread made one is told in two lines, each behind the number of its thread. */
function whole(lines: readonly string[]): string[] {
  const begun = new Map<string, string>();
  return lines.flatMap((line) => {
    const [thread = ''] = line.split(' ');
    const begin = /^(.*) <unfinished \.\.\.>$/.exec(line)?.[1];
    const end = /<\.\.\. \w+ resumed>(.*)$/.exec(line)?.[1];
    if (begin !== undefined) begun.set(thread, begin);
    if (begin !== undefined) return [];
    return end === undefined ? [line] : [`${begun.get(thread) ?? ''}${end}`];
  });
}

t.test('video: writes are gathered, one for each message and not one for each RTP packet', async (t) => {
  const { broker, plane, subscriber } = await parts(t);
  const server = await GstRecorder.start();
  t.teardown(() => server.kill());
  const gst = await camera(t, { pattern: 'snow', bitrate: 3_000, buffers: PICTURES });
  const calls = await SocketCalls.of(t, plane.child?.pid ?? 0);
  const destinations = [
    { id: 'mqtt', kind: 'mqtt' as const, creditBytes: 4 * MIB },
    { id: 'dst-1', kind: 'rtsp' as const, creditBytes: 4 * MIB, url: server.url },
  ];
  plane.agent.link.setCameras([cameraAt('cam-a', gst.url, { destinations })]);
  await received(subscriber, PICTURES);
  await until(() => server.pictures.length >= PICTURES);
  await gst.stall();
  // A server that is behind as the recording ends does not read the rest.
  await until(() => server.pictures.at(-1)?.nals.at(-1)?.sha1 === gst.sent.at(-1)?.nals.at(-1));
  plane.agent.link.setCameras([]);
  await plane.agent.phase('cam-a', 'stopped');
  const writes = await calls.end();
  const media = (port: number) => writes(port).filter((bytes) => bytes >= MEDIA_BYTES);
  const [toBroker, toServer] = [media(broker.port), media(server.port)];
  const packets = sum(toServer) / MOST_PACKET_BYTES;
  t.ok(packets > 4 * PICTURES, `${Math.round(packets)} RTP packets at least, of ${PICTURES} pictures`);
  t.ok(sum(toBroker) > 0.9 * sum(toServer), 'of both the same pictures are counted');
  await until(() => sum(subscriber.messages.map(sizeOf)) >= sum(toBroker));
  const messages = subscriber.messages.length;
  t.ok(toBroker.length <= messages, `${toBroker.length} writes of ${messages} messages to the broker`);
  await until(() => server.pictures.length >= Math.min(toServer.length - 2, 4 * PICTURES));
  const pictures = server.pictures.length;
  t.ok(toServer.length <= pictures + 2, `${toServer.length} writes of ${pictures} pictures to the server`);
  t.ok(toServer.length >= PICTURES / 2 && toBroker.length > 2, 'which strace has seen');
});

const sum = (all: readonly number[]) => all.reduce((bytes, one) => bytes + one, 0);

/** With its head: the topic, its length, the length of all, and no properties. */
const sizeOf = ({ topic, payload }: ForeignMessage) => payload.length + topic.length + 8;
