import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import { DeviceError } from '../../agent/base/errors.ts';
import { escapeXml } from '../../agent/camera/onvif/xml.ts';
import { type VideoToAgent, videoToAgent } from '../../agent/contract/video-link.ts';
import { MAX_LINE_BYTES } from '../../agent/contract/video-link-limits.ts';
import { EventTrack } from '../../agent/video/event-track.ts';
import * as fc from '../support/properties.ts';

function begin() {
  const told: VideoToAgent[] = [];
  const track = new EventTrack(
    'cam-a',
    (message) => told.push(videoToAgent.parse(message)),
    () => 0,
  );
  return { track, told };
}

function documentOf(events: readonly (readonly [name: string, value: string])[]): string {
  const one = ([name, value]: readonly [string, string]) =>
    `<NotificationMessage><Topic>tns1:Device/Trigger/DigitalInput</Topic><Message><Message><Source/>` +
    `<Data><SimpleItem Name="${escapeXml(name)}" Value="${escapeXml(value)}"/></Data></Message></Message></NotificationMessage>`;
  return `<MetadataStream><Event>${events.map(one).join('')}</Event></MetadataStream>`;
}

/** Documents are read one after the other, each in a few turns. */
async function read(told: readonly VideoToAgent[], count: number): Promise<void> {
  while (told.length < count) await setImmediate();
}

t.test(
  'the events of a document are told in order; a document without events is not even read',
  async (t) => {
    const { track, told } = begin();
    track.asked();
    track.begins(true);
    track.document('<MetadataStream><VideoAnalytics></MetadataStream>');
    track.document(documentOf([['State', 'true']]));
    track.document(documentOf([['State', 'false']]));
    await read(told, 3);
    t.match(told, [
      { type: 'event-track', state: 'read' },
      { type: 'camera-events', events: [{ data: { State: 'true' } }] },
      { type: 'camera-events', events: [{ data: { State: 'false' } }] },
    ]);
  },
);

for (const [what, document] of [
  ['is no XML', '<MetadataStream><NotificationMessage></MetadataStream>'],
  ['has entities', `<!DOCTYPE a [<!ENTITY b "c">]>${documentOf([['a', 'b']])}`],
  [
    'has more events than any camera tells',
    documentOf(Array.from({ length: 1_500 }, () => ['a', 'b'] as const)),
  ],
] as const) {
  t.test(`a document that ${what} makes the track doubtful, once, and what follows is told`, async (t) => {
    const { track, told } = begin();
    track.begins(true);
    track.document(document);
    track.document(document);
    await read(told, 2);
    t.match(told[1], { type: 'event-track', state: 'lost', code: 'camera-metadata-lost' });
    track.begins(true);
    await read(told, 3);
    t.match(told[2], { state: 'read' });
    t.equal(told.length, 3);
  });
}

t.test('whatever texts a camera sends, each message fits the line of the link', async (t) => {
  const text = fc.string({
    unit: fc.constantFrom('a', '\u0001', '"', 'é', '\u{1f514}', ' '),
    maxLength: 700,
  });
  const item = fc.tuple(text, text);
  const result = await fc.check(
    fc.asyncProperty(fc.array(item, { minLength: 1, maxLength: 60 }), async (items) => {
      const { track, told } = begin();
      track.document(documentOf(items));
      await read(told, 1);
      return told.every((message) => Buffer.byteLength(JSON.stringify(message)) < MAX_LINE_BYTES);
    }),
    { numRuns: 200 },
  );
  t.notOk(result.failed, fc.defaultReportMessage(result) ?? '');
});

t.test('a camera that ends the stream when it is asked for the track is not asked again', (t) => {
  const { track, told } = begin();
  const closed = new DeviceError('camera-closed', 'cam-a: closed');
  track.streamEnds(closed);
  t.ok(track.handlers, 'a stream that ends before is no reason');
  track.asked();
  track.streamEnds(closed);
  t.equal(track.handlers, undefined);
  t.match(track.standing, { state: 'lost', code: 'camera-closed' });
  t.equal(told.length, 1);
  t.end();
});
