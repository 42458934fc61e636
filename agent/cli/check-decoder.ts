import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { causeText } from './causes.ts';
import { type Finding, good, warning } from './findings.ts';
import type { Language } from './language.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 5_000;
const WHAT = { fr: 'Décodeur', en: 'Decoder' } as const;

/** Whether the pictures of cameras can be checked: without ffmpeg everything else works. */
export async function checkDecoder(program: string, language: Language): Promise<Finding> {
  const what = `${WHAT[language]} ${program}`;
  try {
    const { stdout } = await run(program, ['-version'], {
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
      maxBuffer: 64 * 1024,
    });
    const version = /^ffmpeg version (\S{1,60})/.exec(stdout)?.[1];
    if (version) return good(what, version);
  } catch {
    // Absent, not executable, or no ffmpeg: all the same to the technician.
  }
  const { means, remedy } = causeText('picture-decoder-missing', language);
  return warning(what, means, remedy);
}
