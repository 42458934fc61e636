import t from 'tap';
import {
  type Asked,
  cameraAt,
  captured,
  credentials,
  never,
  serve,
  servicesAnswer,
  soap,
  soapFault,
} from './support.ts';

const files: Record<string, string> = {
  GetServices: 'GetServices',
  GetSystemDateAndTime: 'GetSystemDateAndTime',
  GetDeviceInformation: 'GetDeviceInformation',
  GetProfiles: 'GetProfiles',
  GetStreamUri: 'GetStreamUri',
};

t.test('the captured answers of a camera with Media1 give its concrete values', async (t) => {
  const asked: Asked[] = [];
  const port = await serve(t, (one, response) => {
    asked.push(one);
    response.end(captured(files[one.method] ?? 'Error'));
  });
  const { camera } = cameraAt(port);
  t.same(await camera.deviceInformation(never), {
    manufacturer: 'Mockup Manufacturer',
    model: 'Mockup Model',
    firmware: 'Mockup_15_14_13',
    serial: '00000000',
  });
  t.same(await camera.profiles(never), [
    {
      token: 'main',
      name: 'main',
      codec: 'h264',
      width: 1920,
      height: 1080,
      fps: 5,
      kbps: 1000,
      hasAudio: false,
    },
  ]);
  t.same(await camera.streamUri('main', never), { path: '/h264main', port: 554, tls: false });
  const offset = await camera.systemTime(never);
  const aheadMs = Date.UTC(2014, 11, 24, 19, 14, 37) - Date.now();
  t.ok(Math.abs(offset.offsetMs - aheadMs) < 60_000, 'twelve years behind, to the minute');
  t.same(
    asked.map(({ method, path }) => `${method} ${path}`),
    [
      'GetDeviceInformation /onvif/device_service',
      'GetServices /onvif/device_service',
      'GetProfiles /onvif/services',
      'GetStreamUri /onvif/services',
      'GetSystemDateAndTime /onvif/device_service',
    ],
    'only the path of the addresses that the camera gives is used',
  );
});

t.test(
  'an old encoder without GetServices is asked for its capabilities, and its wrong charset does no harm',
  async (t) => {
    const paths: string[] = [];
    const port = await serve(t, ({ method, path }, response) => {
      paths.push(`${method} ${path}`);
      if (method === 'GetServices') {
        response.statusCode = 500;
        response.end(soapFault('ter:ActionNotSupported', 'Optional Action Not Implemented'));
      } else
        response.end(
          captured(method === 'GetCapabilities' ? 'GetCapabilitiesEncoder' : (files[method] ?? 'Error')),
        );
    });
    const { camera } = cameraAt(port);
    t.equal((await camera.profiles(never)).length, 1);
    t.match(paths, [/GetServices/, /GetCapabilities/, /GetProfiles \/onvif\/\w+/]);
  },
);

const media2Profiles = soap(`<tr2:GetProfilesResponse xmlns:tr2="http://www.onvif.org/ver20/media/wsdl">
  <tr2:Profiles token="Profile_1" fixed="true"><tr2:Name>Façade &amp; cour</tr2:Name><tr2:Configurations>
    <tr2:VideoSource token="V0"><tt:Name>V0</tt:Name></tr2:VideoSource>
    <tr2:AudioEncoder token="A0"><tt:Encoding>PCMU</tt:Encoding></tr2:AudioEncoder>
    <tr2:VideoEncoder token="E0" GovLength="50" Profile="Main"><tt:Encoding>H265</tt:Encoding>
      <tt:Resolution><tt:Width>2560</tt:Width><tt:Height>1440</tt:Height></tt:Resolution>
      <tt:RateControl ConstantBitRate="false"><tt:FrameRateLimit>12.5</tt:FrameRateLimit><tt:BitrateLimit>4096</tt:BitrateLimit></tt:RateControl>
    </tr2:VideoEncoder></tr2:Configurations></tr2:Profiles>
  <tr2:Profiles token="Profile_2"><tr2:Name>mjpeg</tr2:Name><tr2:Configurations>
    <tr2:VideoEncoder token="E1"><tt:Encoding>JPEG</tt:Encoding><tt:Resolution><tt:Width>640</tt:Width><tt:Height>360</tt:Height></tt:Resolution></tr2:VideoEncoder></tr2:Configurations></tr2:Profiles>
  <tr2:Profiles token="Profile_3"><tr2:Name>sound alone</tr2:Name><tr2:Configurations><tr2:AudioEncoder token="A0"/></tr2:Configurations></tr2:Profiles>
</tr2:GetProfilesResponse>`);

const MEDIA = 'http://www.onvif.org/ver10/media/wsdl';
const MEDIA2 = 'http://www.onvif.org/ver20/media/wsdl';

t.test(
  'a camera with Media2 shows its H.265 profile, with sound marked and profiles without video left out',
  async (t) => {
    const port = await serve(t, ({ method, path }, response) => {
      if (method === 'GetServices') response.end(servicesAnswer(MEDIA, MEDIA2));
      else if (!path.includes('ver20')) response.end(soapFault('ter:ActionNotSupported', 'wrong service'));
      else if (method === 'GetProfiles') response.end(media2Profiles);
      else
        response.end(
          soap(
            '<tr2:GetStreamUriResponse xmlns:tr2="m2"><tr2:Uri>rtsps://user:pw@192.168.1.64:8322/Streaming/Channels/101?transportmode=unicast&amp;profile=Profile_1</tr2:Uri></tr2:GetStreamUriResponse>',
          ),
        );
    });
    const { camera } = cameraAt(port);
    t.same(await camera.profiles(never), [
      {
        token: 'Profile_1',
        name: 'Façade & cour',
        codec: 'h265',
        width: 2560,
        height: 1440,
        fps: 12.5,
        kbps: 4096,
        hasAudio: true,
      },
      { token: 'Profile_2', name: 'mjpeg', codec: 'other', width: 640, height: 360, hasAudio: false },
    ]);
    t.same(await camera.streamUri('Profile_1', never), {
      path: '/Streaming/Channels/101?transportmode=unicast&profile=Profile_1',
      port: 8322,
      tls: true,
    });
  },
);

t.test('a camera whose Media2 is only announced is asked by Media1', async (t) => {
  const port = await serve(t, ({ method, path }, response) => {
    if (method === 'GetServices') response.end(servicesAnswer(MEDIA, MEDIA2));
    else if (path.includes('ver20')) {
      response.statusCode = 400;
      response.end(soapFault('ter:ActionNotSupported', 'no'));
    } else response.end(captured(files[method] ?? 'Error'));
  });
  const { camera } = cameraAt(port);
  t.equal((await camera.profiles(never))[0]?.token, 'main');
  t.equal((await camera.streamUri('main', never)).path, '/h264main');
});

t.test('a profile token cannot inject XML into a request', async (t) => {
  let body = '';
  const port = await serve(t, (one, response) => {
    if (one.method === 'GetStreamUri') body = one.body;
    response.end(captured(files[one.method] ?? 'Error'));
  });
  const { camera } = cameraAt(port, { credentials });
  await camera.streamUri('a</trt:ProfileToken><x>&"\'\u0000', never);
  t.match(
    body,
    '<trt:ProfileToken>a&#60;/trt:ProfileToken&#62;&#60;x&#62;&#38;&#34;&#39;</trt:ProfileToken>',
  );
});

t.test('a camera without a media service is said to lack it', async (t) => {
  const port = await serve(t, (_one, response) =>
    response.end(servicesAnswer('http://www.onvif.org/ver10/device/wsdl')),
  );
  await t.rejects(cameraAt(port).camera.profiles(never), { code: 'camera-unsupported' });
});

t.test('faults are told apart', async (t) => {
  let fault = '';
  const port = await serve(t, (_one, response) => {
    response.statusCode = 500;
    response.end(fault);
  });
  const { camera } = cameraAt(port);
  for (const [subcode, code] of [
    ['ter:ActionNotSupported', 'camera-unsupported'],
    ['ter:NoProfile', 'camera-not-found'],
    ['ter:OutofMemory', 'camera-busy'],
    ['ter:SomethingElse', 'camera-fault'],
  ] as const) {
    fault = soapFault(subcode, 'because');
    await t.rejects(camera.deviceInformation(never), { code });
  }
  fault = captured('Error');
  await t.rejects(camera.deviceInformation(never), {
    code: 'camera-fault',
    message: /fault subcode.*fault reason/,
  });
  fault =
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>old form</faultstring></s:Fault></s:Body></s:Envelope>';
  await t.rejects(camera.deviceInformation(never), { code: 'camera-fault', message: /old form/ });
});
