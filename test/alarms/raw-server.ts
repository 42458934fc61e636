import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type Clock, systemClock } from '../../agent/base/clock.ts';
import { PATIENCE_MS } from '../support/until.ts';

interface Teardown {
  teardown(end: () => unknown): void;
}

/** A TCP server that does to each connection what the test says. @returns its port */
export async function rawServer(
  t: Teardown,
  serve: (socket: Socket) => void,
  at: { readonly host: string; readonly port: number } = { host: '127.0.0.1', port: 0 },
): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    serve(socket);
  });
  server.listen(at);
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** The clock of the machine for one client: only what is limited after the connection has its own, short time. */
export function slowToConnect(): Clock {
  let isConnecting = true;
  const sleep: Clock['sleep'] = (ms, signal) => {
    const limitMs = isConnecting ? PATIENCE_MS : ms;
    isConnecting = false;
    return systemClock.sleep(limitMs, signal);
  };
  return { ...systemClock, sleep };
}
