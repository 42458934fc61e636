import t from 'tap';
import { LineAnswer, splitWords } from '../../../agent/alarms/nut/lines.ts';
import { readingOf } from '../../../agent/alarms/nut/reading.ts';
import { BeffroiError } from '../../../agent/base/errors.ts';
import { fuzz } from '../../support/fuzz.ts';
import * as fc from '../../support/properties.ts';

/** @see agent/alarms/nut/lines.ts, which keeps no more */
const LINE_MAX_BYTES = 2_048;
const ANSWER_MAX_BYTES = 131_072;

t.test('words of a line, with quotes and escapes [RFC 9271 §4.1]', (t) => {
  const cases: [string, string[] | undefined][] = [
    ['OK', ['OK']],
    ['', []],
    ['  OK \t x ', ['OK', 'x']],
    ['VAR onduleur ups.status "OB LB"', ['VAR', 'onduleur', 'ups.status', 'OB LB']],
    ['VAR u ups.mfr "A \\"B\\" C\\\\"', ['VAR', 'u', 'ups.mfr', 'A "B" C\\']],
    ['VAR u x ""', ['VAR', 'u', 'x', '']],
    ['VAR u x "open', undefined],
    ['VAR u x "a"b', undefined],
    ['VAR u x a"b"', undefined],
  ];
  for (const [line, words] of cases) t.same(splitWords(line), words, line);
  t.end();
});

t.test('any word comes back as it was', (t) => {
  const word = fc.string({ unit: 'grapheme' }).filter((text) => !/[\r\n\u2028\u2029]/.test(text));
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(word, { maxLength: 5 }), (words) => {
        const line = words.map((text) => `"${text.replace(/[\\"]/g, '\\$&')}"`).join(' ');
        t.same(splitWords(line), words);
      }),
      { numRuns: 500 },
    ),
  );
  t.end();
});

t.test('what the flags of ups.status say', (t) => {
  const cases: [string, (boolean | undefined)[]][] = [
    ['OL', [false, false, false]],
    ['OL CHRG', [false, false, false]],
    ['OB DISCHRG', [true, false, false]],
    ['OB LB', [true, true, false]],
    ['OL LB RB', [false, true, true]],
    ['FSD OB LB', [true, true, false]],
    ['FSD OL', [false, true, false]],
    ['OL OB', [true, false, false]],
    ['WAIT', [undefined, undefined, undefined]],
    ['OFF', [undefined, undefined, undefined]],
    ['', [undefined, undefined, undefined]],
    ['ALARM OB', [true, false, false]],
    ['BLOB OLB', [undefined, undefined, undefined]],
  ];
  for (const [status, flags] of cases) {
    const reading = readingOf(new Map([['ups.status', status]]));
    t.same([reading.onBattery, reading.batteryLow, reading.replaceBattery], flags, status);
  }
  t.same(readingOf(new Map()).onBattery, undefined, 'no status at all');
  t.end();
});

t.test('what is no number is no measure', (t) => {
  const variables = new Map([
    ['battery.charge', '87'],
    ['battery.runtime', '1800.5'],
    ['ups.load', 'NA'],
    ['input.voltage', '1e999'],
    ['output.voltage', ''],
    ['battery.voltage', ' 27.1'],
    ['ups.temperature', '-4'],
  ]);
  t.same(readingOf(variables).numbers, {
    charge_percent: 87,
    runtime_s: 1800.5,
    battery_v: 27.1,
    temperature_c: -4,
  });
  t.end();
});

t.test('no bytes crash the reader or make it keep much', (t) => {
  const nasty = fc.constantFrom(
    'VAR',
    'ERR',
    'END',
    '"',
    '\\',
    '\n',
    '\r\n',
    ' ',
    '\t',
    '\0',
    'é',
    'ups.status',
    'battery.charge',
    '1e9',
    'OL OB',
    '"x"',
  );
  const text = fc.array(nasty, { maxLength: 40 }).map((parts) => Buffer.from(parts.join('')));
  const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
  const long = fc
    .tuple(fc.oneof(text, bytes), fc.nat(300))
    .map(([piece, times]) => Buffer.concat(Array.from({ length: times }, () => piece)));
  const some = fc.oneof({ weight: 199, arbitrary: fc.oneof(text, bytes) }, { weight: 1, arbitrary: long });
  const rule = fc.property(fc.array(some, { maxLength: 4 }), (chunks) => {
    const variables = new Map<string, string>();
    const reader = new LineAnswer('ups-1', (words) => {
      variables.set(words[0] ?? '', words[1] ?? '').set('ups.status', words.join(' '));
      return words[0] === 'END' ? words : undefined;
    });
    try {
      const taken = Buffer.concat(chunks);
      let takenBytes = 0;
      for (const chunk of chunks) {
        if (reader.push(chunk)) break;
        takenBytes += chunk.length;
        const lineBytes = takenBytes - 1 - taken.subarray(0, takenBytes).lastIndexOf(10);
        if (takenBytes > ANSWER_MAX_BYTES || lineBytes > LINE_MAX_BYTES) return false;
      }
    } catch (thrown) {
      if (!(thrown instanceof BeffroiError) || thrown.code !== 'equipment-protocol') return false;
    }
    const { status, numbers } = readingOf(variables);
    return status.length <= 80 && Object.values(numbers).every(Number.isFinite);
  });
  fuzz(t, 'answers of NUT', rule);
  t.end();
});

t.test('a line without an end and an answer without an end are refused', (t) => {
  const endless = new LineAnswer('ups-1', () => undefined);
  t.throws(() => endless.push(Buffer.alloc(3000, 0x61)), { code: 'equipment-protocol' });
  const long = new LineAnswer('ups-1', () => undefined);
  t.throws(
    () => {
      for (;;) long.push(Buffer.from('VAR a b "c"\n'.repeat(100)));
    },
    { code: 'equipment-protocol' },
  );
  t.end();
});
