import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { ConfigurationError } from '../../agent/base/errors.ts';
import { leasedMediaTopic, mediaTopic } from '../../agent/contract/topics.ts';
import type { SealKey } from '../../agent/trust/keys.ts';
import { MediaOpener } from '../../agent/trust/leased-media.ts';
import { type BrokerIdentity, withBroker } from '../link.ts';

/** What waits for a player that does not read; above it pictures are dropped up to the next key picture. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;

export interface ViewOptions {
  readonly site: string;
  readonly camera: string;
  readonly broker: string;
  readonly recipient: string;
  /** Opens what is encrypted for the recipient. */
  readonly key: SealKey;
}

/**
 * Writes the pictures of a camera as one MP4 file until the signal aborts or nobody reads any more: those of a commune
 * as they come, those of a partner decrypted. Nothing is kept.
 * @throws UplinkError when the first connection fails
 */
export async function viewCamera(
  who: BrokerIdentity,
  { site, camera, broker, recipient, key }: ViewOptions,
  output: Writable,
  onTrouble: (error: Error) => void,
  signal: AbortSignal,
): Promise<void> {
  const plain = mediaTopic(site, camera);
  const topic = leasedMediaTopic(site, camera, recipient);
  const opener = new MediaOpener({ ...{ site, camera, recipient, topic, key } });
  const picture = new PictureOutput(output);
  let work = Promise.resolve();
  const onMessage = (name: string, payload: Buffer) => {
    if (name === plain) picture.write(payload);
    else
      work = work
        .then(async () => picture.write(await opener.open(payload)))
        .catch((err: Error) => onTrouble(err));
  };
  const ended = AbortSignal.any([signal, picture.closed]);
  await withBroker(who, { broker, subscriptions: [plain, topic], onMessage }, signal, async () => {
    if (!ended.aborted) await once(ended, 'abort');
  });
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
