import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import t from 'tap';
import { Parser } from 'xml2js';
import { ANSWERS, type OnvifDevice } from '../support/camera/onvif-device.ts';
import { OnvifEvents } from '../support/camera/onvif-events.ts';
import { noOnvifCounts, ONVIF_DEFAULTS } from '../support/camera/onvif-options.ts';
import { envelope, parseSoap } from '../support/camera/soap.ts';
import { clip } from '../support/clips.ts';

const CAPTURED = join(
  dirname(createRequire(import.meta.url).resolve('onvif-fixtures/package.json')),
  'test/serverMockup',
);

const device: OnvifDevice = {
  name: 'cam',
  clip: clip('h264'),
  inputs: ['door'],
  media2: false,
  serial: () => 'serial',
  inputsSay: 'open',
  wallMs: () => 0,
  streamUrl: () => 'rtsp://127.0.0.1/live/main',
};

/** The elements and attributes of an answer, as paths of namespaces and local names below the SOAP body. */
async function pathsOf(xml: string): Promise<Set<string>> {
  const paths = new Set<string>();
  const parser = new Parser({ xmlns: true, explicitRoot: false });
  collect(await parser.parseStringPromise(xml.replace(/\{\{.*?\}\}/gs, '')), '', paths);
  return new Set([...paths].flatMap((path) => path.split('Body/')[1] ?? []));
}

interface Parsed {
  readonly $ns: { readonly uri: string; readonly local: string };
  readonly $?: Record<string, { readonly local: string; readonly prefix: string }>;
  readonly [name: string]: unknown;
}

function collect(node: Parsed, above: string, paths: Set<string>): void {
  const path = `${above}/{${node.$ns.uri}}${node.$ns.local}`;
  paths.add(path);
  for (const { local, prefix } of Object.values(node.$ ?? {}))
    if (prefix !== 'xmlns') paths.add(`${path}@${local}`);
  for (const child of Object.values(node).filter(Array.isArray).flat()) collect(child as Parsed, path, paths);
}

const SAME: Record<string, string> = {
  'tds:GetSystemDateAndTime': 'GetSystemDateAndTime.xml',
  'tds:GetServices': 'GetServices.xml',
  'tds:GetCapabilities': 'GetCapabilities.xml',
  'tds:GetHostname': 'GetHostname.xml',
  'tds:GetDeviceInformation': 'GetDeviceInformation.xml',
  'trt:GetProfiles': 'GetProfiles.xml',
  'trt:GetStreamUri': 'GetStreamUri.xml',
  'trt:GetVideoSources': 'media.GetVideoSources.xml',
};

async function expectSame(t: Tap, operation: string, body: string, file: string): Promise<void> {
  const ours = await pathsOf(envelope(`<${operation}Response>${body}</${operation}Response>`));
  const theirs = await pathsOf(readFileSync(join(CAPTURED, file), 'utf8'));
  t.ok(ours.size > 1, 'there is something to compare');
  t.strictSame(
    [...ours].filter((path) => !theirs.has(path)),
    [],
    'every element stands in the captured answer too',
  );
}

type Tap = Pick<typeof t, 'ok' | 'strictSame'>;

for (const [operation, file] of Object.entries(SAME)) {
  t.test(`${operation}: namespaces and nesting are those of a real camera's answer`, async (t) => {
    const asked = { host: '127.0.0.1:80', profileToken: 'profile_1' };
    await expectSame(t, operation, ANSWERS[operation]?.(device, asked) as string, file);
  });
}

for (const [operation, file] of [
  ['tev:CreatePullPointSubscription', 'events.CreatePullPointSubscription.xml'],
  ['tev:GetServiceCapabilities', 'events.GetServiceCapabilities.xml'],
] as const) {
  t.test(`${operation}: namespaces and nesting are those of a real camera's answer`, async (t) => {
    const events = new OnvifEvents({ options: ONVIF_DEFAULTS, counters: noOnvifCounts(), wallMs: () => 0 });
    t.teardown(() => events.points.clear());
    const name = operation.slice(4);
    const soap = await parseSoap(envelope(`<tev:${name}/>`));
    if (!soap) return t.fail('expected a SOAP request');
    const request = { soap, host: 'h', path: '/', signal: new AbortController().signal };
    await expectSame(t, operation, (await events.answer(operation, request)) as string, file);
  });
}
