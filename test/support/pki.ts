import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TlsFiles } from '../../agent/uplink/socket.ts';
import {
  createBoxAuthority,
  createBroker,
  createClient,
  createRoot,
  type Identity,
} from '../../provisioning/certificates.ts';

/** A pretend CSU's certificates as files: one root, one authority for boxes, a broker on loopback. */
export interface TestPki {
  /** PEM of the root: what a client trusts. */
  readonly authorities: string;
  readonly rootKey: string;
  /** For Mosquitto: who may be a client, and its own certificate and key. */
  readonly broker: { readonly cafile: string; readonly certfile: string; readonly keyfile: string };
  /** Files of a client whose common name is `name`; made by the authority of the boxes. */
  client(name: string, nowMs?: number): Promise<TlsFiles>;
}

/**
 * @param hosts names and addresses in the certificate of the broker
 * @param brokerMadeMs from when on that is valid, for 825 days
 */
export async function createPki(
  folder: string,
  hosts: [string, ...string[]] = ['localhost', '127.0.0.1'],
  brokerMadeMs = Date.now(),
): Promise<TestPki> {
  await mkdir(folder, { recursive: true });
  const nowMs = Date.now();
  const root = await createRoot('Test root', nowMs);
  const boxes = await createBoxAuthority(root, 'Test boxes', nowMs);
  const broker = await createBroker(root, hosts, brokerMadeMs);
  const authorities = await write(folder, 'root.pem', root.certificate);
  const cafile = await write(folder, 'clients.pem', boxes.certificate + root.certificate);
  const files = await writeIdentity(folder, 'broker', broker, '');
  const rootKey = await write(folder, 'root.key', root.key);
  return {
    authorities,
    rootKey,
    broker: { cafile, certfile: files.certificate, keyfile: files.key },
    client: async (name, atMs = nowMs) => {
      const identity = await createClient(boxes, name, atMs);
      return { authorities, ...(await writeIdentity(folder, name, identity, boxes.certificate)) };
    },
  };
}

async function writeIdentity(folder: string, name: string, identity: Identity, chain: string) {
  return {
    certificate: await write(folder, `${name}.pem`, identity.certificate + chain),
    key: await write(folder, `${name}.key`, identity.key),
  };
}

async function write(folder: string, name: string, text: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text, { mode: 0o600 });
  return file;
}
