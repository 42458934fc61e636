import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import {
  type BeffroiError,
  ConfigurationError,
  InternalError,
  PeerProtocolError,
} from '../../base/errors.ts';
import { limited } from '../../base/limit.ts';
import { quoted } from '../../base/text.ts';
import type { VideoCodec } from '../../camera/types.ts';
import { HEIGHT, SMALL_PICTURE_BYTES, type SmallPicture, smallPicture, WIDTH } from './small-picture.ts';

/** Source: a key frame of 3840×2160 takes 0.3 s on two slow cores; the rest is a guess. */
const DECODE_LIMIT_S = 5;
/** By the clock, for a machine that is busy with other work. Source: guess. */
const DECODE_LIMIT_MS = 15_000;
/** Pixels of the largest picture that is decoded: 8192×4320. */
const MAX_PIXELS = 8192 * 4320;
/** Source: decoding 3840×2160 needs 450 MB of address space with the libraries of Debian's ffmpeg; the rest is a guess. */
const MAX_ADDRESS_SPACE_KB = 2 * 1024 * 1024;
/** How much of what the decoder complains of is kept, bytes. */
const MAX_COMPLAINT_BYTES = 2_000;

/** Exit codes of the shell. @see POSIX.1-2017, Shell Command Language §2.8.2 */
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

/**
 * Limits of the kernel, then the decoder in the same process: no core dump, no byte into any file, bounded memory and
 * processor time, everything else first, and when memory is short this goes first. It ends with the process that began
 * it, however that ends (PR_SET_PDEATHSIG, by setpriv of util-linux, where that is installed).
 */
const LIMITS = [
  '{ echo 1000 > /proc/self/oom_score_adj; } 2> /dev/null',
  ...['ulimit -c 0', 'ulimit -f 0', `ulimit -v ${MAX_ADDRESS_SPACE_KB}`, `ulimit -t ${DECODE_LIMIT_S}`],
  'with=; command -v setpriv > /dev/null && with="setpriv --pdeathsig KILL"',
  'exec $with nice -n 10 "$0" "$@"',
].join('; ');

/** What ffmpeg does with each picture. */
export const REDUCING = [
  '-vf',
  `scale=${WIDTH}:${HEIGHT}:flags=area,format=yuv420p`,
  '-f',
  'rawvideo',
] as const;

export interface DecoderNeeds {
  readonly clock: Clock;
}

export interface DecoderOptions {
  /** ffmpeg: a path, or a name that is looked for in PATH. */
  readonly program: string;
}

/** Decodes one key frame in a process of its own: bytes in through a pipe, a small picture out, never a file. */
export class KeyFrameDecoder {
  readonly #needs: DecoderNeeds;
  readonly #options: DecoderOptions;

  constructor(needs: DecoderNeeds, options: DecoderOptions) {
    this.#needs = needs;
    this.#options = options;
  }

  /**
   * @param stream a byte stream of parameter sets and one key frame (Annex B)
   * @throws ConfigurationError `picture-decoder-missing`; PeerProtocolError `picture-undecodable`; InternalError
   *   `picture-decoder-failed` when it is late, floods or crashes; the reason of `signal`
   */
  async decode(codec: VideoCodec, stream: Buffer, signal: AbortSignal): Promise<SmallPicture> {
    const late = () => failed(`no picture within ${DECODE_LIMIT_MS} ms`);
    return await limited(this.#needs.clock, DECODE_LIMIT_MS, signal, late, (inner) =>
      this.#decode(codec, stream, inner),
    );
  }

  async #decode(codec: VideoCodec, stream: Buffer, signal: AbortSignal): Promise<SmallPicture> {
    const child = this.#spawn(codec);
    const ended = endOf(child);
    const kill = () => killGroup(child);
    signal.addEventListener('abort', kill, { once: true });
    try {
      // Without a descriptor left there are no pipes either.
      child.stdin?.on('error', () => undefined).end(stream);
      const complaint = firstBytes(child.stderr, MAX_COMPLAINT_BYTES);
      const picture = firstBytes(child.stdout, SMALL_PICTURE_BYTES + 1, kill);
      const end = await ended;
      if (end.error) throw failed(`it could not be started: ${end.error.message}`);
      return this.#judged(await picture, end, (await complaint).toString('utf8'));
    } finally {
      signal.removeEventListener('abort', kill);
    }
  }

  #spawn(codec: VideoCodec): ChildProcess {
    const from = ['-threads', '1', '-max_pixels', `${MAX_PIXELS}`, '-f', codec === 'h264' ? 'h264' : 'hevc'];
    const once = ['-an', '-sn', '-dn', '-frames:v', '1'];
    return spawn(
      '/bin/sh',
      [
        ...['-c', LIMITS, this.#options.program, '-nostdin', '-v', 'error', '-protocol_whitelist', 'pipe'],
        ...[...from, '-i', 'pipe:0', ...once, ...REDUCING, 'pipe:1'],
      ],
      // FFREPORT of ours would make it write a file.
      {
        // A group of its own: a program that starts others is ended with them.
        ...{ stdio: ['pipe', 'pipe', 'pipe'], detached: true, cwd: '/' },
        env: { PATH: process.env.PATH, LC_ALL: 'C' },
      },
    );
  }

  #judged(picture: Buffer, { code, killedBy }: End, complaint: string): SmallPicture {
    if (code === NOT_FOUND || code === NOT_EXECUTABLE) throw this.#missing();
    if (picture.length > SMALL_PICTURE_BYTES) throw failed('more than one picture came');
    if (killedBy) throw failed(`ended by ${killedBy}`);
    if (picture.length === SMALL_PICTURE_BYTES) return smallPicture(picture);
    const why = quoted(complaint.trim(), 200);
    throw new PeerProtocolError(
      'picture-undecodable',
      `expected a key frame that ffmpeg decodes, came ${picture.length} bytes of a picture, exit code ${code}: ${why}`,
    );
  }

  #missing(): BeffroiError {
    const { program } = this.#options;
    return new ConfigurationError(
      'picture-decoder-missing',
      `expected ffmpeg at ${program}, found no program there`,
    );
  }
}

interface End {
  readonly code: number | null;
  readonly killedBy: NodeJS.Signals | null;
  readonly error?: Error;
}

/** How the process ended, once its pipes are closed; or that there was none. */
function endOf(child: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, killedBy: null, error }));
    child.once('close', (code, killedBy) => resolve({ code, killedBy }));
  });
}

/** Ends a process whose pipes are still open, with all that it has started. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

function failed(what: string): InternalError {
  return new InternalError('picture-decoder-failed', `expected one small picture of ffmpeg: ${what}`);
}

/** The first bytes of a stream; the rest is read and thrown away. @param full called when there is more */
async function firstBytes(
  stream: Readable | null,
  limit: number,
  full: () => void = () => undefined,
): Promise<Buffer> {
  if (!stream) return Buffer.alloc(0);
  const parts: Buffer[] = [];
  let left = limit;
  stream.on('error', () => undefined);
  stream.on('data', (data: Buffer) => {
    const part = data.subarray(0, left);
    left -= part.length;
    if (part.length > 0) parts.push(part);
    if (left === 0) full();
  });
  await once(stream, 'close');
  return Buffer.concat(parts);
}
