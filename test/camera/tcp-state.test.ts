import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { findTcpState, tcpState } from '../../agent/camera/tcp-state.ts';
import { until } from '../support/until.ts';

/** As Linux 6.1 writes it. */
const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:9045 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4255586 1 0 100 0 0 10 0
   1: 0100120A:D431 0200120A:022A 01 00000049:00000000 01:00000021 00000003     0        0 4255590 2 0 1640 40 0 10 10
   2: 0100120A:D432 0200120A:022A 01 00000000:000004D2 02:000000F1 00000000     0        0 4255591 2 0 20 4 30 10 -1
   3: 0100120A:D433 0200120A:022A 01 00000049:00000000 04:000000F1 00000000     0        5 4255592 2 0 20 4 30 10 -1
   4: 0100120A:D431 0300120A:022A 01 00000000:00000000 00:00000000 00000000     0        0 4255593 2 0 20 4 30 10 -1
`;
const at = (localPort: number, remoteAddress = '10.18.0.2', remotePort = 554) => ({
  localPort,
  remoteAddress,
  remotePort,
});

t.test('TCP state: what the kernel says of each connection is found by its two ends', async (t) => {
  t.same(findTcpState(TABLE, at(0xd431)), { unacknowledged: true, unreadBytes: 0 });
  t.same(findTcpState(TABLE, at(0xd432)), { unacknowledged: false, unreadBytes: 1234 });
  t.same(
    findTcpState(TABLE, at(0xd433)),
    { unacknowledged: false, unreadBytes: 0 },
    'a closed window is no cut',
  );
  t.same(findTcpState(TABLE, at(0xd431, '10.18.0.3')), { unacknowledged: false, unreadBytes: 0 });
  t.equal(findTcpState(TABLE, at(0xd434)), undefined);
  t.equal(findTcpState('', at(0xd431)), undefined, 'where there is no such table nothing is known');
});

async function connected(t: Test, host: string): Promise<[near: Socket, far: Socket]> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  const near = connect(typeof address === 'object' && address ? address.port : 0, host).pause();
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [
    [Socket],
    unknown,
  ];
  t.teardown(() => [near.destroy(), far.destroy(), server.close()]);
  return [near, far];
}

for (const host of ['127.0.0.1', '::1']) {
  t.test(`TCP state: of a real connection over ${host}: what we have not read is seen`, async (t) => {
    const [near, far] = await connected(t, host);
    const ends = { localPort: near.localPort ?? 0, remoteAddress: host, remotePort: near.remotePort ?? 0 };
    t.same(await tcpState(ends), { unacknowledged: false, unreadBytes: 0 });
    far.write('x'.repeat(1000));
    const state = await until(async () => {
      const now = await tcpState(ends);
      return now?.unreadBytes ? now : undefined;
    });
    t.same(state, { unacknowledged: false, unreadBytes: 1000 });
  });
}
