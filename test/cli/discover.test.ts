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
  await discoveryDevices(t, [{ address: '127.84.0.7', answer: capturedMatch({ uuid, addresses }) }]);
  const asked = ['--network', '127.84.0.0/16', '--seconds', '1'];
  const found = await until(async () => {
    const said = await beffroi(...asked, '--lang', 'fr');
    return said.code === 0 && said;
  });
  t.match(
    found.out,
    /127\.84\.0\.7 +HD_PREDATOR +PREDATOR +– +S +http:\/\/127\.84\.0\.7:81\/onvif\/device_service/,
  );
  t.match(found.out, /127\.84\.0\.7 annonce aussi 10\.9\.8\.7, qui n'est pas contacté/);
  t.match(found.out, /1 équipement, demande émise depuis 127\.0\.0\.1/);
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
