import t from 'tap';
import { CODES } from '../../agent/base/codes.ts';
import { asBeffroiError, DeviceError } from '../../agent/base/errors.ts';
import { createLog } from '../../agent/base/log.ts';
import { plainJson, quoted, scrubUrls } from '../../agent/base/text.ts';
import * as fc from '../support/properties.ts';

function lines(write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown>[] {
  const out: string[] = [];
  write(createLog('debug', { write: (line: string) => out.push(line) }));
  return out.map((line) => JSON.parse(line) as Record<string, unknown>);
}

t.test('log: a password in a URL, a field or an error reaches no line', async (t) => {
  const secret = 'hunter2-secret';
  const url = `rtsp://user:${secret}@10.0.0.5/stream`;
  const out = lines((log) => {
    log.info(`opening ${url}`);
    log.info({ password: secret, camera: { credentials: secret } }, 'camera %s', url);
    log.warn({ err: new Error(`failed: ${url}`, { cause: new Error(url) }) }, 'failed');
    log.warn({ err: new DeviceError('camera-unreachable', `no answer from ${url}`) }, 'failed');
  });
  t.equal(out.length, 4);
  t.notMatch(JSON.stringify(out), secret);
});

t.test('log: one of our errors is told with its code and whose fault it is, without a stack', async (t) => {
  const [line] = lines((log) => log.warn({ err: new DeviceError('camera-stalled', 'no picture') }, 'x'));
  t.match(line, { level: 'warn', err: { code: 'camera-stalled', fault: 'device', message: 'no picture' } });
  t.notMatch(JSON.stringify(line), '"stack"');
});

t.test('errors: a foreign error becomes internal and keeps its cause', async (t) => {
  const foreign = new TypeError('x is not a function');
  const ours = asBeffroiError(foreign);
  t.equal(ours.code, 'internal');
  t.equal(ours.cause, foreign);
  t.equal(asBeffroiError(ours), ours);
  t.equal(CODES[ours.code].fault, ours.fault);
});

t.test('text: what a device says is quoted, cut and without control characters', async (t) => {
  t.equal(quoted('a"b\n\u202e'), '"a\\"b\\n\\u202e"');
  t.equal(quoted('x'.repeat(500)).length, 123);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      return !/[\u0000-\u001f\u007f-\u009f]/.test(quoted(text));
    }),
  );
});

t.test('text: JSON that is shown on a terminal says the same, and nothing in it acts there', async (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const shown = plainJson(JSON.stringify(value));
      t.same(JSON.parse(shown), value);
    }),
  );
  t.equal(plainJson(JSON.stringify(['\u009b2J\u202e\u2028'])), '["\\u009b2J\\u202e\\u2028"]');
});

t.test('text: the user part of every URL is taken out', async (t) => {
  t.equal(scrubUrls('see rtsp://a:b@c/d and http://u@h'), 'see rtsp://***@c/d and http://***@h');
  t.equal(scrubUrls('rtsp://a:p@ss@c/d'), 'rtsp://***@c/d');
  t.equal(scrubUrls('mail a@b'), 'mail a@b');
  t.equal(scrubUrls('http://h/x,rtsp://u:p@c,http://h?'), 'http://h/x,rtsp://***@c,http://h?');
  t.equal(scrubUrls('http://h/a#b?k=s3cret://x'), 'http://h/a#b?***', 'behind a fragment too');
  t.equal(scrubUrls('rtsp://h/live?key=s3cret&a=b, then'), 'rtsp://h/live?*** then');
});

t.test('text: what is cut short shows no part of a password', async (t) => {
  const long = `${'x'.repeat(100)} rtsp://user:${'s3cret'.repeat(8)}@host/path`;
  t.notMatch(quoted(long), 's3c');
  t.match(quoted(long), /rtsp:\/\/\*\*\*@ho/);
});
