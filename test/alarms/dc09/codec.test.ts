import { createCipheriv } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { decryptContent, encryptContent } from '../../../agent/alarms/dc09/cipher.ts';
import { readContent } from '../../../agent/alarms/dc09/content.ts';
import { crc16 } from '../../../agent/alarms/dc09/crc.ts';
import { type Frame, readFrame, writeFrame } from '../../../agent/alarms/dc09/frame.ts';
import { Framer } from '../../../agent/alarms/dc09/framer.ts';
import { readSignals } from '../../../agent/alarms/dc09/signals.ts';
import { readTime, writeTime } from '../../../agent/alarms/dc09/time.ts';
import { panelKeyBytes } from '../../../agent/trust/seal.ts';
import { fuzz } from '../../support/fuzz.ts';
import * as fc from '../../support/properties.ts';

interface Vectors {
  valid: { name: string; frame: string }[];
  do_not_use: { frame: string }[];
  decrypt: { key_hex: string; ciphertext_hex: string; plaintext: string }[];
}

const file = new URL('../../fixtures/dc09/frames.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors;

function frameOf(text: string): Frame {
  const frame = readFrame(Buffer.from(text, 'latin1'));
  if (typeof frame === 'string') throw new TypeError(`${frame}: ${text}`);
  return frame;
}

t.test('the CRC is CRC-16/ARC', async (t) => {
  t.equal(crc16(Buffer.from('123456789')), 0xbb3d);
});

t.test('every message that was seen elsewhere is read, and written again byte for byte', async (t) => {
  for (const { name, frame } of vectors.valid) {
    const read = frameOf(frame);
    t.equal(writeFrame(read).toString('latin1'), `\n${frame}\r`, name);
    if (!read.encrypted && read.token !== 'NAK') t.ok(readContent(read.content), name);
  }
  t.match(frameOf(vectors.valid[0]?.frame ?? ''), {
    token: 'SIA-DCS',
    sequence: '9876',
    receiver: '579BDF',
    line: '789ABC',
    account: '12345A',
  });
});

t.test('messages with a wrong CRC or a wrong length are refused, wherever they were published', async (t) => {
  for (const { frame } of vectors.do_not_use)
    t.type(readFrame(Buffer.from(frame, 'latin1')), 'string', frame);
});

t.test('what other programs encrypted is opened', async (t) => {
  for (const { key_hex, ciphertext_hex, plaintext } of vectors.decrypt) {
    const plain = decryptContent(`[${ciphertext_hex}`, Buffer.from(key_hex, 'hex'));
    t.equal(plain, `[${plaintext.slice(plaintext.indexOf('|') + 1)}`);
    const content = readContent(plain ?? '');
    t.match(content, { account: '12345A', data: 'NFA129', sentMs: Date.UTC(2006, 1, 15, 13, 14, 15) });
  }
});

t.test('a panel of Hikvision pads an empty message without a bar', async (t) => {
  const key = Buffer.from('AAAAAAAAAAAAAAAA');
  const plain = 'ppppppppppp]_18:24:52,07-05-2020';
  const cipher = createCipheriv('aes-128-cbc', key, Buffer.alloc(16)).setAutoPadding(false);
  const hex = cipher.update(plain, 'latin1', 'hex') + cipher.final('hex');
  t.equal(decryptContent(`[${hex}`, key), '[]_18:24:52,07-05-2020');
});

t.test('keys are hexadecimal digits or characters, of 128, 192 or 256 bits', async (t) => {
  t.equal(panelKeyBytes('0123456789ABCDEF0123456789ABCDEF')?.toString('hex'), '0123456789abcdef'.repeat(2));
  t.equal(panelKeyBytes('AAAAAAAAAAAAAAAA')?.length, 16);
  t.equal(panelKeyBytes('k'.repeat(24))?.length, 24);
  t.equal(panelKeyBytes('k'.repeat(32))?.length, 32);
  t.equal(panelKeyBytes('a'.repeat(64))?.length, 32);
  t.equal(panelKeyBytes('0123456789ABCDEF0123456789ABCDEF', 'characters')?.length, 32);
  t.equal(panelKeyBytes('0123456789ABCDEF0123456789ABCDEF', 'hexadecimal')?.length, 16);
  t.equal(panelKeyBytes('AAAAAAAAAAAAAAAA', 'hexadecimal'), undefined);
  for (const bad of ['', 'short', 'k'.repeat(17), 'é'.repeat(16), 'k'.repeat(64)])
    t.equal(panelKeyBytes(bad), undefined);
});

t.test('what a panel reports is read: SIA with area, several events and words, Contact ID', async (t) => {
  const cases: [token: string, data: string, signals: object[]][] = [
    ['SIA-DCS', 'NFA129', [{ form: 'sia', code: 'FA', area: '', zone: '129' }]],
    ['SIA-DCS', 'Nri1/BA005', [{ code: 'BA', area: '1', zone: '5' }]],
    ['SIA-DCS', 'Nri1CL0^VX FRONTE ^', [{ code: 'CL', area: '1', zone: '0', text: 'VX FRONTE' }]],
    ['SIA-DCS', 'NRR|Atest', [{ code: 'RR', zone: '', text: 'test' }]],
    [
      'SIA-DCS',
      'Nti12:30/ri2/BA1/TA2',
      [
        { code: 'BA', area: '2', zone: '1' },
        { code: 'TA', area: '2', zone: '2' },
      ],
    ],
    ['SIA-DCS', 'NCQ1', [{ code: 'CQ', zone: '1' }]],
    ['ADM-CID', '1110 00 129', [{ form: 'contact-id', code: '110', qualifier: '1', area: '0', zone: '129' }]],
    ['ADM-CID', '313001005', [{ code: '130', qualifier: '3', area: '1', zone: '5' }]],
    ['ADM-CID', '6301 00 000', [{ code: '301', qualifier: '6' }]],
  ];
  for (const [token, data, signals] of cases) t.match(readSignals(token, data), signals, data);
  for (const data of ['', 'N', 'FA129', 'N?', 'Nfa129'])
    t.equal(readSignals('SIA-DCS', data), undefined, data);
  for (const data of ['', '2110 00 129', '1110', 'NFA129'])
    t.equal(readSignals('ADM-CID', data), undefined, data);
  t.equal(readSignals('SIA-XYZ', 'NFA129'), undefined);
});

t.test('times are UTC, month first; a month or a day that there is not is no time', async (t) => {
  t.equal(readTime('13:14:15,02-15-2006'), Date.UTC(2006, 1, 15, 13, 14, 15));
  for (const bad of ['13:14:15,00-15-2006', '13:14:15,02-30-2006', '24:00:00,02-15-2006', '', '13:14:15']) {
    t.equal(readTime(bad), undefined, bad);
  }
});

const hex = (min: number, max: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789ABCDEF'), minLength: min, maxLength: max });

const anyFrame: fc.Arbitrary<Frame> = fc.record({
  token: fc.constantFrom('SIA-DCS', 'ADM-CID', 'NULL', 'ACK', 'DUH'),
  encrypted: fc.boolean(),
  sequence: fc.integer({ min: 0, max: 9999 }).map((n) => String(n).padStart(4, '0')),
  receiver: fc.option(hex(0, 6), { nil: undefined }),
  line: hex(0, 6),
  account: hex(3, 16),
  content: fc
    .string({ unit: 'binary-ascii', maxLength: 200 })
    .map((text) => `[${text.replace(/[\r\n]/g, '')}`),
  crcForm: fc.constantFrom('text', 'binary'),
});

t.test('any message survives writing, a stream cut anywhere, and reading', async (t) => {
  const rule = fc.property(
    fc.array(anyFrame, { minLength: 1, maxLength: 4 }),
    fc.array(fc.nat(60), { maxLength: 30 }),
    (frames, cuts) => {
      const bytes = Buffer.concat(frames.map((frame) => Buffer.concat([writeFrame(frame), Buffer.alloc(1)])));
      const framer = new Framer();
      const read: (Frame | string)[] = [];
      let at = 0;
      for (const length of [...cuts, bytes.length]) {
        framer.push(bytes.subarray(at, at + length));
        at += length;
        for (let next = framer.next(); next; next = framer.next()) read.push(readFrame(Buffer.from(next)));
      }
      return JSON.stringify(read) === JSON.stringify(frames);
    },
  );
  t.doesNotThrow(() => fc.assert(rule, { numRuns: 3_000 }));
});

t.test('any content survives encryption under any key', async (t) => {
  const content = fc.string({ unit: 'binary-ascii', maxLength: 100 }).map((text) => `[${text}]`);
  const key = fc
    .constantFrom(16, 24, 32)
    .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
  const rule = fc.property(content, key, (text, bytes) => {
    const sealed = encryptContent(text, Buffer.from(bytes));
    return (sealed.length - 1) % 32 === 0 && decryptContent(sealed, Buffer.from(bytes)) === text;
  });
  t.doesNotThrow(() => fc.assert(rule, { numRuns: 3_000 }));
});

t.test('times survive writing and reading', async (t) => {
  const rule = fc.property(
    fc.integer({ min: 0, max: 253_402_300_799 }),
    (s) => readTime(writeTime(s * 1000)) === s * 1000,
  );
  t.doesNotThrow(() => fc.assert(rule));
});

/** LF, CRC, length, the longest body that three digits may state, CR. @see SIA DC-09 §5.5.1 */
const LONGEST_BYTES = 0xfff + 10;
const PIECE_BYTES = 500;

t.test('garbage, and messages with one byte changed, are never taken and never harm', async (t) => {
  const seen = vectors.valid.map(({ frame }) => Buffer.from(`\n${frame}\r`, 'latin1'));
  const changed = fc
    .tuple(fc.constantFrom(...seen), fc.nat(), fc.integer({ min: 1, max: 255 }))
    .map(([bytes, at, by]) => {
      const copy = Buffer.from(bytes);
      const index = 1 + (at % (copy.length - 2));
      copy[index] = (copy[index] ?? 0) ^ by;
      return copy;
    });
  const garbage = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  const endless = garbage.map((bytes) => Buffer.concat(Array.from({ length: 40 }, () => bytes)));
  const some = fc.oneof(
    { weight: 199, arbitrary: fc.oneof(changed, garbage) },
    { weight: 1, arbitrary: endless },
  );
  const rule = fc.property(some, (bytes) => {
    const framer = new Framer();
    for (let at = 0; at < bytes.length && !framer.overlong; at += PIECE_BYTES) {
      framer.push(bytes.subarray(at, at + PIECE_BYTES));
      for (let next = framer.next(); next; next = framer.next()) {
        const frame = readFrame(next);
        if (typeof frame !== 'string' && writeFrame(frame).equals(bytes)) continue;
        if (typeof frame !== 'string' && frame.crcForm === 'text' && !isCaseOnly(bytes, seen)) return false;
      }
      if (framer.pending > LONGEST_BYTES + PIECE_BYTES) return false;
    }
    return true;
  });
  fuzz(t, 'messages of DC-09', rule);
});

const WORDS = [
  ...[
    '[',
    ']',
    '|',
    '#',
    '_',
    '^',
    '*',
    '"',
    '/',
    ' ',
    'N',
    'O',
    'ri',
    'ti',
    'id',
    'BA',
    'FA',
    'NRP',
    'H',
    'I',
  ],
  ...['1', '0', '1110', '005', 'FFFFFFFFFFFFFFFFFF', '12345A', '10:20:30,03-01-2026', '\0', '\xe9', '\x0a'],
];

t.test('whatever stands in a message is read within bounds', async (t) => {
  const words = fc.array(fc.constantFrom(...WORDS), { maxLength: 40 }).map((list) => list.join(''));
  const text = fc.oneof(words, fc.string({ unit: 'binary-ascii', maxLength: 300 }));
  const rule = fc.property(text, fc.constantFrom('SIA-DCS', 'ADM-CID'), (inner, token) => {
    const content = readContent(`[${inner}]`) ?? readContent(inner);
    const signals = [inner, content?.data ?? ''].flatMap((data) => readSignals(token, data) ?? []);
    const bounded = signals.every(
      (signal) => signal.area.length <= 16 && signal.zone.length <= 16 && signal.text.length <= 120,
    );
    const opened = decryptContent(inner, Buffer.alloc(16));
    return bounded && signals.length <= 128 && (opened === undefined || opened.startsWith('['));
  });
  fuzz(t, 'contents of DC-09', rule);
});

t.test('a message of the greatest length, made to be slow to read, is read in bounded time', async (t) => {
  const long = (piece: string) => piece.repeat(Math.ceil(4_000 / piece.length)).slice(0, 4_000);
  for (const piece of ['[', ']', '[]', '[A', ' ', 'ri1', 'BA1', 'N', '^', '|', '#1234|', '1', 'A|[', '_']) {
    const beginUs = process.cpuUsage().user;
    readContent(`[${long(piece)}`);
    readContent(`[]${long(piece)}_`);
    readSignals('SIA-DCS', `N${long(piece)}`);
    readSignals('ADM-CID', long(piece));
    decryptContent(`[${long(piece)}`, Buffer.alloc(16));
    // Far above what a slow machine needs, far below what backtracking over 4,000 characters takes.
    t.ok((process.cpuUsage().user - beginUs) / 1_000_000 < 10, piece);
  }
});

/** CRC and length may be written in small letters. */
function isCaseOnly(bytes: Buffer, seen: readonly Buffer[]): boolean {
  const text = bytes.toString('latin1').toUpperCase();
  return seen.some((one) => one.toString('latin1').toUpperCase() === text);
}
