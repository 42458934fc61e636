import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Twelve seconds of 1080p at 25 frames per second and 4 Mbit/s as a camera encodes it, made by Debian's ffmpeg. */
export async function makeFootage(file: string, gopFrames = 50): Promise<void> {
  const source = 'testsrc2=size=1920x1080:rate=25,noise=alls=12:allf=t';
  const rate = ['-b:v', '4M', '-minrate', '4M', '-maxrate', '4M', '-bufsize', '2M'];
  const gop = ['-g', `${gopFrames}`, '-keyint_min', `${gopFrames}`, '-sc_threshold', '0', '-bf', '0'];
  await run('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', source, '-t', '12', '-c:v', 'libx264', '-preset', 'ultrafast'],
    ...['-tune', 'zerolatency', ...rate, ...gop, '-f', 'h264', '-y', file],
  ]);
}
