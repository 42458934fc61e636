import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import t from 'tap';
import { parseSegments, segmentsOf } from '../../../agent/health/backbone/tcp-loss.ts';
import { FarNetwork, MAY_MAKE_NETWORKS } from '../../support/far-network.ts';
import * as fc from '../../support/properties.ts';
import { until } from '../../support/until.ts';

/** As ss of iproute2 6.1 printed them; the last one is of another form of the command, with the state before. */
const PRINTED = [
  '0      0      127.0.0.1:58058 127.0.0.1:20200 bbr wscale:10,10 rto:208 rtt:6.367/9.657 bytes_sent:6941 bytes_acked:6942 segs_out:3704 segs_in:3912 data_segs_out:18 data_segs_in:3904 app_limited minrtt:0.005',
  '0      0      [::1]:24293 [::1]:38480 cubic rto:232 bytes_sent:698965 bytes_retrans:52 segs_out:529 data_segs_out:528 retrans:0/3 dsack_dups:1 minrtt:0.004',
  'ESTAB 0      52      [fe80::1%eth0]:22 [fe80::2%eth0]:1024 cubic data_segs_out:10 retrans:1/2',
  '0      0      127.0.0.1:4000 127.0.0.1:4001 cubic rto:200',
  'a line of another program:80 1:2',
].join('\n');

t.test('tcp loss: what ss prints is read by port; what the other end had is not lost', async (t) => {
  t.same(
    [...parseSegments(PRINTED)],
    [
      [58058, { sent: 18, lost: 0 }],
      [24293, { sent: 528, lost: 2 }],
      [22, { sent: 10, lost: 2 }],
    ],
  );
});

t.test('tcp loss: no text makes it fail', async (t) => {
  const isSane = ({ sent, lost }: { sent: number; lost: number }) => sent >= 0 && lost >= 0;
  const words = fc.constantFrom('0', '1', 'a:1', '[::1]:65536', 'data_segs_out:9', 'retrans:1/2', '\n', 'x');
  const texts = fc.oneof(
    fc.string({ maxLength: 300 }),
    fc.array(words).map((some) => some.join(' ')),
  );
  t.doesNotThrow(() =>
    fc.assert(fc.property(texts, (text) => [...parseSegments(text).values()].every(isSane))),
  );
});

const SINK = `
const server = require('node:net').createServer((socket) => socket.resume().on('error', () => undefined));
server.listen(0, process.argv[1], () => console.log(server.address().port));
`;

async function sinkIn(network: FarNetwork): Promise<{ child: ChildProcess; port: number }> {
  const [command = '', ...args] = network.command;
  const child = spawn(command, [...args, process.execPath, '-e', SINK, network.address], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, port: Number(line) };
}

/** Keeps the line full. */
function pour(socket: Socket): void {
  const more = () => {
    while (!socket.destroyed && socket.write(Buffer.alloc(64 * 1024)));
  };
  socket.on('drain', more).on('error', () => undefined);
  more();
}

t.test(
  'tcp loss: a line that loses packets shows by what the kernel sends again',
  { skip: MAY_MAKE_NETWORKS ? false : 'only root makes networks' },
  async (t) => {
    const network = FarNetwork.make(t);
    const { child, port } = await sinkIn(network);
    t.teardown(() => child.kill('SIGKILL'));
    const socket = connect(port, network.address);
    await once(socket, 'connect');
    t.teardown(() => socket.destroy());
    const own = socket.localPort ?? 0;
    const seen = async () => (await segmentsOf([own]))?.get(own);

    socket.write(Buffer.alloc(400_000));
    const before = await until(async () => {
      const now = await seen();
      return now && now.sent >= 5 && now;
    });

    network.lossy('2mbit');
    pour(socket);
    const after = await until(async () => {
      const now = await seen();
      return now && now.lost >= before.lost + 5 && now;
    });
    t.ok(after.sent > before.sent);
  },
);

t.test('tcp loss: without connections nothing is asked', async (t) => {
  t.same(await segmentsOf([]), new Map());
});
