import t from 'tap';
import { baseUrl, controlUrls, parseAddress } from '../../../agent/camera/rtsp/control-url.ts';
import { parseRtpInfo, parseSession, parseTransport } from '../../../agent/camera/rtsp/fields.ts';
import { Headers } from '../../../agent/camera/rtsp/message.ts';
import { findVideo } from '../../../agent/camera/rtsp/sdp.ts';
import * as fc from '../../support/properties.ts';

const address = parseAddress('cam-a', 'rtsp://user:secret@10.0.0.1/live');

t.test('address: the user part never comes out again, ports have their defaults', async (t) => {
  t.same(address, { url: 'rtsp://10.0.0.1/live', host: '10.0.0.1', port: 554, encrypted: false });
  t.same(parseAddress('cam-a', 'rtsps://[::1]/a b?c=d#e'), {
    url: 'rtsps://[::1]/a%20b?c=d',
    host: '::1',
    port: 322,
    encrypted: true,
  });
  for (const wrong of ['', 'http://10.0.0.1/', 'rtsp:///path', 'live', 'rtsp://h:99999/']) {
    t.throws(() => parseAddress('cam-a', wrong), { code: 'camera-not-found' }, wrong);
  }
  t.notMatch(parseAddress('cam-a', 'rtsp://h/a\r\nX: y').url, /[\r\n]/);
});

t.test('controls: a foreign host is never trusted, whoever names it', async (t) => {
  const base = baseUrl(address, new Headers([['content-base', 'rtsp://192.168.0.64:8554/other/']]));
  t.equal(base, 'rtsp://10.0.0.1/other/');
  t.same(controlUrls(address, base, 'rtsp://evil.example:1234/x?y=z'), ['rtsp://10.0.0.1/x?y=z']);
  t.equal(
    baseUrl(address, new Headers([['content-location', 'rtsp://evil.example/y/']])),
    'rtsp://10.0.0.1/y/',
  );
});

t.test(
  'controls: relative ones are appended, and where a link would lead elsewhere that is tried next',
  async (t) => {
    t.same(controlUrls(address, 'rtsp://10.0.0.1/a/', 'trackID=1'), ['rtsp://10.0.0.1/a/trackID=1']);
    t.same(controlUrls(address, 'rtsp://10.0.0.1/a/b', 'video'), [
      'rtsp://10.0.0.1/a/b/video',
      'rtsp://10.0.0.1/a/video',
    ]);
    t.same(controlUrls(address, 'rtsp://10.0.0.1/a', '/v'), ['rtsp://10.0.0.1/a/v', 'rtsp://10.0.0.1/v']);
    t.same(controlUrls(address, 'rtsp://10.0.0.1', 'v'), ['rtsp://10.0.0.1/v']);
    t.same(controlUrls(address, 'rtsp://10.0.0.1/a?q=1', '*'), ['rtsp://10.0.0.1/a?q=1']);
  },
);

t.test('controls: without a usable base the address that was asked for counts', async (t) => {
  for (const value of ['', 'nonsense', 'http://x/']) {
    t.equal(baseUrl(address, new Headers([['content-base', value]])), 'rtsp://10.0.0.1/live');
  }
  t.equal(baseUrl(address, new Headers([['content-base', '/sub/']])), 'rtsp://10.0.0.1/sub/');
});

t.test('controls: whatever a camera writes, the request goes to the camera', async (t) => {
  const text = fc.oneof(
    fc.string(),
    fc.webUrl(),
    fc.constantFrom('//evil/x', 'rtsp://evil', '\\\\evil\\x', 'rtsps://evil:1/'),
  );
  fc.assert(
    fc.property(text, text, (baseText, control) => {
      const base = baseUrl(address, new Headers([['content-base', baseText]]));
      return controlUrls(address, base, control).every(
        (url) => /^rtsp:\/\/10\.0\.0\.1([/?#]|$)/.test(url) && !/\s/.test(url),
      );
    }),
    { numRuns: 2000 },
  );
  t.pass('held');
});

t.test('transport: channels and source as cameras write them', async (t) => {
  const of = (value: string) => parseTransport(value);
  t.same(of('RTP/AVP/TCP;unicast;interleaved=2-3'), { interleaved: true, rtpChannel: 2, rtcpChannel: 3 });
  t.same(of('RTP/AVP/TCP;interleaved=4'), { interleaved: true, rtpChannel: 4, rtcpChannel: 5 });
  t.same(of('rtp/avp/tcp ; unicast; Interleaved = 0 - 1 ; SSRC= 0x1F'), {
    interleaved: true,
    rtpChannel: 0,
    rtcpChannel: 1,
    ssrc: 0x1f,
  });
  t.same(of('RTP/AVP/TCP;unicast;ssrc=4294967295').ssrc, 4294967295, 'too long for hexadecimal: decimal');
  t.equal(of('RTP/AVP;unicast;client_port=1-2').interleaved, false);
  t.equal(parseTransport(undefined).interleaved, true, 'a camera that does not say did what was asked');
});

t.test('session: 60 s when the camera does not say; nonsense is bounded [RFC 2326 §12.37]', async (t) => {
  t.same(parseSession('abc'), { id: 'abc', timeoutMs: 60_000 });
  t.same(parseSession(' abc ; timeout=30 '), { id: 'abc', timeoutMs: 30_000 });
  t.same(parseSession('abc;timeout=0'), { id: 'abc', timeoutMs: 60_000 });
  t.same(parseSession('abc;timeout=999999999'), { id: 'abc', timeoutMs: 86_400_000 });
  t.equal(parseSession(''), undefined);
  t.equal(parseSession(undefined), undefined);
});

const sdp = (...lines: string[]) => ['v=0', 's=x', ...lines].join('\r\n');

t.test('description: the first H.264 or H.265 track counts, whatever stands around it', async (t) => {
  const video = findVideo(
    sdp(
      'a=control:*',
      'm=audio 0 RTP/AVP 0',
      'a=control:audio',
      'm=video 0 RTP/AVP 26',
      'a=control:jpeg',
      'm=video 0 RTP/AVP 97 98',
      'a=rtpmap:97 VP8/90000',
      'a=rtpmap:98 hevc/90000',
      'a=control:second',
      'm=video 0 RTP/AVP 99',
      'a=rtpmap:99 H264/90000',
      'a=control:third',
    ),
  );
  t.equal(video?.track.codec, 'h265');
  t.equal(video?.payloadType, 98);
  t.equal(video?.control, 'second');
});

t.test('description: without a video track that can be carried there is none', async (t) => {
  t.equal(findVideo(sdp('m=video 0 RTP/AVP 26', 'a=control:jpeg')), undefined);
  t.equal(findVideo(sdp('m=audio 0 RTP/AVP 96', 'a=rtpmap:96 H264/90000')), undefined);
  t.equal(findVideo(''), undefined);
});

t.test('description: missing, empty and wrong parameter sets do no harm', async (t) => {
  const sets = (fmtp: string) =>
    findVideo(sdp('m=video 0 RTP/AVP 96', 'a=rtpmap:96 H264/90000', `a=fmtp:96 ${fmtp}`))?.track
      .parameterSets;
  t.same(sets('packetization-mode=1'), {});
  t.same(sets('sprop-parameter-sets='), {});
  t.same(sets('sprop-parameter-sets=####,6Q=='), {}, 'no base64, and a NAL unit of no use');
  const sps = 'Z00AH5WoFAFuQA==';
  t.same(
    Object.keys(sets(`sprop-parameter-sets=AAAAAQ==,AAAAAWdNAB+VqBQBbkA=`) ?? {}),
    ['sps'],
    'a start code in front',
  );
  t.same(Object.keys(sets(`sprop-parameter-sets=${sps}`) ?? {}), ['sps']);
});

t.test('description, RTP-Info: arbitrary text never throws', async (t) => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom(
      'm=video 0 RTP/AVP 96',
      'a=rtpmap:96 H264/0',
      'a=fmtp:96 sprop-parameter-sets=Z00,=;;',
      'a=',
      'm=',
    ),
  );
  fc.assert(
    fc.property(fc.array(line), fc.string(), (lines, text) => {
      findVideo(sdp(...lines));
      return parseRtpInfo(text).length <= 1 + text.split(',').length;
    }),
  );
  t.pass('held');
});
