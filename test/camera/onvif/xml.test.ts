import t from 'tap';
import { readEventTopics } from '../../../agent/camera/onvif/event-topics.ts';
import { readOffer } from '../../../agent/camera/onvif/offer.ts';
import { at, escapeXml, parseXml, serializeXml, textAt } from '../../../agent/camera/onvif/xml.ts';
import * as fc from '../../support/properties.ts';
import { cameraAt, captured, credentials, never, serve, soap } from './support.ts';

t.test('names lose their prefixes, texts their edges, and order stays', async (t) => {
  const root = await parseXml(
    '<?xml version="1.0"?><a:r xmlns:a="urn:a" xmlns="urn:d"><!-- <x> --><b a:k="&quot;1&quot;"> t &amp; é </b><a:c><![CDATA[<x>]]></a:c><b/></a:r>',
    'cam-1',
  );
  t.equal(root.name, 'r');
  t.equal(root.namespace, 'urn:a');
  t.same(
    root.children.map(({ name, namespace, text }) => [name, namespace, text]),
    [
      ['b', 'urn:d', 't & é'],
      ['c', 'urn:a', '<x>'],
      ['b', 'urn:d', ''],
    ],
  );
  t.same(root.children[0]?.attributes, { k: '"1"' });
  t.equal(textAt(root, 'c'), '<x>');
  t.equal(at(root, 'no', 'such'), undefined);
});

t.test('document types, entities, depth, and what is no XML are refused', async (t) => {
  const laughs = `<!DOCTYPE l [<!ENTITY a "ha">${'<!ENTITY b "&a;&a;">'.repeat(10)}]><l>&b;</l>`;
  const cases = {
    'billion laughs': laughs,
    'an external entity': '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    'a document type after a comment': '<!-- --><!doctype a><a/>',
    'an unknown entity': '<a>&x;</a>',
    'deep nesting': '<a>'.repeat(100_000),
    'nesting that is closed again': `${'<a>'.repeat(65)}${'</a>'.repeat(65)}`,
    'too many elements': `<a>${'<b/>'.repeat(60_000)}</a>`,
    'a cut document': '<a><b>',
    'crossed tags': '<a><b></a></b>',
    'a tag without end': '<a b="',
    HTML: '<html><br></html>',
    nothing: '',
    text: 'Internal error',
    'binary data': '\u0000\u0001\u0002',
  };
  for (const [title, text] of Object.entries(cases)) {
    await t.rejects(parseXml(text, 'cam-1'), { code: 'camera-protocol', message: /^cam-1: / }, title);
  }
});

t.test('namespaces that every element declares anew take no more memory than they are long', async (t) => {
  const declared = Array.from({ length: 6_000 }, (_, i) => `xmlns:n${i}="urn:${i}"`).join(' ');
  const root = await parseXml(`<a ${declared}>${'<n7:b xmlns:c="urn:c"/>'.repeat(20_000)}</a>`, 'cam-1');
  const last = root.children.at(-1);
  t.match([root.children.length, last?.namespace], [20_000, 'urn:7']);
  t.same(
    ['c', 'n5999', '', 'no'].map((prefix) => last?.scope.get(prefix)),
    ['urn:c', 'urn:5999', undefined, undefined],
  );
});

t.test('whatever comes, parsing ends with an element or with camera-protocol', async (t) => {
  const piece = fc.oneof(
    fc.constantFrom(
      '<a>',
      '</a>',
      '<a/>',
      '<',
      '>',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '<?',
      '?>',
      '<!',
      '"',
      "'",
      '&lt;',
      '&x;',
      '_',
      ' ',
    ),
    fc.string({ maxLength: 6 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
      const result = await parseXml(pieces.join(''), 'cam-1').catch((error: { code?: string }) => error.code);
      return result === 'camera-protocol' || (typeof result === 'object' && typeof result.name === 'string');
    }),
    { numRuns: 2000 },
  );
  t.pass('2000 documents');
});

t.test('escaped text comes back as it was, and serialized elements too', async (t) => {
  const text = fc
    .string({ unit: 'grapheme' })
    .map((one) => one.replace(/[\u0000-\u001f\ufffe\uffff]/g, '').trim());
  await fc.assert(
    fc.asyncProperty(text, async (one) => {
      const root = await parseXml(`<a b="${escapeXml(one)}">${escapeXml(one)}</a>`, 'cam-1');
      const again = await parseXml(serializeXml(root, 10_000) ?? '', 'cam-1');
      return root.text === one && again.text === one && again.attributes.b === root.attributes.b;
    }),
    { numRuns: 300 },
  );
  const nested = await parseXml('<v:k xmlns:v="urn:v" a="&lt;"><v:i>1</v:i><j xmlns="">2</j></v:k>', 'cam-1');
  const whole = '<e:k xmlns:e="urn:v" a="&#60;" x="1"><e:i xmlns:e="urn:v">1</e:i><j>2</j></e:k>';
  t.equal(serializeXml(nested, whole.length, ' x="1"'), whole);
  t.equal(serializeXml(nested, whole.length - 1, ' x="1"'), undefined, 'not a character more than asked for');
});

t.test('what a camera names once and would be said thousands of times is bounded', async (t) => {
  const long = 'x'.repeat(100_000);
  const many = '<n:a/>'.repeat(20_000);
  const root = await parseXml(`<n:k xmlns:n="${long}">${many}</n:k>`, 'cam-1');
  t.equal(serializeXml(root, 16_384), undefined, 'a namespace');
  const topics = '<n topic="true"/>'.repeat(20_000);
  const set = `<k><TopicSet><${long} topic="true">${topics}</${long}><a><b topic="1"/></a></TopicSet></k>`;
  const properties = await parseXml(set, 'cam-1');
  t.same(readEventTopics(properties), ['a/b'], 'a topic above others');
  t.same(readOffer(undefined, properties).topics, ['a/b']);
});

t.test('a camera that answers with dangerous or endless XML costs one error each', async (t) => {
  const bomb = `<!DOCTYPE l [<!ENTITY a "ha">]><l>&a;</l>`;
  const answers: [string, string, (end: (text: string | Buffer) => void) => void][] = [
    ['entities', 'camera-protocol', (end) => end(bomb)],
    ['100 MB', 'camera-too-large', (end) => end(Buffer.alloc(100_000_000, '<a>'))],
    ['deep nesting', 'camera-protocol', (end) => end('<a>'.repeat(300_000))],
    ['another document', 'camera-protocol', (end) => end('<html><body>Login</body></html>')],
    ['another answer', 'camera-protocol', (end) => end(soap('<GetUsersResponse/>'))],
    ['an empty body', 'camera-protocol', (end) => end(soap(''))],
    ['nothing', 'camera-protocol', (end) => end('')],
  ];
  const before = process.memoryUsage().rss;
  for (const [title, code, answer] of answers) {
    const port = await serve(t, (_asked, response) => answer((text) => response.end(text)));
    const { camera } = cameraAt(port, { credentials });
    await t.rejects(camera.deviceInformation(never), { code }, title);
    await t.rejects(camera.systemTime(never), { code }, `${title}, and the permit was given back`);
    await t.rejects(camera.deviceInformation(never), { code }, `${title}, again`);
  }
  t.ok(process.memoryUsage().rss - before < 600_000_000, 'the camera of this test holds 100 MB itself');
});

t.test('an answer in Latin-1 keeps its accents', async (t) => {
  const text = captured('GetDeviceInformation')
    .replace('Mockup Manufacturer', 'Caméra Éclair')
    .replace('UTF-8', 'ISO-8859-1');
  const port = await serve(t, (_asked, response) => response.end(Buffer.from(text, 'latin1')));
  t.equal((await cameraAt(port).camera.deviceInformation(never)).manufacturer, 'Caméra Éclair');
});
