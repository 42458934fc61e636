import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Runs ffmpeg on `input` and collects what it writes. @throws with its last words when it fails */
export async function ffmpeg(args: readonly string[], input?: Buffer): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of ffmpegStream(args, input)) parts.push(part);
  return Buffer.concat(parts);
}

/** The same, part by part, and no further than it is read. */
export async function* ffmpegStream(
  args: readonly string[],
  input?: Buffer | AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  const child = spawn('ffmpeg', ['-nostdin', '-v', 'error', ...args, 'pipe:1'], {
    stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'close') as Promise<[number | null]>;
  const words = collect(child.stderr as Readable);
  const fed = child.stdin && input ? feed(input, child.stdin) : undefined;
  try {
    yield* child.stdout as Readable as AsyncIterable<Buffer>;
    await fed;
    const [code] = await exited;
    if (code !== 0)
      throw new Error(`ffmpeg ended with ${code}: ${(await words).slice(-2000)}\n${args.join(' ')}`);
  } finally {
    child.kill('SIGKILL');
    await fed?.catch(() => undefined);
  }
}

/** @throws when the input fails; that nobody reads any more is no failure */
async function feed(input: Buffer | AsyncIterable<Buffer>, stdin: Writable): Promise<void> {
  try {
    await pipeline(Buffer.isBuffer(input) ? [input] : input, stdin);
  } catch (err) {
    if (!stdin.destroyed || !isBrokenPipe(err)) throw err;
  }
}

function isBrokenPipe(err: unknown): boolean {
  const code = (err as NodeJS.ErrnoException).code;
  return code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE';
}

async function collect(stream: Readable): Promise<string> {
  let text = '';
  for await (const part of stream) text += part;
  return text;
}
