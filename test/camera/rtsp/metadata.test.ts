import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { readMetadata } from '../../../agent/camera/onvif/metadata.ts';
import { MAX_DOCUMENT_BYTES, MetadataDocuments } from '../../../agent/camera/rtsp/metadata-documents.ts';
import { METADATA_SILENCE_MS, MetadataTrack } from '../../../agent/camera/rtsp/metadata-track.ts';
import { findMetadata } from '../../../agent/camera/rtsp/sdp.ts';
import { fuzz } from '../../support/fuzz.ts';
import { GstCamera, type GstCameraOptions } from '../../support/gst-camera.ts';
import * as fc from '../../support/properties.ts';
import { Pulling, TestPermit } from './pulling.ts';

const PATIENT = { stallTimeoutMs: 120_000 };

async function pulling(t: Test, options: GstCameraOptions): Promise<{ camera: GstCamera; pulled: Pulling }> {
  const camera = await GstCamera.start(options);
  t.teardown(() => camera.stop());
  const pulled = new Pulling({ url: camera.url }, PATIENT, new TestPermit(), true);
  t.teardown(() => pulled.stop());
  return { camera, pulled };
}

const eventsOf = async (texts: readonly string[]) =>
  (await Promise.all(texts.map((text) => readMetadata(text, 'cam-a')))).flat();

for (const metadata of ['plain', 'gzip'] as const) {
  t.test(
    `GStreamer camera: the metadata track in ${metadata} brings its events, and every picture comes`,
    async (t) => {
      const frames = 40;
      const { camera, pulled } = await pulling(t, { inputs: 'DI_1,DI_2', metadata, frames });
      await pulled.hears(() => pulled.documents.length >= 2);
      await camera.setInput('DI_2', true);
      await pulled.hears(() => pulled.documents.some((text) => text.includes('Changed')));
      await pulled.has(frames);
      t.same(pulled.said, ['asked', 'readable']);
      const events = await eventsOf(pulled.documents);
      t.match(events, [
        {
          topic: 'tns1:Device/Trigger/DigitalInput',
          operation: 'Initialized',
          source: { InputToken: 'DI_1' },
        },
        { operation: 'Initialized', source: { InputToken: 'DI_2' }, data: { LogicalState: 'false' } },
        { operation: 'Changed', source: { InputToken: 'DI_2' }, data: { LogicalState: 'true' } },
      ]);
      t.equal(events.length, 3);
      t.equal(pulled.units.length, frames);
      t.match(pulled.counters(), { rtpLost: 0, framesDamaged: 0, rtpReceived: Number });
    },
  );
}

t.test(
  'GStreamer camera: missing packets, and too many, make the track doubtful and end nothing',
  async (t) => {
    const { camera, pulled } = await pulling(t, { inputs: 'DI_1' });
    await pulled.hears(() => pulled.documents.length >= 1);
    await camera.loseMetadata();
    await pulled.hears(() => pulled.said.length >= 3);
    t.match(pulled.said[2], 'packets are missing');
    const before = pulled.documents.length;
    await camera.setInput('DI_1', true);
    await pulled.hears(() => pulled.documents.length > before);
    t.equal(pulled.said.length, 3, 'told once');
    await camera.floodMetadata();
    await pulled.has(pulled.units.length + 10);
    await camera.setInput('DI_1', false);
    await pulled.has(pulled.units.length + 10);
    t.notOk(
      pulled.documents.at(-1)?.includes('LogicalState" Value="false"'),
      'a flooding track is read no longer',
    );
  },
);

t.test('a camera without the track, and one that is not asked for it, play as ever', async (t) => {
  const { pulled } = await pulling(t, {});
  await pulled.has(5);
  t.same(pulled.said, ['not readable']);
});

t.test('the metadata track of captured descriptions is found', (t) => {
  const described = (name: string) =>
    findMetadata(readFileSync(new URL(`../../fixtures/rtsp/${name}.txt`, import.meta.url), 'utf8'));
  t.same(described('dahua_describe_h264_aac_onvif'), {
    payloadType: 107,
    clockRate: 90000,
    control: 'trackID=4',
    gzip: false,
  });
  t.match(described('hikvision_describe'), { payloadType: 107, control: /trackID=3/ });
  t.equal(described('reolink_describe'), undefined);
  t.equal(described('foscam_describe'), undefined);
  const sdp = (encoding: string) =>
    `m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=application 0 RTP/AVP 98\r\na=rtpmap:98 ${encoding}/90000\r\na=control:m\r\n`;
  t.match(findMetadata(sdp('VND.ONVIF.METADATA.GZIP')), { gzip: true });
  t.equal(findMetadata(sdp('vnd.onvif.metadata.exi.onvif')), undefined, 'EXI cannot be read');
  t.end();
});

/** Letters beside those that XML means something by. */
const filling = fc.string({ unit: fc.constantFrom('a', 'é', ' ', '\n', '/', '0'), maxLength: 600 });
const wellFormed = fc
  .tuple(fc.boolean(), fc.constantFrom('tt:MetadataStream', 'MetaDataStream'), filling)
  .map(([declared, root, inner]) => `${declared ? '<?xml version="1.0"?>' : ''}<${root}>${inner}</${root}>`);

/** Cuts bytes into payloads of these sizes, over and over. */
function payloads(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const cut: Buffer[] = [];
  for (let at = 0, n = 0; at < bytes.length; n += 1) {
    const size = sizes[n % sizes.length] ?? 1;
    cut.push(bytes.subarray(at, at + size));
    at += size;
  }
  return cut;
}

t.test('documents come out as they went in, however they are cut and marked', (t) => {
  fuzz(
    t,
    'metadata documents',
    fc.property(
      fc.array(wellFormed, { maxLength: 5 }),
      fc.array(fc.integer({ min: 18, max: 300 }), { minLength: 1, maxLength: 4 }),
      fc.constantFrom('last', 'always', 'never'),
      fc.boolean(),
      (documents, sizes, marks, gzip) => {
        const out: string[] = [];
        const assembly = new MetadataDocuments(gzip, (text) => out.push(text));
        for (const document of documents) {
          const parts = payloads(gzip ? gzipSync(document) : Buffer.from(document), sizes);
          for (const [n, part] of parts.entries())
            assembly.take(part, gzip || marks === 'last' ? n === parts.length - 1 : marks === 'always');
        }
        // A declaration that stands in a packet of its own may be left out: it says nothing.
        const plain = (texts: readonly string[]) => texts.map((text) => text.replace(/^<\?xml[^>]*>/, ''));
        return JSON.stringify(plain(out)) === JSON.stringify(plain(documents));
      },
    ),
    5_000,
  );
  t.end();
});

t.test('whatever a track brings ends neither the stream nor the memory', (t) => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc
      .constantFrom('<?xml ', '<tt:MetadataStream>', '</tt:MetadataStream>', '\x1f\x8b\x08', '<!DOCTYPE')
      .map((text) => Buffer.from(text, 'latin1')),
  );
  const packet = fc.record({
    ...{
      bytes,
      marker: fc.boolean(),
      skip: fc.integer({ min: 0, max: 3 }),
      channel: fc.constantFrom(0, 1, 2, 3),
    },
    ...{ type: fc.constantFrom(96, 107), ssrc: fc.constantFrom(1, 2), cut: fc.integer({ min: 0, max: 20 }) },
  });
  fuzz(
    t,
    'packets of a metadata track',
    fc.property(fc.array(packet, { maxLength: 40 }), fc.boolean(), (packets, gzip) => {
      const said: string[] = [];
      const handlers = {
        ...{ asked: () => undefined, begins: () => undefined },
        document: (text: string) => void said.push(`document ${text.length <= MAX_DOCUMENT_BYTES}`),
        doubtful: () => void said.push('doubtful'),
      };
      const track = new MetadataTrack(
        { camera: 'cam-a', monotonicMs: () => 0, handlers },
        { payloadType: 107, control: 'm', gzip },
        2,
        96,
      );
      let sequence = 0;
      for (const { bytes: part, marker, skip, channel, type, ssrc, cut } of packets) {
        sequence += 1 + skip;
        const rtp = Buffer.alloc(12 + part.length);
        rtp.set([0x80, (marker ? 0x80 : 0) | type]);
        rtp.writeUInt16BE(sequence, 2);
        rtp.writeUInt32BE(ssrc, 8);
        rtp.set(part, 12);
        const mine = track.frame(channel, rtp, 0, Math.max(4, rtp.length - cut));
        if (mine !== (type === 107)) return false;
      }
      return said.filter((word) => word === 'doubtful').length <= 1 && !said.includes('document false');
    }),
    10_000,
  );
  t.end();
});

t.test('a document above the bound, and a gzip bomb, end the reading of the track', (t) => {
  const out: string[] = [];
  const plain = new MetadataDocuments(false, (text) => out.push(text));
  t.equal(plain.take(Buffer.from('<?xml version="1.0"?>'), false), undefined);
  const fault = plain.take(Buffer.alloc(MAX_DOCUMENT_BYTES, 'x'), false);
  t.match(fault, `above ${MAX_DOCUMENT_BYTES} bytes`);
  const packed = new MetadataDocuments(true, (text) => out.push(text));
  t.match(packed.take(gzipSync(Buffer.alloc(50 * 2 ** 20)), true), 'cannot be unpacked');
  t.same(out, []);
  t.end();
});

t.test('a track that unpacks to more than a camera may send is read no longer', async (t) => {
  const said: string[] = [];
  const handlers = {
    ...{ asked: () => undefined, begins: () => undefined },
    document: (text: string) => void said.push(`${text.length}`),
    doubtful: ({ message }: Error) => void said.push(message),
  };
  const needs = { camera: 'cam-a', monotonicMs: () => 0, handlers };
  const track = new MetadataTrack(needs, { payloadType: 107, control: 'm', gzip: true }, 2, 96);
  const packed = gzipSync(`<MetadataStream>${'<a/>'.repeat(60_000)}</MetadataStream>`);
  for (let sequence = 1; sequence <= 100; sequence += 1) {
    const rtp = Buffer.concat([Buffer.from([0x80, 0x80 | 107, 0, sequence]), Buffer.alloc(8), packed]);
    t.ok(track.frame(2, rtp, 0, rtp.length));
  }
  t.same(said.slice(0, 4), Array(4).fill('240033'));
  t.match([said.length, said[4]], [5, /more than 262144 bytes a second/]);
});

t.test('a document full of blanks is read in one go', async (t) => {
  const blanks = ' '.repeat(MAX_DOCUMENT_BYTES - 100);
  const document = (end: string) => `\0 <MetadataStream>NotificationMessage${blanks}</MetadataStream>${end}`;
  t.same(await readMetadata(document(''), 'cam-a'), []);
  t.same(await readMetadata(document('\0\0 '), 'cam-a'), []);
  t.same(await readMetadata(`<MetadataStream>NotificationMessage</MetadataStream>${blanks}`, 'cam-a'), []);
});

t.test('a track is silent when no packet of it has come for long, and that is told once', (t) => {
  let nowMs = 0;
  const said: string[] = [];
  const handlers = {
    ...{ asked: () => undefined, begins: () => undefined, document: () => undefined },
    doubtful: (error: Error) => void said.push(error.message),
  };
  const track = new MetadataTrack(
    { camera: 'cam-a', monotonicMs: () => nowMs, handlers },
    { payloadType: 107, control: 'm', gzip: false },
    2,
    107,
  );
  const rtp = Buffer.from([0x80, 107, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0x3c]);
  t.equal(track.frame(0, rtp, 0, rtp.length), false, 'a track of the same type is told apart by its channel');
  nowMs = 20_000;
  t.equal(track.frame(2, rtp, 0, rtp.length), true);
  t.equal(track.silentInMs(), METADATA_SILENCE_MS);
  nowMs = 20_000 + METADATA_SILENCE_MS;
  t.equal(track.silentInMs(), 0);
  track.silent();
  track.silent();
  t.equal(said.length, 1);
  t.equal(track.silentInMs(), Number.POSITIVE_INFINITY);
  t.end();
});
