import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from './until.ts';

const SCRIPT = fileURLToPath(new URL('discovery-devices.py', import.meta.url));
const CAPTURED = fileURLToPath(
  new URL('../../node_modules/onvif-fixtures/test/serverMockup/Probe.xml', import.meta.url),
);

/** See the head of `discovery-devices.py`. */
export interface DiscoveryDevice {
  readonly address: string;
  readonly answer: string;
  readonly relates?: 'same' | 'bare' | 'other';
  readonly times?: number;
  readonly direct?: boolean;
}

interface Heard {
  readonly id: string;
  readonly types: string;
  readonly to: string;
  readonly problems: readonly string[];
}

/** Devices on loopback that answer WS-Discovery, in a process of their own. */
export async function discoveryDevices(
  t: { teardown(end: () => unknown): void },
  devices: readonly DiscoveryDevice[],
) {
  const child = spawn('/usr/bin/python3', [SCRIPT, JSON.stringify(devices)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const end = () => child.kill('SIGKILL');
  t.teardown(end);
  const heard: Heard[] = [];
  let ready = false;
  createInterface(child.stdout).on('line', (line) => {
    const said = JSON.parse(line) as Heard & { ready?: boolean };
    if (said.ready) ready = true;
    else heard.push(said);
  });
  await until(() => ready);
  return { heard, end };
}

export interface Said {
  readonly uuid: string;
  readonly addresses: string;
  /** Besides those that were captured. */
  readonly scopes?: string;
}

/** The captured answer of a camera, as another device of the make would give it. */
export function capturedMatch({ uuid, addresses, scopes = '' }: Said): string {
  return readFileSync(CAPTURED, 'utf8')
    .replace('c9790c3a-701b-464d-a189-0060351c8ada', uuid)
    .replace('SERVICE_URI', addresses)
    .replace('</wsdd:Scopes>', ` ${scopes}</wsdd:Scopes>`);
}
