import t from 'tap';
import { readLogins } from '../../agent/cli/survey-login.ts';
import { joinTargets, readTarget } from '../../agent/survey/target.ts';
import * as fc from '../support/properties.ts';

t.test('survey: addresses of cameras in the forms that people write', (t) => {
  const onvif = (port: number, path = '/onvif/device_service', tls = false) => ({ port, path, tls });
  for (const [text, target] of [
    ['10.20.0.31', { host: '10.20.0.31' }],
    ['camera.local', { host: 'camera.local' }],
    ['10.20.0.31:8080', { host: '10.20.0.31', onvif: onvif(8080) }],
    ['10.20.0.31:80', { host: '10.20.0.31', onvif: onvif(80) }],
    ['http://10.20.0.31/onvif/x?y=1', { host: '10.20.0.31', onvif: onvif(80, '/onvif/x?y=1') }],
    ['https://10.20.0.31', { host: '10.20.0.31', onvif: onvif(443, '/onvif/device_service', true) }],
    ['rtsp://10.20.0.40/stream1', { host: '10.20.0.40', rtsp: 'rtsp://10.20.0.40/stream1' }],
    ['fe80::1', { host: 'fe80::1' }],
    ['[2001:DB8::7]', { host: '2001:db8::7' }],
    ['[2001:db8:0::7]:8080', { host: '2001:db8::7', onvif: onvif(8080) }],
    ['rtsp://[2001:db8::7]/s', { host: '2001:db8::7', rtsp: 'rtsp://[2001:db8::7]/s' }],
    ['ftp://10.20.0.31', undefined],
    ['rtsp://u:p@10.20.0.40/', undefined],
    ['u@10.20.0.40', undefined],
    ['10.20.0.0/16', undefined],
    ['', undefined],
  ] as const)
    t.same(readTarget(text), target, text === '' ? 'nothing' : text);
  const known = fc.check(fc.property(fc.string(), (text) => readTarget(text)?.host !== ''));
  t.notOk(known.failed, String(known.counterexample));
  t.end();
});

t.test('survey: what is said twice of one camera is one camera, two streams of one host are two', (t) => {
  const of = (...texts: string[]) => joinTargets(texts.flatMap((text) => readTarget(text) ?? []));
  t.match(of('10.0.0.1:81', 'rtsp://10.0.0.1/a', '10.0.0.1'), [
    { onvif: { port: 81 }, rtsp: 'rtsp://10.0.0.1/a' },
  ]);
  t.equal(of('rtsp://10.0.0.1/a', 'rtsp://10.0.0.1/b', '10.0.0.2').length, 3);
  t.end();
});

t.test('survey: logins by line, for all and for one', (t) => {
  const logins = readLogins('admin:pass:word with blanks\n\n10.0.0.1 other:x\r\n2001:DB8:0::7 six:y');
  t.match(logins.for('2001:db8::7'), { user: 'six', password: 'y' });
  t.match(logins.for('10.0.0.9'), { user: 'admin', password: 'pass:word with blanks' });
  t.match(logins.for('10.0.0.1'), { user: 'other', password: 'x' });
  t.equal(readLogins('').for('10.0.0.1'), undefined);
  t.throws(() => readLogins('admin:a\nsecret\n'), { message: /line 2 of standard input/ });
  t.throws(() => readLogins('hunter2'), { message: /^((?!hunter2).)*$/ });
  t.end();
});
