import { OnvifServiceDevice } from 'node-onvif-ts/dist/node-onvif/module/service-device.js';
import t from 'tap';
import { askDevice, askMedia } from '../../../agent/camera/onvif/package.ts';
import { parseXml } from '../../../agent/camera/onvif/xml.ts';
import { serve } from './support.ts';

t.test('every call of node-onvif-ts passes through our transport', async (t) => {
  const asked: string[] = [];
  const answer = { content: await parseXml('<a/>', 'cam-1') } as never;
  const ask = async (method: string, envelope: string) => {
    asked.push(method);
    t.match(envelope, `${method}`);
    return answer;
  };
  t.equal(await askDevice(ask, (device) => device.getDeviceInformation()), answer);
  t.equal(await askDevice(ask, (device) => device.getSystemDateAndTime()), answer);
  t.equal(await askMedia(ask, (media) => media.getProfiles()), answer);
  t.same(asked, ['GetDeviceInformation', 'GetSystemDateAndTime', 'GetProfiles']);
});

t.test('a service of the package that is bound to no transport reaches no camera', async (t) => {
  let requests = 0;
  const port = await serve(t, (_asked, response) => {
    requests += 1;
    response.end();
  });
  const service = new OnvifServiceDevice({ xaddr: `http://127.0.0.1:${port}/` });
  await t.rejects(service.getDeviceInformation(), { code: 'internal', message: /without a transport/ });
  t.equal(requests, 0);
});
