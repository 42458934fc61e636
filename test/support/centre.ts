import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MOSQUITTO_ACL, MOSQUITTO_FLOW } from '../../provisioning/broker.ts';
import { createCsu } from '../../provisioning/csu.ts';
import { type CsuFolder, PATHS } from '../../provisioning/folder.ts';
import { Mosquitto } from './mosquitto.ts';
import { Subscriber } from './subscriber.ts';

/** A supervision centre: its folder of keys, and a real Mosquitto with TLS 1.3, client certificates and the ACL. */
export class Centre {
  readonly csu: CsuFolder;
  readonly broker: Mosquitto;

  private constructor(csu: CsuFolder, broker: Mosquitto) {
    this.csu = csu;
    this.broker = broker;
  }

  static async create(folder: string, { quiet = false } = {}): Promise<Centre> {
    const csu = await createCsu(join(folder, 'csu'), { brokerHosts: ['localhost', '127.0.0.1'] });
    const broker = await startBroker(csu, join(folder, 'broker'), quiet);
    return new Centre(csu, broker);
  }

  /** One more broker with the same certificates and rights, such as that of the back-up path; the caller ends it. */
  async anotherBroker(folder: string): Promise<Mosquitto> {
    return await startBroker(this.csu, folder);
  }

  /** Hears as the CSU does, with the CSU's certificate. */
  async subscriber(
    filters: readonly string[],
    keep?: (topic: string) => boolean,
    broker = this.broker,
  ): Promise<Subscriber> {
    const { csu } = this;
    const options = {
      ca: await readFile(csu.file(PATHS.rootCertificate)),
      cert: await readFile(csu.file(PATHS.clientCertificate)),
      key: await readFile(csu.file(PATHS.clientKey)),
      protocolVersion: 5 as const,
    };
    return await Subscriber.connect(broker.url, filters, options, keep);
  }

  async end(): Promise<void> {
    await this.broker.stop();
  }
}

async function startBroker(csu: CsuFolder, folder: string, quiet = false): Promise<Mosquitto> {
  const file = (name: string) => csu.file(`${PATHS.broker}/${name}`);
  return await Mosquitto.start(folder, {
    tls: {
      cafile: file('clients.crt.pem'),
      certfile: file('broker.crt.pem'),
      keyfile: file('broker.key.pem'),
    },
    acl: MOSQUITTO_ACL,
    extra: MOSQUITTO_FLOW,
    quiet,
  });
}
