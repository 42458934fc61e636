import t from 'tap';
import { acceptIdentity, compareIdentity, expectedSerial } from '../../agent/health/identity.ts';
import { KeptMemory } from './kept-memory.ts';

const device = (serial: string) => ({ manufacturer: 'Maker', model: 'M1', firmware: '1.0', serial });
const here = { id: 'cam-1', host: '10.0.0.1' };

t.test(
  'the first serial number at an address is the expected one, at another address the next',
  async (t) => {
    const memory = new KeptMemory();
    const get = memory.get.bind(memory);
    t.equal(compareIdentity(memory, here, device('')), undefined, 'what is not said is not learnt');
    t.equal(expectedSerial(get, here), '');
    t.equal(compareIdentity(memory, here, device('A-1')), undefined);
    t.same(compareIdentity(memory, here, device('B-2')), { expected: 'A-1', came: 'B-2' });
    const moved = { ...here, host: '10.0.0.2' };
    t.equal(expectedSerial(get, moved), '');
    t.equal(
      compareIdentity(memory, moved, device('B-2')),
      undefined,
      'the configuration has moved the camera',
    );
    t.same(compareIdentity(memory, moved, device('A-1')), { expected: 'B-2', came: 'A-1' });
  },
);

t.test('a device is accepted where the configuration names no other', async (t) => {
  const memory = new KeptMemory();
  compareIdentity(memory, here, device('A-1'));
  t.ok(acceptIdentity(memory, here, device('B-2')));
  t.equal(compareIdentity(memory, here, device('B-2')), undefined);
  const named = { ...here, serial: 'A-1' };
  t.notOk(acceptIdentity(memory, named, device('B-2')));
  t.same(compareIdentity(memory, named, device('B-2')), { expected: 'A-1', came: 'B-2' });
});
