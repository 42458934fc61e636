import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { aborted } from '../../agent/base/ending.ts';
import { ConfigurationError } from '../../agent/base/errors.ts';
import { MESSAGES } from '../../agent/contract/messages.ts';
import { buildTopic, leasedMediaTopic, mediaTopic } from '../../agent/contract/topics.ts';
import type { Ed25519Public, SealKey } from '../../agent/trust/keys.ts';
import { MediaOpener } from '../../agent/trust/leased-media.ts';
import { type BrokerIdentity, withBroker } from '../link.ts';

/** What waits for a player that does not read; above it pictures are dropped up to the next key picture. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;

export interface ViewOptions {
  readonly site: string;
  readonly camera: string;
  readonly broker: string;
  /** For the camera of a partner: who views it, and whose pictures are believed. Only these are shown then. */
  readonly lease?: {
    readonly recipient: string;
    /** Opens what is encrypted for the recipient. */
    readonly key: SealKey;
    /** The key by which the box signs. */
    readonly boxKey: Ed25519Public;
  };
}

/** What the viewer is told. */
export interface ViewNotices {
  /** A message that is not shown. */
  trouble(error: Error): void;
  /** The camera is a partner's, and clear pictures of it never come. */
  partners(): void;
}

/**
 * Writes the pictures of a camera as one MP4 file until the signal aborts or nobody reads any more: those of a commune
 * as they come; those of a partner decrypted, and none that its box has not signed. Nothing is kept.
 * @throws UplinkError when the first connection fails
 */
export async function viewCamera(
  who: BrokerIdentity,
  options: ViewOptions,
  output: Writable,
  notices: ViewNotices,
  signal: AbortSignal,
): Promise<void> {
  const { topic, beside = [], open } = options.lease ? leased(options, options.lease) : plain(options);
  const picture = new PictureOutput(output);
  let work = Promise.resolve();
  const onMessage = (from: string, payload: Buffer) => {
    if (from === topic)
      work = work
        .then(async () => picture.write(await open(payload)))
        .catch((err: Error) => notices.trouble(err));
    else if (isPartners(payload)) notices.partners();
  };
  const ended = AbortSignal.any([signal, picture.closed]);
  const link = { broker: options.broker, subscriptions: [topic, ...beside], onMessage };
  await withBroker(who, link, signal, async () => {
    await aborted(ended);
  });
}

/** The one topic that is shown, and what is made of a message. */
interface Shown {
  readonly topic: string;
  /** Where it is said whose camera it is. */
  readonly beside?: readonly string[];
  readonly open: (payload: Buffer) => Promise<Buffer | undefined>;
}

function plain({ site, camera }: ViewOptions): Shown {
  const health = buildTopic({ site, entity: camera, class: 'state', name: 'health' });
  return { topic: mediaTopic(site, camera), beside: [health], open: async (payload) => payload };
}

function isPartners(health: Buffer): boolean {
  try {
    return MESSAGES.cameraHealth.schema.parse(JSON.parse(health.toString())).owner === 'partner';
  } catch {
    return false;
  }
}

function leased({ site, camera }: ViewOptions, lease: NonNullable<ViewOptions['lease']>): Shown {
  const topic = leasedMediaTopic(site, camera, lease.recipient);
  const opener = new MediaOpener({ ...lease, site, camera, topic, nowMs: Date.now });
  return { topic, open: (payload) => opener.open(payload) };
}

/** Starts a player that reads standard input, without a shell. @throws ConfigurationError when it cannot be started */
export async function startPlayer(words: string, signal: AbortSignal): Promise<Writable> {
  const [command = '', ...args] = words.split(' ').filter(Boolean);
  const player = spawn(command, args, { stdio: ['pipe', 'inherit', 'inherit'], signal });
  player.stdin.on('error', () => undefined);
  try {
    await once(player, 'spawn');
  } catch (cause) {
    throw new ConfigurationError('command-line-invalid', `--player: ${command} cannot be started`, { cause });
  }
  player.on('error', () => undefined);
  return player.stdin;
}

/** One MP4 file: it begins with an initialisation segment, and so does it go on after pictures were dropped. */
class PictureOutput {
  readonly #output: Writable;
  readonly #closed = new AbortController();
  #waitsForKey = true;

  constructor(output: Writable) {
    this.#output = output;
    output.on('error', () => this.#closed.abort());
    output.on('close', () => this.#closed.abort());
  }

  /** Aborts when nobody reads any more. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  write(payload: Buffer | undefined): void {
    if (!payload || payload.length < 8 || this.#closed.signal.aborted) return;
    const key = payload.toString('latin1', 4, 8) === 'ftyp';
    if (this.#waitsForKey && !key) return;
    this.#waitsForKey = this.#output.writableLength > MAX_WAITING_BYTES;
    if (!this.#waitsForKey) this.#output.write(payload);
  }
}
