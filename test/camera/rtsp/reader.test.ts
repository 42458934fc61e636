import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import { BeffroiError } from '../../../agent/base/errors.ts';
import {
  MAX_BODY_BYTES,
  MAX_GARBAGE_BYTES,
  MAX_HEADER_BYTES,
  StreamReader,
} from '../../../agent/camera/rtsp/reader.ts';
import * as fc from '../../support/properties.ts';

type Seen =
  | { frame: number; hex: string }
  | { status: number; cseq: string; body: string }
  | { request: string };

function read(chunks: readonly Buffer[]): { seen: Seen[]; skipped: number; error?: string } {
  const seen: Seen[] = [];
  const reader = new StreamReader('cam-a', {
    frame: (channel, bytes, from, until) =>
      seen.push({ frame: channel, hex: bytes.toString('hex', from, until) }),
    message: (message) =>
      seen.push(
        message.kind === 'request'
          ? { request: message.method }
          : {
              status: message.status,
              cseq: message.headers.get('cseq') ?? '',
              body: message.body.toString('latin1'),
            },
      ),
  });
  try {
    for (const chunk of chunks) reader.feed(chunk);
  } catch (thrown) {
    if (!(thrown instanceof BeffroiError)) throw thrown;
    return { seen, skipped: reader.skipped, error: thrown.code };
  }
  return { seen, skipped: reader.skipped };
}

const text = (value: string) => Buffer.from(value, 'latin1');

function frame(channel: number, payload: Buffer): Buffer {
  const header = Buffer.from([0x24, channel, 0, 0]);
  header.writeUInt16BE(payload.length, 2);
  return Buffer.concat([header, payload]);
}

const rtp = (fill: number, length: number) =>
  Buffer.concat([Buffer.from([0x80]), Buffer.alloc(length, fill)]);

t.test('reader: frames and replies come out in the order of the stream', async (t) => {
  const stream = Buffer.concat([
    frame(0, rtp(1, 20)),
    text('RTSP/1.0 200 OK\r\nCSeq: 3\r\nContent-Length: 4\r\n\r\nbody'),
    frame(1, rtp(2, 30)),
    text('RTSP/1.0 401\ncseq:4\n\n'),
    text('OPTIONS rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n'),
  ]);
  const { seen, skipped } = read([stream]);
  t.same(seen, [
    { frame: 0, hex: rtp(1, 20).toString('hex') },
    { status: 200, cseq: '3', body: 'body' },
    { frame: 1, hex: rtp(2, 30).toString('hex') },
    { status: 401, cseq: '4', body: '' },
    { request: 'OPTIONS' },
  ]);
  t.equal(skipped, 0);
});

t.test(
  'reader: a folded field is one field, and a line without a colon is left out [RFC 2326 §15.1]',
  async (t) => {
    const { seen } = read([text('RTSP/1.0 200 OK\r\nnonsense\r\nCSeq:\r\n 7\r\n\r\n')]);
    t.same(seen, [{ status: 200, cseq: '7', body: '' }]);
  },
);

t.test(
  'reader: after garbage it finds the next frame and the next reply, and counts what it skipped',
  async (t) => {
    const garbage = text('\u0001\u00ff$\u0000\u0000RTSPx$$$ HTTP/1.1 200\u0000');
    const good = [
      frame(0, rtp(1, 20)),
      garbage,
      frame(0, rtp(2, 20)),
      garbage,
      text('RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n'),
    ];
    const { seen, skipped } = read([Buffer.concat(good)]);
    t.same(seen, [
      { frame: 0, hex: rtp(1, 20).toString('hex') },
      { frame: 0, hex: rtp(2, 20).toString('hex') },
      { status: 200, cseq: '9', body: '' },
    ]);
    t.equal(skipped, 2 * garbage.length);
  },
);

t.test('reader: it gives up after too much garbage, too long a header and too long a body', async (t) => {
  t.equal(read([Buffer.alloc(MAX_GARBAGE_BYTES + 1, 1)]).error, 'camera-protocol');
  const endless = [
    text('RTSP/1.0 200 OK\r\n'),
    ...Array.from({ length: 300 }, () => text(`A: ${'x'.repeat(1000)}\r\n`)),
  ];
  t.equal(read(endless).error, 'camera-too-large');
  t.equal(
    read([
      text('RTSP/1.0 200 OK\r\nA: '),
      ...Array.from({ length: MAX_HEADER_BYTES / 1024 + 1 }, () => Buffer.alloc(1024, 65)),
    ]).error,
    'camera-too-large',
  );
  t.equal(
    read([text(`RTSP/1.0 200 OK\r\n${'A: b\r\n'.repeat(1000)}`)]).error,
    'camera-too-large',
    'many short lines',
  );
  t.equal(
    read([text(`RTSP/1.0 200 OK\r\nContent-Length: ${MAX_BODY_BYTES + 1}\r\n\r\n`)]).error,
    'camera-too-large',
  );
  t.same(read([text('RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: -5\r\n\r\n')]).seen, [
    { status: 200, cseq: '1', body: '' },
  ]);
});

t.test('reader: a long header that comes byte by byte is read', async (t) => {
  const message = text(`RTSP/1.0 200 OK\r\nCSeq: 1\r\nX: ${'y'.repeat(60_000)}\r\n\r\n`);
  const { seen } = read(Array.from(message, (byte) => Buffer.from([byte])));
  t.same(seen, [{ status: 200, cseq: '1', body: '' }]);
});

const piece = fc.oneof(
  fc
    .tuple(fc.nat(3), fc.uint8Array({ minLength: 8, maxLength: 60 }))
    .map(([channel, bytes]) => frame(channel, rtp(bytes[0] ?? 0, bytes.length))),
  fc
    .nat(300)
    .map((length) =>
      text(`RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: ${length}\r\n\r\n${'$'.repeat(length)}`),
    ),
  fc.constantFrom(
    text('\r\n'),
    text('GET_PARAMETER * RTSP/1.0\nCSeq: 2\n\n'),
    text('RTSP/1.0 OK\r\n\r\n'),
    text('$$'),
    text('RTS'),
  ),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
);

t.test('reader: however the stream is cut into chunks, the same comes out', async (t) => {
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 20 }),
      fc.array(fc.nat({ max: 97 }), { minLength: 1, maxLength: 30 }),
      (pieces, cuts) => {
        const stream = Buffer.concat(pieces);
        return isDeepStrictEqual(read(cutBy(stream, cuts)), read([stream]));
      },
    ),
    { numRuns: 1000 },
  );
  t.pass('held');
});

function cutBy(stream: Buffer, cuts: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (let i = 0; at < stream.length; i += 1) {
    const size = Math.max(1, cuts[i % cuts.length] ?? 1);
    // A copy, as a socket gives: a reader that kept a reference into a chunk would be found out.
    chunks.push(Buffer.from(stream.subarray(at, at + size)));
    at += size;
  }
  return chunks;
}

t.test('reader: good frames between any garbage are lost at most until the next ones', async (t) => {
  const garbage = fc
    .uint8Array({ maxLength: 100 })
    .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0x24 ? 0 : byte))));
  fc.assert(
    fc.property(fc.array(garbage, { minLength: 1, maxLength: 10 }), (pieces) => {
      const stream = pieces.flatMap((bytes, i) => [bytes, text('\r\n\u0000'), frame(0, rtp(i, 20))]);
      const { seen } = read([frame(0, rtp(200, 20)), ...stream]);
      return seen.filter((one) => 'frame' in one).length === pieces.length + 1;
    }),
  );
  t.pass('held');
});

t.test('reader: arbitrary bytes never throw anything but what it promises', async (t) => {
  const bytes = fc.uint8Array({ maxLength: 3000 }).map((raw) => Buffer.from(raw));
  fc.assert(fc.property(fc.array(bytes, { maxLength: 5 }), (chunks) => read(chunks).skipped >= 0));
  t.pass('held');
});
