import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TlsFiles } from '../../agent/uplink/socket.ts';
import { freePort } from './port.ts';

export interface MosquittoOptions {
  /** TLS 1.3 with client certificates whose common name is the user name; plain on loopback when left out. */
  readonly tls?: { readonly cafile: string; readonly certfile: string; readonly keyfile: string };
  /** Content of the ACL file, such as `pattern readwrite csu/v1/%u/#`. */
  readonly acl?: string;
  /** Further lines of the configuration. */
  readonly extra?: readonly string[];
  /** Logs what goes wrong and not each packet: a bench must not measure the writing of a log. */
  readonly quiet?: boolean;
}

/** A real Mosquitto on a port that the system chose, without persistence. */
export class Mosquitto {
  readonly port: number;
  readonly url: string;
  /** Everything that it has logged. */
  log = '';
  readonly #configFile: string;
  #process: ChildProcess | undefined;

  private constructor(port: number, secure: boolean, configFile: string) {
    this.port = port;
    this.url = secure ? `mqtts://localhost:${port}` : `mqtt://127.0.0.1:${port}`;
    this.#configFile = configFile;
  }

  /** @param folder where its files go; made when it does not exist */
  static async start(folder: string, options: MosquittoOptions = {}): Promise<Mosquitto> {
    await mkdir(folder, { recursive: true });
    const port = await freePort();
    const configFile = join(folder, 'mosquitto.conf');
    const aclFile = join(folder, 'acl');
    if (options.acl !== undefined) await writeFile(aclFile, options.acl, { mode: 0o600 });
    await writeFile(configFile, configLines(port, options, aclFile).join('\n'));
    const broker = new Mosquitto(port, options.tls !== undefined, configFile);
    await broker.restart();
    return broker;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts it again on the same port, after `stop` or `kill`. */
  async restart(): Promise<void> {
    const child = endedWithUs(
      spawn('mosquitto', ['-c', this.#configFile], { stdio: ['ignore', 'ignore', 'pipe'] }),
    );
    this.#process = child;
    const mark = this.log.length;
    await new Promise<void>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code) => reject(new Error(`mosquitto ended with ${code}: ${this.log}`)));
      let running = false;
      child.stderr?.on('data', (text: Buffer) => {
        this.log += text.toString();
        running ||= this.log.slice(mark).includes(' running');
        if (running) resolve();
      });
    });
  }

  /** Polite end: clients get no DISCONNECT in 3.1.1, one in 5. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** It accepts connections (the kernel does) but answers nothing. */
  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    child.kill('SIGCONT');
    await exited;
  }
}

const QUIET = ['error', 'warning', 'notice', 'information'].map((kind) => `log_type ${kind}`);

const OURS = new Set<ChildProcess>();

function endOurs(): void {
  for (const child of OURS) child.kill('SIGKILL');
}

/** A test that fails half-way leaves no process behind. */
function endedWithUs(child: ChildProcess): ChildProcess {
  if (OURS.size === 0) process.once('exit', endOurs);
  OURS.add(child);
  child.once('exit', () => {
    OURS.delete(child);
    if (OURS.size === 0) process.removeListener('exit', endOurs);
  });
  return child;
}

function configLines(port: number, options: MosquittoOptions, aclFile: string): string[] {
  const tls = options.tls && [
    `cafile ${options.tls.cafile}`,
    `certfile ${options.tls.certfile}`,
    `keyfile ${options.tls.keyfile}`,
    'require_certificate true',
    'use_identity_as_username true',
    'tls_version tlsv1.3',
  ];
  return [
    'user root',
    'persistence false',
    'log_dest stderr',
    ...(options.quiet ? QUIET : ['log_type all']),
    'connection_messages true',
    `listener ${port} ${options.tls ? 'localhost' : '127.0.0.1'}`,
    'allow_anonymous true',
    'set_tcp_nodelay true',
    ...(tls ?? []),
    ...(options.acl === undefined ? [] : [`acl_file ${aclFile}`]),
    ...(options.extra ?? []),
    '',
  ];
}

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** Lines of the configuration of a broker that lets in nobody but this login. @param folder where the passwords go */
export function onlyWith({ user, password }: Login, folder: string): string[] {
  const file = join(folder, 'passwords');
  const { status } = spawnSync('mosquitto_passwd', ['-b', '-c', file, user, password], { stdio: 'ignore' });
  if (status !== 0) throw new Error(`mosquitto_passwd ended with ${status}`);
  return ['allow_anonymous false', `password_file ${file}`];
}

export interface ForeignMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  readonly qos: number;
}

/** mosquitto_sub: a subscriber that this project did not write. */
export class ForeignSubscriber {
  readonly messages: ForeignMessage[] = [];
  readonly #child: ChildProcess;
  readonly #waiters = new Set<() => void>();
  #rest = '';
  #subscribed = false;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on('data', (text: Buffer) => this.#take(text.toString('latin1')));
  }

  /** Resolves when the broker has acknowledged the subscription. */
  static async start(
    broker: Mosquitto,
    topics: readonly string[],
    tls?: TlsFiles,
  ): Promise<ForeignSubscriber> {
    const where = ['-h', tls ? 'localhost' : '127.0.0.1', '-p', String(broker.port)];
    const what = topics.flatMap((topic) => ['-t', topic]);
    const how = ['-V', '5', '-q', '1', '-d', '-F', 'MSG %r %q %t %x'];
    // stdbuf: mosquitto_sub keeps "Subscribed" in its buffer when it writes to a pipe.
    const line = ['-oL', 'mosquitto_sub', ...where, ...tlsArguments(tls), ...how, ...what];
    const child = endedWithUs(spawn('stdbuf', line, { stdio: ['ignore', 'pipe', 'ignore'] }));
    const subscriber = new ForeignSubscriber(child);
    await subscriber.#until(() => subscriber.#subscribed);
    return subscriber;
  }

  /** Resolves with the first message, of those already here or still to come, that fits. */
  async message(fits: (message: ForeignMessage) => boolean): Promise<ForeignMessage> {
    await this.#until(() => this.messages.some(fits));
    const found = this.messages.find(fits);
    if (!found) throw new Error('message vanished');
    return found;
  }

  /** Resolves when `count` messages fit. */
  async count(count: number, fits: (message: ForeignMessage) => boolean): Promise<ForeignMessage[]> {
    await this.#until(() => this.messages.filter(fits).length >= count);
    return this.messages.filter(fits);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  async #until(done: () => boolean): Promise<void> {
    if (done()) return;
    await new Promise<void>((resolve) => {
      const look = () => {
        if (!done()) return;
        this.#waiters.delete(look);
        resolve();
      };
      this.#waiters.add(look);
    });
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('Subscribed')) this.#subscribed = true;
      const [, retain, qos, topic = '', hex = ''] = /^MSG (\d) (\d) (\S+) ?([0-9a-f]*)$/.exec(line) ?? [];
      if (retain === undefined) continue;
      const payload = Buffer.from(hex, 'hex');
      this.messages.push({ topic, payload, retain: retain === '1', qos: Number(qos) });
    }
    for (const look of [...this.#waiters]) look();
  }
}

/** mosquitto_pub: a publisher that this project did not write. */
export async function foreignPublish(
  broker: Mosquitto,
  topic: string,
  payload: Buffer | string,
  options: {
    readonly retain?: boolean;
    readonly tls?: TlsFiles;
    readonly login?: Login;
  } = {},
): Promise<void> {
  const login = options.login ? ['-u', options.login.user, '-P', options.login.password] : [];
  const where = ['-h', options.tls ? 'localhost' : '127.0.0.1', '-p', String(broker.port), ...login];
  const how = ['-q', '1', '-t', topic, payload.length > 0 ? '-s' : '-n', ...(options.retain ? ['-r'] : [])];
  const child = spawn('mosquitto_pub', [...where, ...tlsArguments(options.tls), ...how], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  child.stdin?.end(payload);
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`mosquitto_pub ended with ${code}`);
}

/** mosquitto_pub with one message per line, as fast as it can; resolves when the broker has them all. */
export async function foreignFlood(
  broker: Mosquitto,
  topic: string,
  lines: readonly string[],
  login?: Login,
): Promise<void> {
  const who = login ? ['-u', login.user, '-P', login.password] : [];
  const where = ['-h', '127.0.0.1', '-p', String(broker.port), ...who];
  const child = spawn('mosquitto_pub', [...where, '-q', '1', '-t', topic, '-l'], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  child.stdin?.end(`${lines.join('\n')}\n`);
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`mosquitto_pub ended with ${code}`);
}

/** mosquitto_pub with this message as fast as it can, until it is stopped. */
export function foreignFloodWithoutEnd(
  broker: Mosquitto,
  topic: string,
  line: string,
): { stop(): Promise<void> } {
  const lines = endedWithUs(spawn('yes', [line], { stdio: ['ignore', 'pipe', 'ignore'] }));
  const where = ['-h', '127.0.0.1', '-p', String(broker.port)];
  const publisher = endedWithUs(
    spawn('mosquitto_pub', [...where, '-q', '0', '-t', topic, '-l'], {
      stdio: [lines.stdout, 'ignore', 'inherit'],
    }),
  );
  const ended = Promise.all([once(lines, 'exit'), once(publisher, 'exit')]);
  return {
    stop: async () => {
      for (const child of [publisher, lines]) child.kill('SIGKILL');
      await ended;
    },
  };
}

function tlsArguments(tls: TlsFiles | undefined): string[] {
  if (!tls) return [];
  const files = ['--cafile', tls.authorities, '--cert', tls.certificate, '--key', tls.key];
  return [...files, '--tls-version', 'tlsv1.3'];
}
