import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Source: guess; it takes some milliseconds. */
const LIMIT_MS = 2_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;

/** What the kernel has sent on a connection since it was made. */
export interface Segments {
  readonly sent: number;
  /** Of those, sent again because nothing had come back; not those of which the other end said that it had them. */
  readonly lost: number;
}

/**
 * Reads what the kernel knows of TCP connections of this machine, by the program `ss` of iproute2.
 * @param localPorts of this end
 * @returns by port; undefined where the program is not there or fails
 */
export async function segmentsOf(
  localPorts: readonly number[],
): Promise<ReadonlyMap<number, Segments> | undefined> {
  if (localPorts.length === 0) return new Map();
  const ports = localPorts.map((port) => `sport = :${port}`).join(' or ');
  const options = {
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL' as const,
    maxBuffer: MAX_OUTPUT_BYTES,
    env: { PATH: PATH_OF_SBIN, LC_ALL: 'C' },
  };
  return await run(
    'ss',
    ['-H', '-t', '-i', '-n', '-O', 'state', 'established', `( ${ports} )`],
    options,
  ).then(
    ({ stdout }) => parseSegments(stdout),
    () => undefined,
  );
}

/** An empty part would be the folder of the process. */
const PATH_OF_SBIN = [process.env.PATH, '/usr/sbin:/sbin:/usr/bin:/bin'].filter(Boolean).join(':');

/** @param text of `ss -H -t -i -n -O`: one connection in each line @see ss(8), tcp(7) TCP_INFO */
export function parseSegments(text: string): Map<number, Segments> {
  const found = new Map<number, Segments>();
  for (const line of text.split('\n')) {
    const port = figure(line, /^\s*(?:[A-Z][\w-]*\s+)?\d+\s+\d+\s+\S+:(\d+)\s/);
    const sent = figure(line, /\bdata_segs_out:(\d+)/);
    if (port === undefined || sent === undefined) continue;
    const again = figure(line, /\bretrans:\d+\/(\d+)/) ?? 0;
    const needless = figure(line, /\bdsack_dups:(\d+)/) ?? 0;
    found.set(port, { sent, lost: Math.max(0, again - needless) });
  }
  return found;
}

function figure(line: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(line)?.[1];
  return found === undefined ? undefined : Number(found);
}
