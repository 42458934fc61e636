import t from 'tap';
import { pointerSteps, readMessage, Unreadable } from '../../../agent/alarms/objects/reading.ts';
import { breaks, detailsOfRule } from '../../../agent/alarms/objects/rule.ts';
import type { ObjectValuePoint } from '../../../agent/alarms/ports.ts';
import * as fc from '../../support/properties.ts';

const read = (payload: string | Buffer, pointer?: string) =>
  readMessage(Buffer.from(payload), pointer === undefined ? undefined : pointerSteps(pointer));

t.test('a message that is the value: a decimal number, or text', async (t) => {
  for (const [payload, number] of [
    ['21.5', 21.5],
    [' -3\r\n', -3],
    ['+1e3', 1000],
    ['.5', 0.5],
    ['7.', 7],
    ['0', 0],
  ] as const)
    t.same(read(payload), { text: payload.trim(), number }, payload);
  for (const payload of [
    'NaN',
    'Infinity',
    '-inf',
    '1e999',
    '0x10',
    '1,5',
    '12 V',
    'ON',
    '--1',
    '1e',
    '',
    ' ',
  ])
    t.same(read(payload), { text: payload.trim() }, payload);
  t.equal((read('x'.repeat(5000)) as { text: string }).text.length, 257, 'longer than any text of a rule');
});

t.test('a JSON pointer leads to a number, a text, true or false [RFC 6901 §5]', async (t) => {
  const message = JSON.stringify({
    foo: ['bar', 21.5],
    '': 0,
    'a/b': 1,
    'm~n': 8,
    'k"l': 6,
    on: true,
    off: false,
    text: '12',
    none: null,
    deep: { __proto__: null, x: { y: [{ z: -1 }] } },
  });
  t.same(read(message, '/foo/0'), { text: 'bar' });
  t.same(read(message, '/foo/1'), { text: '21.5', number: 21.5 });
  t.same(read(message, '/'), { text: '0', number: 0 });
  t.same(read(message, '/a~1b'), { text: '1', number: 1 });
  t.same(read(message, '/m~0n'), { text: '8', number: 8 });
  t.same(read(message, '/k"l'), { text: '6', number: 6 });
  t.same(read(message, '/on'), { text: 'true', number: 1 });
  t.same(read(message, '/off'), { text: 'false', number: 0 });
  t.same(read(message, '/text'), { text: '12', number: 12 });
  t.same(read(message, '/deep/x/y/0/z'), { text: '-1', number: -1 });
  for (const nowhere of [
    '/none',
    '/nothing',
    '/foo/2',
    '/foo/-',
    '/foo/01',
    '/foo/length',
    '/toString',
    '/on/x',
  ])
    t.equal(read(message, nowhere), undefined, nowhere);
  for (const pointer of ['/foo', '/deep']) t.ok(read(message, pointer) instanceof Unreadable, pointer);
});

t.test('what is no text, no JSON or no finite number is said with what came', async (t) => {
  t.match(read(Buffer.from('fffe41', 'hex')), { message: /^expected text in UTF-8, came / });
  t.match(read(Buffer.from('c080', 'hex'), '/a'), { message: /^expected text in UTF-8/ });
  t.match(read('{"a":NaN}', '/a'), { message: 'expected JSON, came "{\\"a\\":NaN}"' });
  t.match(read('{"a":1', '/a'), { message: /^expected JSON/ });
  t.match(read('{"a":1e999}', '/a'), { message: /^expected a number, a text/ });
  const long = read(`{"a":"${'\u202e\u0000é'.repeat(1000)}`, '/a') as Unreadable;
  t.ok(long.message.length < 1000, 'cut');
  t.notMatch(long.message, /[\u0000-\u001f\u202e]/, 'nothing that a terminal obeys');
});

t.test('depth does not matter', async (t) => {
  const depth = 30_000;
  t.ok(read(`${'['.repeat(depth)}1${']'.repeat(depth)}`, '/0') instanceof Unreadable);
  t.ok(read('['.repeat(depth), '/0') instanceof Unreadable);
  t.same(read(`${'{"a":'.repeat(50)}5${'}'.repeat(50)}`, '/a'.repeat(50)), { text: '5', number: 5 });
});

t.test('any bytes under any pointer are a value, nothing, or unreadable', async (t) => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.json({ maxDepth: 6 }).map((text) => Buffer.from(text)),
    fc.jsonValue().map((value) => Buffer.from(JSON.stringify({ a: value, b: [value] }))),
  );
  const pointer = fc.option(
    fc.constantFrom('/a', '/b/0', '/a/b', '/', '/a~0', '/__proto__', '/constructor'),
    {
      nil: undefined,
    },
  );
  const rule = fc.property(anything, pointer, (payload, at) => {
    const reading = readMessage(payload, at === undefined ? undefined : pointerSteps(at));
    if (reading === undefined) return at !== undefined;
    if (reading instanceof Unreadable) return reading.message.length < 2000;
    const { text, number } = reading;
    return text.length <= 257 && (number === undefined || Number.isFinite(number));
  });
  t.doesNotThrow(() => fc.assert(rule, { numRuns: 20_000 }));
});

const POINT = { id: 'pt-1', name: 'x', object: 'obj-1', category: 'technical' } as const;
const above = (limit: number, hysteresis = 0): ObjectValuePoint => ({
  ...POINT,
  kind: 'object-above',
  limit,
  hysteresis,
});
const below = (limit: number, hysteresis = 0): ObjectValuePoint => ({
  ...POINT,
  kind: 'object-below',
  limit,
  hysteresis,
});
const equal = (equals: string | number | boolean): ObjectValuePoint => ({
  ...POINT,
  kind: 'object-equal',
  equals,
});
const value = (payload: string | number) => read(String(payload)) as { text: string };

t.test(
  'above and below: the limit itself is no alarm, and an alarm ends only beyond the hysteresis',
  async (t) => {
    for (const [point, number, raised, expected] of [
      [above(80), 80, false, false],
      [above(80), 80.1, false, true],
      [above(80, 2), 79, false, false],
      [above(80, 2), 79, true, true],
      [above(80, 2), 78, true, false],
      [below(5), 5, false, false],
      [below(5), 4.9, false, true],
      [below(5, 1), 5.5, true, true],
      [below(5, 1), 5.5, false, false],
      [below(5, 1), 6, true, false],
    ] as const)
      t.equal(breaks(point, value(number), raised), expected, `${point.kind} ${number} ${raised}`);
    t.equal(breaks(above(80), value('ON'), false), undefined, 'text is neither');
  },
);

t.test('a value that swings inside the hysteresis changes nothing', async (t) => {
  const rule = fc.property(
    fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { maxLength: 50 }),
    fc.double({ min: 0, max: 20, noNaN: true }),
    (values, hysteresis) => {
      let raised = false;
      return values.every((number) => {
        const before = raised;
        raised = breaks(above(0, hysteresis), { text: '', number }, before) === true;
        return number > -hysteresis && number <= 0 ? raised === before : raised === number > 0;
      });
    },
  );
  t.doesNotThrow(() => fc.assert(rule));
});

t.test('equal: a number by value, a text or a truth to the letter', async (t) => {
  for (const [equals, payload, expected] of [
    [1, '1.0', true],
    [1, '2', false],
    [1, 'ON', false],
    ['ON', 'ON', true],
    ['ON', 'on', false],
    ['1', '1.0', false],
    ['', ' ', true],
    [true, 'true', true],
    [true, '1', false],
    [false, 'false', true],
  ] as const)
    t.equal(breaks(equal(equals), value(payload), false), expected, `${equals} ${payload}`);
  t.equal(breaks(equal(true), read('{"a":true}', '/a') as { text: string }, false), true);
  t.equal(breaks(equal(1), read('{"a":true}', '/a') as { text: string }, false), true, 'true is 1');
  t.equal(breaks(equal('x'.repeat(256)), value('x'.repeat(5000)), false), false, 'a cut text equals nothing');
});

t.test('the category gives the codes; heat and cold are told apart', async (t) => {
  t.same(detailsOfRule({ ...above(1), category: 'water' }, true), {
    category: 'water',
    code_sia: 'WA',
    code_contact_id: '1113',
  });
  t.match(detailsOfRule({ ...above(1), category: 'temperature' }, true), {
    code_sia: 'KA',
    code_contact_id: '1158',
  });
  t.match(detailsOfRule({ ...below(1), category: 'temperature' }, false), {
    code_sia: 'ZH',
    code_contact_id: '3159',
  });
  for (const category of ['technical', 'gas', 'fire', 'intrusion', 'tamper', 'power', 'battery'] as const)
    for (const active of [true, false])
      t.match(detailsOfRule({ ...equal('x'), category }, active), {
        category,
        code_contact_id: /^[13]\d{3}$/,
      });
});
