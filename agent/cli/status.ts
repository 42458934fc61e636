import { setTimeout as delay } from 'node:timers/promises';
import { plainJson } from '../base/text.ts';
import { readBoxFile } from '../config/box-file.ts';
import type { Language } from './language.ts';
import { readStatus, statusSocketPath } from './status-socket.ts';
import { statusTable } from './status-table.ts';

export interface StatusOptions {
  readonly config: string;
  readonly language: Language;
  readonly json: boolean;
  /** Shows the table again every second until it is interrupted. */
  readonly follow: boolean;
}

const FOLLOW_MS = 1_000;

/**
 * `beffroi status`.
 * @returns the exit code: 0 when the link is up and no camera is down, 1 otherwise
 * @throws InternalError when no agent runs on this box
 */
export async function showStatus(options: StatusOptions): Promise<number> {
  const { runtimeFolder } = await readBoxFile(options.config);
  const path = statusSocketPath(runtimeFolder);
  for (;;) {
    const code = await showOnce(path, options);
    if (!options.follow) return code;
    await delay(FOLLOW_MS);
  }
}

async function showOnce(path: string, { language, json, follow }: StatusOptions): Promise<number> {
  const snapshot = await readStatus(path);
  const colour = process.stdout.isTTY && process.env.NO_COLOR === undefined;
  if (follow && process.stdout.isTTY) process.stdout.write('\u001b[H\u001b[2J');
  console.log(json ? plainJson(JSON.stringify(snapshot)) : statusTable(snapshot, { language, colour }));
  const well = snapshot.link.connected && snapshot.cameras.every(({ state }) => state !== 'down');
  return well ? 0 : 1;
}
