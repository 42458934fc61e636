import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';

/** Runs ffmpeg on `input` and collects what it writes. @throws with its last words when it fails */
export async function ffmpeg(args: readonly string[], input?: Buffer): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of ffmpegStream(args, input)) parts.push(part);
  return Buffer.concat(parts);
}

/** The same, part by part. */
export async function* ffmpegStream(args: readonly string[], input?: Buffer): AsyncGenerator<Buffer> {
  const child = spawn('ffmpeg', ['-nostdin', '-v', 'error', ...args, 'pipe:1'], {
    stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'close') as Promise<[number | null]>;
  const words = collect(child.stderr as Readable);
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  try {
    yield* child.stdout as Readable as AsyncIterable<Buffer>;
    const [code] = await exited;
    if (code !== 0)
      throw new Error(`ffmpeg ended with ${code}: ${(await words).slice(-2000)}\n${args.join(' ')}`);
  } finally {
    child.kill('SIGKILL');
  }
}

async function collect(stream: Readable): Promise<string> {
  let text = '';
  for await (const part of stream) text += part;
  return text;
}
