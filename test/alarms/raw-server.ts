import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

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
