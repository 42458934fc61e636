import t from 'tap';
import { type SeenDevice, seenDevice } from '../../agent/camera/discovery/device.ts';
import { readNeighbours } from '../../agent/camera/discovery/neighbours.ts';
import { readProbeMatches } from '../../agent/camera/discovery/probe-matches.ts';
import { compare, type Sought } from '../../agent/inventory/compare.ts';
import { findingText } from '../../agent/inventory/finding.ts';
import { readKnown, readLast } from '../../agent/inventory/memory.ts';
import { capturedMatch } from '../support/discovery-devices.ts';

const device = (address: string, endpoint: string, more: Partial<SeenDevice> = {}): SeenDevice => ({
  ...{ address, endpoint, types: ['Device'], service: undefined, elsewhere: [] },
  ...{ name: '', hardware: '', location: '', serial: '', mac: '', profiles: [] },
  ...more,
});
const camera = (id: string, address: string, more: Partial<Sought> = {}): Sought => ({
  ...{ id: `cam-${id}`, name: id, host: address, addresses: [address], port: 'silent' },
  ...{ known: undefined, serial: '', isSwapped: false },
  ...more,
});
const known = (endpoint: string, mac = '') => ({ known: { host: '', endpoint, mac } });
const told = (cameras: readonly Sought[], devices: readonly SeenDevice[], expected: readonly string[] = []) =>
  compare(cameras, devices, new Set(expected)).findings.map(findingText);

t.test('inventory: what is seen at its address is present; what nobody knows is not called another', (t) => {
  t.same(told([camera('a', '10.0.0.1', known('e1'))], [device('10.0.0.1', 'e1')]), []);
  t.same(told([camera('a', '10.0.0.1')], [device('10.0.0.1', 'e1')]), []);
  t.same(told([camera('a', '10.0.0.1', { port: 'open' })], []), [], 'without ONVIF, by its port');
  t.same(told([camera('a', '10.0.0.1', { port: 'closed' })], []), [], 'a machine is there');
  t.end();
});

t.test('inventory: missing, moved, swapped and unknown are told apart', (t) => {
  t.same(told([camera('a', '10.0.0.1', known('e1'))], []), ['missing cam-a (10.0.0.1)']);
  const away = [device('10.0.0.9', 'e1', { hardware: 'X' })];
  for (const port of ['silent', 'closed'] as const)
    t.same(told([camera('a', '10.0.0.1', { ...known('e1'), port })], away), [
      'moved cam-a 10.0.0.1 -> 10.0.0.9 X',
    ]);
  t.same(told([camera('a', '10.0.0.1', { ...known('e1'), port: 'open' })], away), ['unknown 10.0.0.9 X']);
  t.same(told([camera('a', '10.0.0.1', known('e1'))], [device('10.0.0.1', 'e2')]), [
    'swapped cam-a (10.0.0.1): 10.0.0.1',
  ]);
  const crossed = [camera('a', '10.0.0.1', known('e1')), camera('b', '10.0.0.2', known('e2'))];
  t.same(told(crossed, [device('10.0.0.1', 'e2'), device('10.0.0.2', 'e1')]), [
    'swapped cam-a (10.0.0.1): cam-b, 10.0.0.1',
    'swapped cam-b (10.0.0.2): cam-a, 10.0.0.2',
  ]);
  const fresh = [camera('a', '10.0.0.1'), camera('b', '10.0.0.2', known('e2'))];
  t.same(told(fresh, [device('10.0.0.1', 'e2')]), [
    'swapped cam-a (10.0.0.1): cam-b, 10.0.0.1',
    'moved cam-b 10.0.0.2 -> 10.0.0.1',
  ]);
  t.same(told([camera('a', '10.0.0.1', { isSwapped: true, port: 'open' })], []), [
    'swapped cam-a (10.0.0.1): ',
  ]);
  t.end();
});

t.test('inventory: a device is known again by endpoint, hardware address or serial number', (t) => {
  const mac = '00:40:8c:11:22:33';
  const seen = (more: Partial<SeenDevice>) => [device('10.0.0.9', 'new', more)];
  const moved = ['moved cam-a 10.0.0.1 -> 10.0.0.9'];
  const withMac = [`${moved[0]} ${mac}`];
  t.same(
    told([camera('a', '10.0.0.1', known('old', mac))], seen({ mac })),
    withMac,
    'firmware gave it another endpoint',
  );
  t.same(told([camera('a', '10.0.0.1', { serial: '00408C112233' })], seen({ mac })), withMac);
  t.same(told([camera('a', '10.0.0.1', { serial: 'SN-01234' })], seen({ serial: 'SN01234' })), moved);
  const axis = [device('10.0.0.9', '00000000-0000-1000-8000-00408c112233')];
  t.same(
    told([camera('a', '10.0.0.1', { serial: '00408C112233' })], axis),
    moved,
    'serial as end of the endpoint',
  );
  t.same(told([camera('a', '10.0.0.1', { serial: '1' })], seen({ serial: '1' })), [
    'missing cam-a (10.0.0.1)',
    'unknown 10.0.0.9',
  ]);
  t.end();
});

/** As Linux writes it: an entry that is whole, one that nobody answered for, one that has lapsed, one that was set. */
const ARP = `IP address       HW type     Flags       HW address            Mask     Device
10.0.0.9         0x1         0x2         00:40:8c:11:22:33     *        enp2s0
10.0.0.10        0x1         0x0         00:00:00:00:00:00     *        enp2s0
10.0.0.11        0x1         0x0         00:40:8c:11:22:34     *        enp2s0
10.0.0.12        0x1         0x6         ac:cc:8e:00:00:07     *        br-cameras.20
`;

t.test(
  'inventory: a camera is known again by the hardware address that the kernel knows [proc(5) net/arp]',
  async (t) => {
    const macs = readNeighbours(ARP);
    t.same(
      [...macs],
      [
        ['10.0.0.9', '00:40:8c:11:22:33'],
        ['10.0.0.12', 'ac:cc:8e:00:00:07'],
      ],
    );
    for (const text of ['', 'x', 'IP address\n\n10.0.0.9\n', `${ARP}\0\xff 0x1 0x2 zz`.replace(ARP, '')])
      t.equal(readNeighbours(text).size, 0, JSON.stringify(text));
    const answer = capturedMatch({ uuid: 'new', addresses: 'http://10.0.0.9/onvif/device_service' });
    const { matches } = await readProbeMatches(Buffer.from(answer), '10.0.0.9');
    const seenAt = (address: string) => matches.map((match) => seenDevice(match, address, macs.get(address)));
    const sought = [camera('a', '10.0.0.1', known('old', '00:40:8c:11:22:33'))];
    t.same(told(sought, seenAt('10.0.0.9')), [
      'moved cam-a 10.0.0.1 -> 10.0.0.9 HD_PREDATOR 00:40:8c:11:22:33',
    ]);
    t.same(told(sought, seenAt('10.0.0.11')), ['missing cam-a (10.0.0.1)', 'unknown 10.0.0.11 HD_PREDATOR']);
    const bySerial = [camera('a', '10.0.0.1', { serial: 'ACCC8E000007' })];
    t.match(told(bySerial, seenAt('10.0.0.12')), [/^moved cam-a 10\.0\.0\.1 -> 10\.0\.0\.12/]);
  },
);

t.test('inventory: a recorder is one device, and what is expected is not unknown', (t) => {
  const recorder = [device('10.0.0.7', 'e1', { hardware: 'NVR' }), device('10.0.0.7', 'e2')];
  t.same(told([], recorder), ['unknown 10.0.0.7 NVR']);
  t.same(told([], recorder, ['10.0.0.7']), []);
  const two = [camera('a', '10.0.0.7', { port: 'open' }), camera('b', '10.0.0.7', { port: 'open' })];
  t.same(told(two, recorder), [], 'two cameras of one encoder');
  t.end();
});

t.test('inventory: what lies damaged in memory is nothing known', (t) => {
  for (const text of ['', 'x', 'null', '3', '{}', '{"findings":[{}],"atMs":1}', '{"host":1}']) {
    t.equal(
      readLast(() => text),
      undefined,
      text,
    );
    t.equal(
      readKnown(() => text, 'cam-a'),
      undefined,
      text,
    );
  }
  t.end();
});
