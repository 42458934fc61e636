import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Probed {
  /** What ffprobe complains of; empty when nothing. */
  readonly errors: string;
  /** Frames that ffmpeg decoded. */
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  readonly codec: string;
}

/** Has Debian's ffprobe read and decode a whole file. */
export async function ffprobe(file: string): Promise<Probed> {
  const entries = 'stream=codec_name,width,height,nb_read_frames';
  const { stdout, stderr } = await run(
    'ffprobe',
    ['-v', 'error', '-count_frames', '-show_entries', entries, '-of', 'json', file],
    { maxBuffer: 1 << 24 },
  );
  const stream = (JSON.parse(stdout) as { streams: Record<string, string | number>[] }).streams[0] ?? {};
  return {
    errors: stderr,
    frames: Number(stream.nb_read_frames),
    width: Number(stream.width),
    height: Number(stream.height),
    codec: String(stream.codec_name),
  };
}
