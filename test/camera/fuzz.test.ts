import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { BeffroiError } from '../../agent/base/errors.ts';
import { type Block, BytePool } from '../../agent/base/pool.ts';
import { parseChallenges } from '../../agent/camera/auth/challenge.ts';
import { Login } from '../../agent/camera/auth/digest.ts';
import { rbsp } from '../../agent/camera/codec/bits.ts';
import { nalRules } from '../../agent/camera/codec/nal.ts';
import { parseSps } from '../../agent/camera/codec/sps.ts';
import { splitStartCodes } from '../../agent/camera/codec/start-codes.ts';
import { MAX_UNIT_BYTES } from '../../agent/camera/rtsp/access-units.ts';
import { baseUrl, controlUrls, parseAddress } from '../../agent/camera/rtsp/control-url.ts';
import { parsePublic, parseRtpInfo, parseSession, parseTransport } from '../../agent/camera/rtsp/fields.ts';
import { Headers, type RtspMessage } from '../../agent/camera/rtsp/message.ts';
import { MAX_BODY_BYTES, MAX_HEADER_BYTES, StreamReader } from '../../agent/camera/rtsp/reader.ts';
import { VideoReceiver } from '../../agent/camera/rtsp/receiver.ts';
import { findSenderReport, isRtcp, RtpPacket } from '../../agent/camera/rtsp/rtp.ts';
import { findVideo } from '../../agent/camera/rtsp/sdp.ts';
import type { AccessUnit, VideoCodec } from '../../agent/camera/types.ts';
import { clip } from '../support/clips.ts';
import { type Dice, damaged } from '../support/dice.ts';
import { fuzzDice } from '../support/fuzz.ts';
import { TestClock } from '../support/test-clock.ts';
import { aggregate, payloads264, payloads265, rtpBytes } from './rtsp/packetize.ts';

const FOLDER = new URL('../fixtures/rtsp/', import.meta.url);
const CODECS: readonly VideoCodec[] = ['h264', 'h265'];

/** Replies and descriptions of real cameras. */
const CORPUS = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.txt') && !name.startsWith('LICENSE'))
  .map((name) => readFileSync(new URL(name, FOLDER)));
const REPLIES = CORPUS.filter((bytes) => bytes.toString('latin1', 0, 5) === 'RTSP/');
const SDPS = CORPUS.map((bytes) => bytes.subarray(Math.max(0, bytes.indexOf('v=0')))).filter(
  (bytes) => bytes.toString('latin1', 0, 3) === 'v=0',
);
/** Each line of them is a piece of its own. */
const SDP_LINES = SDPS.flatMap((sdp) => sdp.toString('latin1').split(/\r?\n/)).map((line) =>
  Buffer.from(`${line}\r\n`, 'latin1'),
);

/** What a sender report and a receiver report look like. @see RFC 3550 §6.4 */
function report(dice: Dice): Buffer {
  const sender = dice.bytes(28);
  sender.set([0x80, 200, 0, 6]);
  const receiver = dice.bytes(8);
  receiver.set([0x80, 201, 0, 1]);
  return Buffer.concat(dice.list(1 + dice.below(3), () => dice.pick([sender, receiver])));
}

function packet(dice: Dice): Buffer {
  const payload = dice.bytes(dice.below(40));
  const bytes = rtpBytes({ sequence: dice.below(65536), timestamp: dice.below(2 ** 32), payload });
  bytes[0] = 0x80 | dice.below(64);
  return bytes;
}

t.test('RTP and RTCP: whatever comes is a packet within its bytes, or none [RFC 3550]', async (t) => {
  const read = new RtpPacket();
  fuzzDice(t, 'packets of RTP and RTCP', (dice) => {
    const bytes = damaged(dice, dice.once(2) ? packet(dice) : report(dice));
    const [before, after] = [dice.below(4), dice.below(4)];
    const around = Buffer.concat([Buffer.alloc(before, 0xff), bytes, Buffer.alloc(after, 0xff)]);
    const until = before + bytes.length;
    const isPacket = read.read(around, before, until, 0);
    isRtcp(around, before, until);
    const { wallMs = 0, rtpTimestamp = 0 } = findSenderReport(bytes) ?? {};
    const isReport = wallMs >= 0 && Number.isFinite(wallMs) && rtpTimestamp < 2 ** 32;
    const isInside = read.from >= before + 12 && read.from <= read.until && read.until <= until;
    return isReport && (!isPacket || (isInside && read.kept().payloadBytes === read.payloadBytes));
  });
});

/** Knows how many blocks are out. */
class CountingPool extends BytePool {
  out = 0;

  override take(bytes: number): Block {
    this.out += 1;
    return super.take(bytes);
  }

  override giveBack(block: Block): void {
    this.out -= 1;
    super.giveBack(block);
  }
}

/** Pictures of a clip, small ones, in packets. */
function clipPayloads(codec: VideoCodec): Buffer[][] {
  const packetize = codec === 'h264' ? payloads264 : payloads265;
  const { units, parameterSets } = clip(codec === 'h264' ? 'h264-small' : 'h265-small');
  const small = units.slice(0, 20).map(({ nals }) => nals.map((nal) => nal.subarray(0, 300)));
  return [
    [aggregate(codec, [...parameterSets])],
    ...small.map((nals) => nals.flatMap((nal) => packetize(nal, 90))),
  ];
}

const PAYLOADS = { h264: clipPayloads('h264'), h265: clipPayloads('h265') };
const PIECES = { h264: PAYLOADS.h264.flat(), h265: PAYLOADS.h265.flat() };

/** One picture, as a camera sends it that loses, repeats, disorders, alters and miscounts. */
class BadSender {
  readonly #dice: Dice;
  readonly #codec: VideoCodec;
  readonly #state: { sequence: number; timestamp: number; ssrc: number };

  constructor(dice: Dice, codec: VideoCodec, state: { sequence: number; timestamp: number; ssrc: number }) {
    this.#dice = dice;
    this.#codec = codec;
    this.#state = state;
  }

  picture(): Buffer[] {
    const [dice, state] = [this.#dice, this.#state];
    state.timestamp += dice.once(20) ? dice.below(2 ** 32) : 6000;
    if (dice.once(30)) state.sequence += dice.below(65536);
    if (dice.once(100)) state.ssrc += 1;
    const payloads = dice.pick(PAYLOADS[this.#codec]);
    const packets = payloads.flatMap((payload, i) => this.#packet(payload, i === payloads.length - 1));
    if (dice.once(10)) packets.reverse();
    return packets;
  }

  #packet(payload: Buffer, marker: boolean): Buffer[] {
    const [dice, { timestamp, ssrc }] = [this.#dice, this.#state];
    this.#state.sequence += 1;
    if (dice.once(25)) return [];
    const fields = { sequence: this.#state.sequence, timestamp, ssrc, marker: dice.once(20) !== marker };
    const sent = dice.once(8) ? damaged(dice, payload, PIECES[this.#codec]) : payload;
    const bytes = rtpBytes({ ...fields, payload: sent });
    const last = dice.once(30) ? damaged(dice, bytes) : bytes;
    return dice.once(30) ? [last, last] : [last];
  }
}

function isSound(unit: AccessUnit, codec: VideoCodec): boolean {
  const rules = nalRules(codec);
  const bytes = unit.nals.reduce((sum, nal) => sum + 4 + nal.length, 0);
  const isFilled = unit.nals.every((nal) => nal.length > 0);
  const hasPicture = unit.nals.some((nal) => rules.kind(nal) === 'slice');
  return isFilled && hasPicture && bytes === unit.bytes.length && bytes <= MAX_UNIT_BYTES + 65_536;
}

/** Where the picture grows that is not complete. */
const GROWING_BLOCKS = 1;

/** A receiver that lives as long as the run: what it kept of each case would add up. */
function longReceiver(codec: VideoCodec) {
  const pool = new CountingPool();
  const video = {
    track: { codec, clockRate: 90_000, parameterSets: {} },
    ...{ payloadType: 96, control: '*', sessionControl: '*' },
  };
  const seen = { units: 0, bad: 0 };
  const transport = { interleaved: true, rtpChannel: 0, rtcpChannel: 1 };
  const receiver = new VideoReceiver(
    video,
    transport,
    { clock: new TestClock(), pool, clockSaid: () => undefined, unread: () => 0 },
    (unit) => {
      seen.units += 1;
      if (!isSound(unit, codec) || pool.out !== GROWING_BLOCKS + 1) seen.bad += 1;
    },
  );
  return { receiver, pool, seen, state: { sequence: 0, timestamp: 0, ssrc: 1 } };
}

t.test('pictures: whatever a camera sends, what comes out is a picture, and nothing is kept', async (t) => {
  const receivers = { h264: longReceiver('h264'), h265: longReceiver('h265') };
  const beforeBytes = process.memoryUsage().arrayBuffers;
  fuzzDice(t, 'pictures in packets', (dice) => {
    const codec = dice.pick(CODECS);
    const { receiver, pool, seen, state } = receivers[codec];
    for (const bytes of new BadSender(dice, codec, state).picture()) {
      receiver.frame(dice.once(50) ? dice.below(4) : 0, bytes, 0, bytes.length, 0);
    }
    const rtcp = damaged(dice, report(dice));
    receiver.frame(1, rtcp, 0, rtcp.length, 0);
    return seen.bad === 0 && pool.out <= GROWING_BLOCKS;
  });
  for (const { seen } of Object.values(receivers))
    t.ok(seen.units > 1_000, `${seen.units} pictures came out`);
  const grownBytes = process.memoryUsage().arrayBuffers - beforeBytes;
  t.ok(grownBytes < 64 * 1024 * 1024, `${grownBytes} bytes more than before`);
});

const ADDRESS = parseAddress('cam-a', 'rtsp://10.9.8.7:8554/asked/here?x=1');

/** What the room does with a reply. */
function useReply(headers: Headers, body: Buffer): boolean {
  const transport = parseTransport(headers.get('transport'));
  const session = parseSession(headers.get('session'));
  const info = parseRtpInfo(headers.get('rtp-info') ?? '');
  parsePublic(headers);
  const video = findVideo(body.toString('utf8'));
  const base = baseUrl(ADDRESS, headers);
  const urls = [video?.sessionControl, video?.control].flatMap((one) =>
    one === undefined ? [] : controlUrls(ADDRESS, base, one),
  );
  return (
    transport.rtpChannel <= 255 &&
    transport.rtcpChannel <= 256 &&
    (session === undefined || (session.timeoutMs > 0 && session.timeoutMs <= 86_400_000)) &&
    info.every(({ sequence = 0, rtpTime = 0 }) => sequence <= 0xffff && rtpTime <= 0xffffffff) &&
    urls.every((url) => url.startsWith('rtsp://10.9.8.7:8554') && !/[\r\n ]/.test(url))
  );
}

function frame(dice: Dice): Buffer {
  const payload = dice.once(2) ? packet(dice) : report(dice);
  const head = Buffer.from([0x24, dice.below(4), 0, 0]);
  head.writeUInt16BE(dice.once(20) ? dice.below(65536) : payload.length, 2);
  return Buffer.concat([head, payload]);
}

const REQUEST = Buffer.from('GET_PARAMETER rtsp://x/ RTSP/1.0\r\nCSeq: 3\r\nContent-Length: 2\r\n\r\nab');

const SAID = [...REPLIES, REQUEST];

function conversation(dice: Dice): Buffer {
  const pieces = dice.list(1 + dice.below(5), () => {
    if (dice.once(12)) return dice.bytes(dice.below(30));
    return dice.once(3) ? damaged(dice, dice.pick(SAID), CORPUS) : frame(dice);
  });
  return damaged(dice, Buffer.concat(pieces), REPLIES);
}

type Seen = (string | number)[];

/** Everything that came out of a reader, and how it ended. */
function readBy(chunks: readonly Buffer[]): Seen {
  const seen: Seen = [];
  const message = (one: RtspMessage) => {
    seen.push(one.kind, one.body.length, useReply(one.headers, one.body) ? 'used' : 'broken');
  };
  const reader = new StreamReader('cam-a', {
    frame: (channel, _, from, until) => seen.push(channel, until - from),
    message,
  });
  try {
    for (const chunk of chunks) reader.feed(chunk);
  } catch (thrown) {
    if (!(thrown instanceof BeffroiError)) throw thrown;
    seen.push(thrown.code);
  }
  return [...seen, reader.skipped];
}

function cut(dice: Dice, stream: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < stream.length; ) {
    const size = 1 + dice.below(dice.once(4) ? 8 : 600);
    chunks.push(Buffer.from(stream.subarray(at, at + size)));
    at += size;
  }
  return chunks;
}

t.test('RTSP: whatever comes, in whatever pieces, the same is read of it [RFC 2326]', async (t) => {
  let messages = 0;
  fuzzDice(t, 'replies, requests and frames of RTSP', (dice) => {
    const stream = conversation(dice);
    const whole = readBy([stream]);
    if (whole.includes('used')) messages += 1;
    const isSame = !dice.once(8) || readBy(cut(dice, stream)).join() === whole.join();
    return isSame && !whole.includes('broken');
  });
  t.ok(messages > 1_000, `${messages} cases held a message`);
});

const FIELDS = REPLIES.flatMap((reply) => reply.toString('latin1').split(/\r?\n/))
  .map((line) => line.slice(line.indexOf(':') + 1).trim())
  .filter((value) => value.length > 3)
  .map((value) => Buffer.from(value, 'latin1'));

t.test('RTSP: fields and challenges are read within bounds, whatever stands in them', async (t) => {
  fuzzDice(t, 'fields of RTSP', (dice) => {
    const value = damaged(dice, dice.pick(FIELDS), FIELDS).toString('latin1');
    const names = ['transport', 'session', 'rtp-info', 'public', 'content-base', 'content-location'];
    const challenges = parseChallenges([value]);
    const used = useReply(new Headers(names.map((name) => [name, value])), Buffer.alloc(0));
    return used && challenges.length <= 16 && answers(value);
  });
});

/** A login answers a challenge, or says by a code why it does not. */
function answers(challenge: string): boolean {
  const options = { camera: 'cam-a', peerKnown: false, randomBytes: (count: number) => Buffer.alloc(count) };
  const login = new Login({ version: 1, user: 'user', password: 'a long password' }, options);
  try {
    login.challenge([challenge]);
    return login.authorize('PLAY', 'rtsp://h/')?.includes('a long password') === false;
  } catch (thrown) {
    return thrown instanceof BeffroiError;
  }
}

t.test('SDP: whatever is described is a track that can be asked for, or none [RFC 8866]', async (t) => {
  let tracks = 0;
  fuzzDice(t, 'descriptions', (dice) => {
    const lines = dice.list(dice.below(20), () => dice.pick(SDP_LINES));
    const sdp = damaged(dice, dice.once(3) ? Buffer.concat(lines) : dice.pick(SDPS), SDP_LINES);
    const found = findVideo(sdp.toString('utf8'));
    if (!found) return true;
    tracks += 1;
    const { codec, clockRate, parameterSets } = found.track;
    const areSets = Object.entries(parameterSets).every(([kind, nal]) => nalRules(codec).kind(nal) === kind);
    return areSets && found.payloadType <= 127 && clockRate > 0 && clockRate <= 1_000_000;
  });
  t.ok(tracks > 1_000, `${tracks} cases described a track`);
});

const SETS = CODECS.flatMap((codec) => clip(codec).parameterSets).concat(
  SDPS.flatMap((sdp) => Object.values(findVideo(sdp.toString('latin1'))?.track.parameterSets ?? {})),
);

t.test('NAL: units and parameter sets are read within bounds [H.264 §7.3, H.265 §7.3]', async (t) => {
  fuzzDice(t, 'NAL units and parameter sets', (dice) => {
    const bytes = dice.once(8) ? dice.bytes(dice.below(80)) : damaged(dice, dice.pick(SETS), SETS);
    const parts = splitStartCodes(bytes, 4096);
    const arePieces = parts.every((part) => part.length > 0 && !part.includes('\x00\x00\x01'));
    const isShorter = rbsp(bytes, 1).length <= Math.max(0, bytes.length - 1);
    return arePieces && isShorter && CODECS.every((codec) => isBounded(codec, bytes));
  });
});

function isBounded(codec: VideoCodec, bytes: Buffer): boolean {
  const rules = nalRules(codec);
  for (const at of [0, bytes.length]) {
    rules.kind(bytes, at);
    rules.isKey(bytes, at);
    rules.startsPicture(bytes, at);
  }
  const sps = parseSps(codec, bytes);
  if (!sps) return true;
  const { width, height, reorderDepth = 0 } = sps;
  const fps = sps.codec === 'h264' ? (sps.framesPerSecond ?? 1) : 1;
  const isPicture = width >= 8 && height >= 8 && width <= 16_384 && height <= 16_384;
  return isPicture && reorderDepth >= 0 && reorderDepth <= 16 && fps > 0 && fps <= 1000;
}

/** CPU time of one call. */
function cpuMs(work: () => void): number {
  const beginUs = process.cpuUsage().user;
  try {
    work();
  } catch (thrown) {
    if (!(thrown instanceof BeffroiError)) throw thrown;
  }
  return (process.cpuUsage().user - beginUs) / 1_000;
}

/** Far above what reading takes, far below what a reader that goes back and forth would take. */
const LIMIT_MS = 800;

t.test('what is as long as may be, and made to be slow to read, is read at once', async (t) => {
  const long = (begin: string, piece: string, end: string, bytes: number) =>
    begin + piece.repeat(Math.ceil(bytes / piece.length)).slice(0, bytes - begin.length - end.length) + end;
  const field = (begin: string, piece: string, end = '') => {
    const value = long(begin, piece, end, MAX_HEADER_BYTES);
    const names = ['transport', 'session', 'rtp-info', 'public', 'content-base', 'content-location'];
    const ms = cpuMs(() => useReply(new Headers(names.map((name) => [name, value])), Buffer.alloc(0)));
    const login = cpuMs(() => answers(value));
    t.ok(ms + login < LIMIT_MS, `field: ${begin}${piece}${end}`);
  };
  for (const piece of [
    ' ',
    ';',
    ',',
    '=',
    '"',
    '\\',
    '/',
    '.',
    '%',
    ';seq=1',
    '; seq=1;',
    ',url=',
    ', ',
    '1',
  ])
    for (const end of ['', 'b', ';x']) {
      field('url=a', piece, end);
      field('Digest a="', piece, end);
      field('rtsp://h/', piece, end);
    }
  const described = 'v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n';
  const sdp = (begin: string, piece: string) => {
    const text = long(begin, piece, '', MAX_BODY_BYTES);
    const name = encodeURIComponent(begin.slice(-30) + piece); // tap takes no line that has another end of line in it
    t.ok(cpuMs(() => findVideo(text)) < LIMIT_MS, `description: ${name}`);
  };
  for (const piece of [
    ' ',
    'm=video\n',
    'a=:',
    'a=fmtp:96 a=b;\n',
    'a=rtpmap:96 H264\n',
    '\n',
    '\0',
    'a',
    '=',
  ])
    for (const begin of ['', described, `${described}a=fmtp:96 `]) sdp(begin, piece);
  // To these a pattern without the flag s finds no end.
  const half = ' '.repeat(MAX_BODY_BYTES / 2);
  for (const begin of ['a=', `${described}a=fmtp:96 `]) sdp(`${begin}${half}x\u2028`, 'b');
  for (const piece of ['Zw,', 'Z0', 'AAAB', 'AAAD', 'Z2QAM6zoAoALWQ==,', 'A', ',', ';', '/'])
    for (const name of ['sprop-sps', 'sprop-parameter-sets']) sdp(`${described}a=fmtp:96 ${name}=`, piece);
  for (const piece of [
    'AAA ',
    'RTSP/1.0 200x',
    'A: b\r\n',
    'OPTIONS * RTSP/1.0',
    '\r\n',
    '$\0\0\x08\x80',
    'RTSP/',
  ])
    for (const begin of ['', 'RTSP/1.0 200 OK\r\n', '$\0\0\x08\x80']) {
      const bytes = Buffer.from(long(begin, piece, '', 65_536), 'latin1');
      t.ok(cpuMs(() => readBy([bytes])) < LIMIT_MS, `stream: ${begin}${piece}`);
    }
});
