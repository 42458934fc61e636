import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { credentials, type Teardown } from './support.ts';

/** See the head of `foreign-camera.py`. */
export interface ForeignSettings {
  readonly auth: 'none' | 'md5' | 'sha-256' | 'token' | 'token-or-md5';
  readonly skew?: number;
  readonly window?: number;
  readonly absolute?: boolean;
  readonly grant?: number;
  readonly misread?: number;
  readonly no_sync?: boolean;
  readonly no_renew?: boolean;
  readonly password?: string;
}

export interface ForeignStats {
  readonly calls: readonly string[];
  readonly refused: number;
  readonly accepted: number;
  readonly anonymous: number;
  /** What our requests broke, in the eyes of the camera. */
  readonly problems: readonly string[];
  readonly most_open: number;
}

/** Starts a camera that shares no code with ours. */
export async function foreignCamera(t: Teardown, settings: ForeignSettings) {
  const script = fileURLToPath(new URL('./foreign-camera.py', import.meta.url));
  const { user, password } = credentials;
  const child = spawn('/usr/bin/python3', [script, JSON.stringify({ user, password, ...settings })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(line.toString());
  const order = async (path: string) => {
    await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST' });
  };
  const stats = async () => (await (await fetch(`http://127.0.0.1:${port}/stats`)).json()) as ForeignStats;
  return { port, order, stats };
}
