import t from 'tap';
import { findUdpDrops } from '../../agent/camera/udp-drops.ts';

const HEAD =
  '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            ';
/** As Linux 6.1 writes it. */
const UDP4 = [
  HEAD,
  '  356: 0100007F:BC4A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 41209 2 0000000000000000 7         ',
  ' 1411: 0200A8C0:BC4A 00000000:0000 07 00000000:00034500 00:00000000 00000000   998        0 41211 2 0000000000000000 1042      ',
  '',
].join('\n');
const UDP6 = [
  HEAD,
  ' 2109: 00000000000000000000000001000000:BC4B 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 41300 2 0000000000000000 3',
  '',
].join('\n');

t.test('UDP drops: those of the socket with this address and port', async (t) => {
  t.equal(findUdpDrops(UDP4, { localAddress: '192.168.0.2', localPort: 0xbc4a }), 1042);
  t.equal(findUdpDrops(UDP4, { localAddress: '127.0.0.1', localPort: 0xbc4a }), 7);
  t.equal(findUdpDrops(UDP4, { localAddress: '127.0.0.1', localPort: 0xbc4b }), undefined);
  t.equal(findUdpDrops(UDP6, { localAddress: '::1', localPort: 0xbc4b }), 3);
  t.equal(findUdpDrops('', { localAddress: '127.0.0.1', localPort: 1 }), undefined);
});
