import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';

/** The first ports that are no one's by custom. A guess. */
const FIRST = 12_000;
const RANGE = '/proc/sys/net/ipv4/ip_local_port_range';

/** A host of which no name server is asked, for none could know it: it leads nowhere at once. @see RFC 1035 §2.3.4 */
export const NAMELESS = `${'x'.repeat(64)}.invalid`;

/**
 * A TCP port of loopback that stays free until somebody listens, also in between. The system gives such a port to no
 * outgoing connection, and no other process of these tests takes it as long as this one lives.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, firstOfTheSystem());
    if ((await isClaimed(port)) && (await isFree(port))) return port;
  }
}

/** From here on the system takes the ports of outgoing connections. @see ip(7), ip_local_port_range */
function firstOfTheSystem(): number {
  const first = Number(readFileSync(RANGE, 'utf8').trim().split(/\s+/)[0]);
  return first > FIRST + 1000 ? first : 32_768;
}

/** A name in the abstract namespace of sockets, which goes with the process. @see unix(7) */
async function isClaimed(port: number): Promise<boolean> {
  const claim = createServer();
  const claimed = await listens(claim, { path: `\0beffroi-test-port-${port}` });
  claim.unref();
  return claimed;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  if (!(await listens(server, { host: '127.0.0.1', port }))) return false;
  server.close();
  await once(server, 'close');
  return true;
}

async function listens(server: Server, where: { path: string } | { host: string; port: number }) {
  server.listen(where);
  return await once(server, 'listening').then(
    () => true,
    () => false,
  );
}
