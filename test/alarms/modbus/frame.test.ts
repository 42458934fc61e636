import t from 'tap';
import { blocksOf } from '../../../agent/alarms/modbus/blocks.ts';
import { encodeRead, ModbusExceptionError, ReadAnswer } from '../../../agent/alarms/modbus/frame.ts';
import { SteadyInput } from '../../../agent/alarms/modbus/steady.ts';
import { PeerProtocolError } from '../../../agent/base/errors.ts';
import { fuzz } from '../../support/fuzz.ts';
import * as fc from '../../support/properties.ts';

const REQUEST = { transaction: 0x1501, unit: 1, address: 0xc4, count: 22 };
/** @see MODBUS Messaging on TCP/IP Implementation Guide V1.0b §4.2: header and protocol data unit */
const ADU_MAX_BYTES = 260;
const HEADER = '150100000006' + '01';

function read(hex: string, request = REQUEST): boolean[] | ModbusExceptionError | undefined {
  return new ReadAnswer('io-1', request).push(Buffer.from(hex, 'hex'));
}

t.test('inputs 197 to 218 are asked for as 02 00C4 0016', (t) => {
  t.equal(encodeRead(REQUEST).toString('hex'), '150100000006' + '01' + '0200c40016');
  t.end();
});

t.test('the first input is the lowest bit of the first byte', (t) => {
  const states = read(`150100000006010203acdb35`);
  t.same(
    (states as boolean[]).map(Number).join(''),
    '0011010111011011101011',
    'AC is 10101100 from the highest bit down',
  );
  t.end();
});

t.test('an exception is told with its meaning', (t) => {
  const answer = read('150100000003018202');
  t.type(answer, ModbusExceptionError);
  t.match(answer, {
    code: 'module-exception',
    message:
      'io-1: unit 1 refused inputs 196 to 217: exception 2, illegal data address: the module has no such input',
  });
  t.match(read('1501000000030182ff'), { message: /exception 255, unknown/ });
  t.end();
});

t.test('what is no answer to the question is refused', (t) => {
  const cases = {
    'another transaction': '150200000006010203acdb35',
    'another protocol': '150100010006010203acdb35',
    'another unit': '150100000006020203acdb35',
    'another function': '150100000006010103acdb35',
    'exception of another function': '150100000003018102',
    'too few bytes': '150100000005010202acdb',
    'too many bytes': '150100000007010204acdb3500',
    'byte count that lies': '150100000006010204acdb35',
    'huge length': '15010000ffff010203acdb35',
    'length above the largest': '1501000000ff01',
    'length 0': '15010000000001',
    'length 2': '15010000000201',
    'an exception that is too long': '15010000000401820202',
    'bytes after the end': '150100000006010203acdb3500',
    HTTP: Buffer.from('HTTP/1.1 400 Bad Request\r\n').toString('hex'),
  };
  for (const [name, hex] of Object.entries(cases)) {
    t.throws(() => read(hex), { code: 'equipment-protocol', message: /^io-1: / }, name);
  }
  t.end();
});

t.test('an answer that is not whole is waited for, however it is cut', (t) => {
  const whole = Buffer.from('150100000006010203acdb35', 'hex');
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 12 }), (cuts) => {
        const answer = new ReadAnswer('io-1', REQUEST);
        const edges = [...new Set([0, ...cuts, whole.length])].sort((a, b) => a - b);
        const results = edges.slice(1).map((end, index) => answer.push(whole.subarray(edges[index], end)));
        return results.slice(0, -1).every((r) => r === undefined) && Array.isArray(results.at(-1));
      }),
    ),
  );
  t.end();
});

t.test('any states of any number of inputs come back as they were', (t) => {
  const inputs = fc.array(fc.boolean(), { minLength: 1, maxLength: 2000 });
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(inputs, fc.nat(0xffff), fc.nat(255), (states, transaction, unit) => {
        const data = Buffer.alloc(Math.ceil(states.length / 8));
        for (const [index, on] of states.entries())
          if (on) data[index >> 3] = (data[index >> 3] ?? 0) | (1 << (index & 7));
        const head = Buffer.alloc(9);
        head.writeUInt16BE(transaction, 0);
        head.writeUInt16BE(3 + data.length, 4);
        head.set([unit, 2, data.length], 6);
        const answer = new ReadAnswer('io-1', { transaction, unit, address: 0, count: states.length });
        t.same(answer.push(Buffer.concat([head, data])), states);
      }),
      { numRuns: 50 },
    ),
  );
  t.end();
});

t.test('no bytes crash the reader, make it keep much, or give states that nobody sent', (t) => {
  const header = Buffer.from(HEADER, 'hex');
  const garbage = fc.uint8Array({ maxLength: 600 });
  const nearly = fc.tuple(fc.uint8Array({ maxLength: 30 }), fc.nat(12)).map(([noise, at]) => {
    const bytes = Buffer.from(`${HEADER}0203acdb35`, 'hex');
    bytes.set(noise.subarray(0, bytes.length - at), at);
    return bytes;
  });
  const behind = garbage.map((noise) => Buffer.concat([header, noise]));
  const rule = fc.property(fc.array(fc.oneof(garbage, nearly, behind), { maxLength: 4 }), (chunks) => {
    const reader = new ReadAnswer('io-1', REQUEST);
    let keptBytes = 0;
    try {
      for (const chunk of chunks) {
        const answer = reader.push(Buffer.from(chunk));
        if (answer === undefined) {
          keptBytes += chunk.length;
          if (keptBytes >= ADU_MAX_BYTES) return false;
          continue;
        }
        return answer instanceof ModbusExceptionError || answer.length === REQUEST.count;
      }
      return true;
    } catch (thrown) {
      return thrown instanceof PeerProtocolError;
    }
  });
  fuzz(t, 'answers of Modbus TCP', rule);
  t.end();
});

t.test('questions ask for every input once and for no other', (t) => {
  t.same(blocksOf([]), []);
  t.same(blocksOf([7, 3, 4, 5, 4]), [
    { address: 3, count: 3 },
    { address: 7, count: 1 },
  ]);
  const many = Array.from({ length: 2001 }, (_, address) => address);
  t.same(blocksOf(many), [
    { address: 0, count: 2000 },
    { address: 2000, count: 1 },
  ]);
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(300)), (addresses) => {
        const asked = blocksOf(addresses).flatMap(({ address, count }) =>
          Array.from({ length: count }, (_, index) => address + index),
        );
        t.same(
          asked,
          [...addresses].sort((a, b) => a - b),
        );
      }),
    ),
  );
  t.end();
});

t.test('an input counts as changed when every reading over the debounce showed it', (t) => {
  const input = new SteadyInput(100);
  const said = [
    [0, true, undefined],
    [50, true, undefined],
    [100, true, true],
    [150, false, true],
    [200, true, true],
    [250, false, true],
    [349, false, true],
    [350, false, false],
  ] as const;
  for (const [nowMs, value, expected] of said) t.equal(input.read(value, nowMs), expected, `${nowMs} ms`);
  t.equal(new SteadyInput(0).read(true, 5), true, 'without debounce at once');
  t.end();
});

t.test(
  'what was not read for a while begins anew: neither the change nor what was steady before is said',
  (t) => {
    const input = new SteadyInput(100);
    input.read(false, 0);
    input.read(false, 100);
    input.read(true, 200);
    input.interrupted();
    t.equal(input.read(true, 5000), undefined);
    t.equal(input.read(true, 5100), true);
    t.end();
  },
);
