import { execFile } from 'node:child_process';
import t from 'tap';
import { capturedMatch, discoveryDevices } from '../support/discovery-devices.ts';
import { until } from '../support/until.ts';

/** What the command says, and its exit code. */
async function beffroi(...args: string[]): Promise<{ out: string; err: string; code: number }> {
  return await new Promise((resolve) => {
    execFile(process.execPath, ['agent/cli.ts', 'discover', ...args], (error, out, err) =>
      resolve({ out, err, code: Number(error?.code ?? 0) }),
    );
  });
}

t.test('beffroi discover: lists what answers, and shows what it does not contact', async (t) => {
  const uuid = '77777777-701b-464d-a189-0060351c8ada';
  const addresses = 'http://127.84.0.7:81/onvif/device_service http://10.9.8.7/onvif';
  const hostile = capturedMatch({ uuid: uuid.replace('7777', '8888'), addresses: 'http://127.84.0.8/%1b[2J' })
    .replace('/name/PREDATOR', '/name/%1b[2J%1b]0;x%07%0d%0aCaché%e2%80%aeexe')
    .replace('/hardware/HD_PREDATOR', `/hardware/${'=cmd|'.repeat(900)}`);
  await discoveryDevices(t, [
    { address: '127.84.0.7', answer: capturedMatch({ uuid, addresses }) },
    { address: '127.84.0.8', answer: hostile },
  ]);
  const asked = ['--network', '127.84.0.0/16', '--seconds', '1'];
  const found = await until(async () => {
    const said = await beffroi(...asked, '--lang', 'fr');
    return ['127.84.0.7', '127.84.0.8'].every((host) => said.out.includes(host)) && said;
  });
  t.match(
    found.out,
    /127\.84\.0\.7 +HD_PREDATOR +PREDATOR +– +S +http:\/\/127\.84\.0\.7:81\/onvif\/device_service/,
  );
  t.match(found.out, /127\.84\.0\.7 annonce aussi 10\.9\.8\.7, qui n'est pas contacté/);
  t.match(found.out, /2 équipements, demande émise depuis 127\.0\.0\.1/);
  t.notMatch(
    found.out,
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/,
    'nothing that moves a terminal',
  );
  const line = found.out.split('\n').find((one) => one.startsWith('127.84.0.8')) ?? '';
  t.ok(line.length < 300, 'however long its words are');
});

t.test('beffroi discover: nobody, no interface and a wrong line are told apart', async (t) => {
  const [nobody, elsewhere, wide, long] = await Promise.all([
    beffroi('--network', '127.85.0.0/16', '--seconds', '1', '--lang', 'en'),
    beffroi('--network', '203.0.113.0/24', '--seconds', '1', '--lang', 'en'),
    beffroi('--network', '0.0.0.0/0'),
    beffroi('--seconds', '3600'),
  ]);
  t.match(nobody, { code: 1, out: /No ONVIF device answered/ });
  t.match(elsewhere, { code: 1, out: /No interface of this machine/ });
  t.match(
    [wide, long],
    [
      { code: 2, err: /--network/ },
      { code: 2, err: /--seconds/ },
    ],
  );
});
