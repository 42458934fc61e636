import { rm } from 'node:fs/promises';
import { createConnection, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { deadline } from '../base/deadline.ts';
import { InternalError, systemCode } from '../base/errors.ts';
import type { Service } from '../base/lifecycle.ts';
import { type StatusSnapshot, statusSnapshot } from '../contract/status.ts';

/** Largest snapshot that a reader takes: 256 cameras with long names stay far below. Source: guess. */
const MAX_SNAPSHOT_BYTES = 1 << 20;
const READ_TIMEOUT_MS = 3000;

/** Where the running agent gives its snapshot. */
export function statusSocketPath(runtimeFolder: string): string {
  return join(runtimeFolder, 'status.sock');
}

/** Gives one snapshot, as one line of JSON, to whoever connects. The folder's rights say who may. */
export class StatusServer implements Service {
  readonly name = 'status socket';
  readonly #path: string;
  readonly #snapshot: () => StatusSnapshot;
  #server: Server | undefined;

  constructor(path: string, snapshot: () => StatusSnapshot) {
    this.#path = path;
    this.#snapshot = snapshot;
  }

  async start(): Promise<void> {
    await rm(this.#path, { force: true });
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.setTimeout(READ_TIMEOUT_MS, () => socket.destroy());
      socket.end(`${JSON.stringify(this.#snapshot())}\n`);
    });
    server.maxConnections = 8;
    this.#server = server;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject);
    const mask = process.umask(0o077);
    server.listen(this.#path, resolve);
    process.umask(mask);
    await promise;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server) await new Promise((resolve) => server.close(resolve));
  }
}

/**
 * Reads one snapshot of the running agent.
 * @throws InternalError `agent-away` when no agent answers on this socket
 */
export async function readStatus(path: string, signal?: AbortSignal): Promise<StatusSnapshot> {
  const limit = deadline(READ_TIMEOUT_MS, signal);
  const socket = createConnection({ path, signal: limit });
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of socket) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).length;
      if (size > MAX_SNAPSHOT_BYTES)
        throw new InternalError('internal', `status above ${MAX_SNAPSHOT_BYTES} bytes`);
    }
    return statusSnapshot.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
  } catch (cause) {
    throw new InternalError(
      'agent-away',
      `no running agent answers on ${path} (${systemCode(cause) ?? String(cause)})`,
      {
        cause,
      },
    );
  } finally {
    socket.destroy();
  }
}
