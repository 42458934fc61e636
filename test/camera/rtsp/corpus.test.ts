import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { parseChallenges } from '../../../agent/camera/auth/challenge.ts';
import { parseSps } from '../../../agent/camera/codec/sps.ts';
import { baseUrl, controlUrls, parseAddress } from '../../../agent/camera/rtsp/control-url.ts';
import {
  parsePublic,
  parseRtpInfo,
  parseSession,
  parseTransport,
} from '../../../agent/camera/rtsp/fields.ts';
import { Headers, type Reply } from '../../../agent/camera/rtsp/message.ts';
import { StreamReader } from '../../../agent/camera/rtsp/reader.ts';
import { findVideo } from '../../../agent/camera/rtsp/sdp.ts';

const FOLDER = new URL('../../fixtures/rtsp/', import.meta.url);
/** The camera that we pretend to have connected to: never the host that stands in the reply. */
const URL_ASKED = 'rtsp://10.9.8.7:8554/asked/here?x=1';
const HERE = 'rtsp://10.9.8.7:8554';

/** What a DESCRIBE says, in one flat object. */
interface DescribeFacts {
  readonly codec: string;
  readonly payloadType: number;
  readonly size: string;
  readonly sets: string;
  /** Where SETUP goes first. */
  readonly setup: string;
  /** Where PLAY goes. */
  readonly play: string;
}

const describes: Readonly<Record<string, DescribeFacts>> = {
  'anpviz_sdp.txt': {
    codec: 'h264',
    payloadType: 96,
    size: '704x576',
    sets: 'sps,pps',
    setup: `${HERE}/asked/here?x=1/trackID=1`,
    play: `${HERE}/asked/here?x=1`,
  },
  'bunny_describe.txt': {
    codec: 'h264',
    payloadType: 97,
    size: '240x160',
    sets: 'sps,pps',
    setup: `${HERE}/vod/mp4:BigBuckBunny_115k.mov/trackID=2`,
    play: `${HERE}/vod/mp4:BigBuckBunny_115k.mov/`,
  },
  'dahua_describe_h264_aac_onvif.txt': {
    codec: 'h264',
    payloadType: 96,
    size: '704x480',
    sets: 'sps,pps',
    setup: `${HERE}/cam/realmonitor?channel=1&subtype=1&unicast=true&proto=Onvif/trackID=0`,
    play: `${HERE}/cam/realmonitor?channel=1&subtype=1&unicast=true&proto=Onvif/`,
  },
  'foscam_describe.txt': {
    codec: 'h264',
    payloadType: 96,
    size: '1280x720',
    sets: 'sps,pps',
    setup: `${HERE}/videoMain/track1`,
    play: `${HERE}/videoMain/`,
  },
  'gw_main_describe.txt': {
    codec: 'h264',
    payloadType: 96,
    size: '1920x1080',
    sets: 'sps,pps',
    setup: `${HERE}/H264?channel=1&subtype=0&unicast=true&proto=Onvif/video`,
    play: `${HERE}/H264?channel=1&subtype=0&unicast=true&proto=Onvif`,
  },
  'hikvision_describe.txt': {
    codec: 'h264',
    payloadType: 96,
    size: '1920x1080',
    sets: 'sps,pps',
    setup: `${HERE}/Streaming/Channels/101/trackID=1?transportmode=unicast&profile=Profile_1`,
    play: `${HERE}/Streaming/Channels/101/?transportmode=unicast&profile=Profile_1`,
  },
  'missing_content_type_describe.txt': {
    codec: 'h264',
    payloadType: 96,
    size: '320x180',
    sets: 'sps,pps',
    setup: `${HERE}/asked/here?x=1/streamid=0`,
    play: `${HERE}/asked/here?x=1`,
  },
  'reolink_describe.txt': {
    codec: 'h264',
    payloadType: 96,
    size: '2560x1440',
    sets: 'sps,pps',
    setup: `${HERE}/h264Preview_01_main/trackID=1`,
    play: `${HERE}/h264Preview_01_main/`,
  },
  'tplink_sdp.txt': {
    codec: 'h265',
    payloadType: 96,
    size: '2560x1440',
    sets: 'vps,sps,pps',
    setup: `${HERE}/asked/here?x=1/track1`,
    play: `${HERE}/asked/here?x=1`,
  },
};

const tcp01 = { interleaved: true, rtpChannel: 0, rtcpChannel: 1 };

const setups: Readonly<Record<string, { transport: object; session: object }>> = {
  'bunny_setup.txt': { transport: tcp01, session: { id: '1642021126', timeoutMs: 60_000 } },
  'dahua_setup.txt': {
    transport: { ...tcp01, ssrc: 0x30a98ee7 },
    session: { id: '634214675641', timeoutMs: 60_000 },
  },
  'gw_main_setup_video.txt': { transport: tcp01, session: { id: '9a90de54', timeoutMs: 60_000 } },
  'hikvision_setup.txt': {
    transport: { ...tcp01, ssrc: 0x4cacc3d1 },
    session: { id: '708345999', timeoutMs: 60_000 },
  },
  'reolink_setup.txt': { transport: tcp01, session: { id: 'F8F8E425', timeoutMs: 60_000 } },
};

const plays: Readonly<Record<string, { session: object; rtpInfo: readonly object[] }>> = {
  'bad_rtptime.txt': {
    session: { id: '551045787', timeoutMs: 60_000 },
    rtpInfo: [
      { url: 'trackID=1', sequence: 1 },
      { url: 'rtsp://wowzaec2demo.streamlock.net/vod/mp4:BigBuckBunny_115k.mov/trackID=2', sequence: 1 },
    ],
  },
  'bunny_play.txt': {
    session: { id: '551045787', timeoutMs: 60_000 },
    rtpInfo: [
      { url: 'trackID=1', sequence: 1, rtpTime: 0 },
      {
        url: 'rtsp://wowzaec2demo.streamlock.net/vod/mp4:BigBuckBunny_115k.mov/trackID=2',
        sequence: 1,
        rtpTime: 0,
      },
    ],
  },
  'dahua_play.txt': {
    session: { id: '634214684047', timeoutMs: 60_000 },
    rtpInfo: [
      { url: 'trackID=0', sequence: 47121, rtpTime: 3475222385 },
      { url: 'trackID=1', sequence: 45186, rtpTime: 2234446919 },
      { url: 'trackID=4', sequence: 36583, rtpTime: 816418535 },
    ],
  },
  'gw_main_play.txt': {
    session: { id: '9a90de54', timeoutMs: 120_000 },
    rtpInfo: [{ url: 'rtsp://192.168.1.110:5050/H264/video', sequence: 271, rtpTime: 1621990950 }],
  },
  'hikvision_play.txt': {
    session: { id: '708345999', timeoutMs: 60_000 },
    rtpInfo: [
      {
        url: 'rtsp://192.168.5.106:554/Streaming/Channels/101/trackID=1?transportmode=unicast&profile=Profile_1',
        sequence: 24104,
        rtpTime: 1270711678,
      },
    ],
  },
  'reolink_play.txt': {
    session: { id: 'F8F8E425', timeoutMs: 60_000 },
    rtpInfo: [
      { url: 'trackID=1', sequence: 16852, rtpTime: 1070938629 },
      { url: 'trackID=2', sequence: 39409, rtpTime: 3075976528 },
    ],
  },
};

function bytesOf(file: string): Buffer {
  return readFileSync(new URL(file, FOLDER));
}

/** The reply of a file, or one around a bare description. */
function replyOf(file: string): Reply {
  const bytes = bytesOf(file);
  if (file.endsWith('_sdp.txt')) {
    return { kind: 'reply', status: 200, reason: 'OK', headers: new Headers([]), body: bytes };
  }
  const found: Reply[] = [];
  const reader = new StreamReader('cam-a', {
    frame: () => undefined,
    message: (message) => message.kind === 'reply' && found.push(message),
  });
  reader.feed(bytes);
  if (!found[0]) throw new Error(`${file} holds no reply`);
  return found[0];
}

for (const [file, facts] of Object.entries(describes)) {
  t.test(`corpus: ${file}: the video track is found and nothing else is asked for`, async (t) => {
    const reply = replyOf(file);
    t.equal(reply.status, 200);
    const address = parseAddress('cam-a', URL_ASKED);
    const video = findVideo(reply.body.toString('utf8'));
    const base = baseUrl(address, reply.headers);
    const sets = video?.track.parameterSets ?? {};
    const sps = sets.sps && video ? parseSps(video.track.codec, sets.sps) : undefined;
    t.same(
      {
        codec: video?.track.codec,
        payloadType: video?.payloadType,
        size: `${sps?.width}x${sps?.height}`,
        sets: (['vps', 'sps', 'pps'] as const).filter((kind) => sets[kind]).join(),
        setup: controlUrls(address, base, video?.control ?? '')[0],
        play: controlUrls(address, base, video?.sessionControl ?? '')[0],
      },
      facts,
    );
    t.equal(video?.track.clockRate, 90_000);
  });
}

for (const [file, facts] of Object.entries(setups)) {
  t.test(`corpus: ${file}: channels, source and session are read`, async (t) => {
    const { headers } = replyOf(file);
    t.same(parseTransport(headers.get('Transport')), facts.transport);
    t.same(parseSession(headers.get('Session')), facts.session);
  });
}

for (const [file, facts] of Object.entries(plays)) {
  t.test(`corpus: ${file}: session and RTP-Info are read`, async (t) => {
    const { headers } = replyOf(file);
    t.same(parseSession(headers.get('Session')), facts.session);
    t.same(parseRtpInfo(headers.get('RTP-Info') ?? ''), facts.rtpInfo);
  });
}

t.test('corpus: dahua_options.txt: the methods on offer are read', async (t) => {
  const { headers } = replyOf('dahua_options.txt');
  t.equal(parsePublic(headers).has('GET_PARAMETER'), true);
  t.equal(parsePublic(headers).size, 10);
});

t.test('corpus: longse_unauthorized.txt: the challenge is read', async (t) => {
  const reply = replyOf('longse_unauthorized.txt');
  t.equal(reply.status, 401);
  t.equal(reply.headers.get('cseq'), '1');
  const [challenge] = parseChallenges(reply.headers.all('www-authenticate'));
  t.equal(challenge?.scheme, 'digest');
  t.same(Object.fromEntries(challenge?.params ?? []), { realm: 'Surveillance Server', nonce: '98481030' });
});

t.test('corpus: every file is asserted by this test', async (t) => {
  const asserted = [
    ...Object.keys(describes),
    ...Object.keys(setups),
    ...Object.keys(plays),
    'dahua_options.txt',
    'longse_unauthorized.txt',
    'LICENSE-MIT.txt',
    'README.md',
  ];
  t.same(readdirSync(FOLDER).sort(), asserted.sort());
});
