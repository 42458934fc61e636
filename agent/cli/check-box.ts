import { randomBytes } from 'node:crypto';
import { systemClock } from '../base/clock.ts';
import { DeviceError } from '../base/errors.ts';
import { createLog } from '../base/log.ts';
import { type Probe, probe } from '../camera/probe.ts';
import { type BoxFile, readBoxFile } from '../config/box-file.ts';
import { type BoxKeys, readBoxKeys } from '../config/box-keys.ts';
import type { OpenedConfiguration } from '../config/opened.ts';
import { ClockSource, synchronisedAtMs } from '../health/clock-source.ts';
import { checkRegister } from '../store/check-register.ts';
import { publicKeyObject } from '../trust/keys.ts';
import { BrokerClient } from '../uplink/client.ts';
import { storedConfiguration } from './check-configuration.ts';
import { checkDecoder } from './check-decoder.ts';
import {
  checkCertificate,
  checkDisk,
  checkNode,
  checkPrivateFiles,
  checkRuntimeFolder,
} from './check-local.ts';
import { checkLocalBrokers } from './check-local-brokers.ts';
import { type Finding, failed, good, warning } from './findings.ts';
import type { Language } from './language.ts';

const BROKER_TIMEOUT_MS = 10_000;
const CAMERA_TIMEOUT_MS = 3_000;

const WORDS = {
  fr: {
    boxFile: 'Fichier du collecteur',
    keys: 'Clés et trousseau',
    clock: 'Horloge',
    broker: 'Courtier',
    configuration: 'Configuration',
    camera: 'Caméra',
    readable: 'lisible',
    keysHold: (version: number) => `trousseau version ${version}, signé par l'autorité`,
    synced: (kind: string) => `synchronisée (${kind})`,
    notSynced: (kind: string) =>
      `${kind} ne dit pas que l'horloge est synchronisée : les commandes seront refusées`,
    syncRemedy: 'Démarrer le service de temps et vérifier sa source.',
    connected: (protocol: string) => `session acceptée (${protocol})`,
    none: 'aucune pour le moment : elle viendra du CSU',
    version: (n: number, cameras: number) => `version ${n}, ${cameras} caméra(s)`,
    open: (port: number) => `répond sur le port ${port}`,
    register: 'Registre',
    registerHolds: (lines: number) => `${lines} ligne(s), chaîne et signatures intactes`,
    registerBad: (line: number, why: string) => `la ligne ${line} ne tient pas : ${why}`,
    registerRemedy: 'Conserver la base telle quelle et prévenir le CSU : le registre a été altéré.',
  },
  en: {
    boxFile: 'Box file',
    keys: 'Keys and keyring',
    clock: 'Clock',
    broker: 'Broker',
    configuration: 'Configuration',
    camera: 'Camera',
    readable: 'readable',
    keysHold: (version: number) => `keyring version ${version}, signed by the authority`,
    synced: (kind: string) => `synchronised (${kind})`,
    notSynced: (kind: string) =>
      `${kind} does not say that the clock is synchronised: commands will be refused`,
    syncRemedy: 'Start the time service and check its source.',
    connected: (protocol: string) => `session accepted (${protocol})`,
    none: 'none yet: it will come from the CSU',
    version: (n: number, cameras: number) => `version ${n}, ${cameras} camera(s)`,
    open: (port: number) => `answers on port ${port}`,
    register: 'Register',
    registerHolds: (lines: number) => `${lines} line(s), chain and signatures hold`,
    registerBad: (line: number, why: string) => `line ${line} does not hold: ${why}`,
    registerRemedy: 'Keep the database as it is and tell the CSU: the register was altered.',
  },
} as const;

/** Looks at everything that the agent will need, in the order in which it will need it. Changes nothing on the box. */
export class BoxCheck {
  readonly #file: string;
  readonly #language: Language;

  constructor(file: string, language: Language) {
    this.#file = file;
    this.#language = language;
  }

  async *run(): AsyncGenerator<Finding> {
    const w = WORDS[this.#language];
    yield checkNode(this.#language);
    const box = await this.#attempt(w.boxFile, () => readBoxFile(this.#file));
    yield box.finding ?? good(w.boxFile, `${this.#file} ${w.readable}`);
    if (!box.value) return;
    yield* this.#installed(box.value);
    const clock = await this.#clock(box.value.clock);
    yield clock;
    for (const broker of [...box.value.brokers, ...box.value.backupBrokers])
      yield await this.#broker(box.value, broker, clock.verdict === 'ok');
  }

  async *#installed(box: BoxFile): AsyncGenerator<Finding> {
    const w = WORDS[this.#language];
    const keys = await this.#attempt(w.keys, () => readBoxKeys(box));
    yield keys.finding ?? good(w.keys, w.keysHold(keys.value?.keyring.version ?? 0));
    yield* checkPrivateFiles(box, this.#language);
    if (box.tls) yield await checkCertificate(box.tls, box.site, this.#language);
    yield await checkDisk(box.stateFolder, this.#language);
    yield await checkRuntimeFolder(box.runtimeFolder, this.#language);
    yield await checkDecoder(box.decoder, this.#language);
    if (!keys.value) return;
    yield* this.#register(box, keys.value);
    yield* this.#cameras(box, keys.value);
  }

  async *#register(box: BoxFile, keys: BoxKeys): AsyncGenerator<Finding> {
    const w = WORDS[this.#language];
    const publicKey = publicKeyObject(keys.signKey.publicJwk);
    const checked = await this.#attempt(w.register, async () => checkRegister(box.stateFolder, publicKey));
    if (checked.finding) yield checked.finding;
    if (!checked.value) return;
    const { first, last, bad } = checked.value;
    if (!bad) yield good(w.register, w.registerHolds(last - first + 1));
    else
      yield {
        what: w.register,
        verdict: 'bad',
        text: w.registerBad(bad.number, bad.reason),
        remedy: w.registerRemedy,
      };
  }

  async #clock(kind: BoxFile['clock']): Promise<Finding> {
    const w = WORDS[this.#language];
    const source = new ClockSource({ clock: systemClock, log: quietLog(), synchronisedAtMs }, kind);
    await source.start(AbortSignal.timeout(5_000));
    const trust = source.trust();
    await source.stop();
    return trust === 'synced'
      ? good(w.clock, w.synced(kind))
      : warning(w.clock, w.notSynced(kind), w.syncRemedy);
  }

  /** Connects under a name of its own, so that a running agent is not thrown out. */
  async #broker(box: BoxFile, broker: string, clockBelieved: boolean): Promise<Finding> {
    const w = WORDS[this.#language];
    const what = `${w.broker} ${broker}`;
    const client = new BrokerClient(
      { clock: systemClock, log: quietLog(), random: Math.random },
      {
        brokers: [broker],
        clientId: `${box.site}-check-${randomBytes(3).toString('hex')}`,
        plainLoopback: box.plainLoopback,
        clockBelieved: () => clockBelieved,
        subscriptions: [],
        ...(box.tls ? { tls: box.tls } : {}),
      },
    );
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    client.listen({ up: ({ protocol }) => resolve(protocol), down: reject });
    const limit = AbortSignal.timeout(BROKER_TIMEOUT_MS);
    limit.addEventListener('abort', () => reject(limit.reason));
    try {
      await client.start(limit);
      return good(what, w.connected(await promise));
    } catch (thrown) {
      return failed(what, thrown, this.#language);
    } finally {
      await client.stop();
    }
  }

  async *#cameras(box: BoxFile, keys: BoxKeys): AsyncGenerator<Finding> {
    const w = WORDS[this.#language];
    const stored = await this.#attempt(w.configuration, () => storedConfiguration(box, keys));
    if (stored.finding) yield stored.finding;
    else if (!stored.value) yield good(w.configuration, w.none);
    else {
      const { version, cameras } = stored.value;
      yield good(w.configuration, w.version(version, cameras.length));
      yield* await Promise.all(cameras.map((camera) => this.#camera(camera)));
      yield* await checkLocalBrokers(stored.value, this.#language);
    }
  }

  async #camera(camera: OpenedConfiguration['cameras'][number]): Promise<Finding> {
    const w = WORDS[this.#language];
    const what = `${w.camera} ${camera.id} (${camera.host})`;
    const port = camera.onvif?.port ?? camera.rtsp?.port ?? 554;
    const { result } = await probe(
      { host: camera.host, port },
      systemClock,
      new AbortController().signal,
      CAMERA_TIMEOUT_MS,
    );
    return result === 'open'
      ? good(what, w.open(port))
      : failed(what, unreachable(camera.host, port, result), this.#language);
  }

  async #attempt<T>(what: string, work: () => Promise<T>): Promise<{ value?: T; finding?: Finding }> {
    try {
      return { value: await work() };
    } catch (thrown) {
      return { finding: failed(what, thrown, this.#language) };
    }
  }
}

function unreachable(host: string, port: number, result: Exclude<Probe['result'], 'open'>): DeviceError {
  return result === 'closed'
    ? new DeviceError('camera-port-closed', `${host} refuses port ${port}`)
    : new DeviceError(
        'camera-unreachable',
        `no answer of ${host} on port ${port} within ${CAMERA_TIMEOUT_MS} ms`,
      );
}

/** What goes wrong becomes a finding, not a log line. */
function quietLog(): ReturnType<typeof createLog> {
  return createLog('error', { write: () => undefined });
}
