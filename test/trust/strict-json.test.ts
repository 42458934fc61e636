import t from 'tap';
import { parseStrictJson } from '../../agent/trust/strict-json.ts';
import * as fc from '../support/properties.ts';

t.test('what JSON.stringify writes is read back, as text and as bytes', async (t) => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6, noUnicodeString: false }), (text) => {
      const canonical = JSON.stringify(JSON.parse(text));
      const names = canonical.includes('"__proto__"');
      if (names) return true;
      return (
        JSON.stringify(parseStrictJson(canonical)) === canonical &&
        JSON.stringify(parseStrictJson(Buffer.from(canonical))) === canonical
      );
    }),
    { numRuns: 1000, verbose: true },
  );
  t.pass();
});

t.test('a name twice in one object is refused, at every level and however it is written', async (t) => {
  const texts = [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":1}',
    '{"a":1,"b":{"c":[1,{"d":1,"e":"}","d":2}]}}',
    '[{"a":{},"b":[],"a":{}}]',
    '{"":1,"":2}',
    '{ "a" : "x,y:{[" , "a" : 1 }',
    '{"a":"\\"","a":1}',
    '{"a\\\\":1,"a\\\\":2}',
  ];
  for (const text of texts) t.throws(() => parseStrictJson(text), { message: /the same name twice/ }, text);
});

t.test('the same name in different objects, and as a value, is no fault', async (t) => {
  const texts = [
    '[{"a":1},{"a":1}]',
    '{"a":{"a":{"a":"a"}}}',
    '{"a":["a","a"],"b":"a"}',
    '{"a":"a","b":"a"}',
    '{"a":"\\"a\\":"}',
  ];
  for (const text of texts) t.same(parseStrictJson(text), JSON.parse(text), text);
});

t.test('objects with random names are refused exactly when one stands twice', async (t) => {
  const name = fc.constantFrom('a', 'b', '\\u0061', 'c"', 'd,', '{', '[', ':');
  const object = fc.array(name, { maxLength: 5 });
  fc.assert(
    fc.property(fc.array(object, { maxLength: 4 }), (objects) => {
      const quoted = (text: string) => (text === '\\u0061' ? `"${text}"` : JSON.stringify(text));
      const text = `[${objects.map((names) => `{${names.map((n) => `${quoted(n)}:[${quoted(n)}]`).join(',')}}`).join(',')}]`;
      const twice = objects.some(
        (names) => new Set(names.map((n) => (n === '\\u0061' ? 'a' : n))).size < names.length,
      );
      try {
        parseStrictJson(text);
        return !twice;
      } catch {
        return twice;
      }
    }),
    { numRuns: 1000, verbose: true },
  );
  t.pass();
});

t.test('nesting is bounded, prototypes and wrong bytes are refused', async (t) => {
  t.same(
    parseStrictJson(`${'['.repeat(32)}${']'.repeat(32)}`),
    JSON.parse(`${'['.repeat(32)}${']'.repeat(32)}`),
  );
  t.throws(() => parseStrictJson(`${'['.repeat(33)}${']'.repeat(33)}`), { message: /nested deeper than 32/ });
  t.throws(() => parseStrictJson('{"a":{"__proto__":1}}'), { message: /not allowed/ });
  t.throws(() => parseStrictJson('{"\\u005f_proto__":1}'), { message: /not allowed/ });
  t.throws(() => parseStrictJson(Buffer.from([0x22, 0xff, 0x22])), { message: 'expected UTF-8' });
  t.throws(() => parseStrictJson('\ufeff{}'), { message: 'expected JSON' });
  t.throws(() => parseStrictJson(Buffer.from('\ufeff{}')), { message: 'expected JSON' });
  for (const text of ['', '{', "{'a':1}", 'NaN', '01', '{"a":1,}', '"\n"', 'undefined']) {
    t.throws(() => parseStrictJson(text), { name: 'SyntaxError', message: 'expected JSON' }, text);
  }
});
