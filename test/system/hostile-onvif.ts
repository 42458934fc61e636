import type { ServerResponse } from 'node:http';
import { type Asked, dateAnswer, serve, soap, soapFault, type Teardown } from '../camera/onvif/support.ts';

/** A camera whose stream is good and whose ONVIF side is not. */
export interface Hostile {
  readonly id: string;
  readonly port: number;
  /** What it is told with; `none`: it is well. */
  readonly cause: RegExp;
  readonly seen: { requests: number; logins: number; bytes: number };
  /** Of its entry in the configuration. */
  readonly more?: object;
}

type Play = (asked: Asked, response: ServerResponse, seen: Hostile['seen']) => unknown;

const DAY_MS = 86_400_000;
const XML_BYTES = 100 * 1024 * 1024;
const PIECE = Buffer.alloc(65_536, '<a>');

type Plays = readonly [id: string, cause: RegExp, play: Play, more?: object][];

/** Those that are found out by waiting for them, or over many rounds of checks: half a minute. */
export async function tiresomeCameras(t: Teardown): Promise<Hostile[]> {
  return await begun(t, [
    ['hangs', /^camera-silent$/, () => undefined],
    ['drips', /^camera-slow$/, drip],
    [
      'resets',
      /^camera-unsteady$/,
      (asked, response, { requests }) =>
        requests % 3 === 0 ? asked.request.socket.resetAndDestroy() : well(asked, response, 'S'),
    ],
  ]);
}

/** Those that are found out at once, each with its own fault. @param elsewhere port that one of them sends its clients to */
export async function hostileCameras(t: Teardown, elsewhere: number): Promise<Hostile[]> {
  return await begun(t, [
    ['pours', /^camera-too-large$/, pour],
    [
      'swaps',
      /^camera-swapped$/,
      (asked, response, { requests }) => well(asked, response, `S-${requests}`),
      { serial: 'S-0' },
    ],
    [
      'jumps',
      /^camera-clock-offset$/,
      (asked, response, { requests }) => well(asked, response, 'S', requests > 1 ? 2 * DAY_MS : 0),
    ],
    ['latin', /^none$/, (asked, response) => well(asked, response, 'S', 0, 'Soci\u00e9t\u00e9')],
    [
      'redirects',
      /^camera-redirected$/,
      (_asked, response) => response.writeHead(302, { Location: `http://127.0.0.1:${elsewhere}/` }).end(),
    ],
    ['realms', /^camera-(login-refused|latched)$/, newRealm],
    [
      'says-nothing',
      /^camera-protocol$/,
      (_asked, response) => response.writeHead(200).end('<html><body>Not Found'),
    ],
  ]);
}

async function begun(t: Teardown, plays: Plays): Promise<Hostile[]> {
  return await Promise.all(plays.map(([id, cause, play, more]) => hostile(t, id, cause, play, more)));
}

async function hostile(
  t: Teardown,
  id: string,
  cause: RegExp,
  play: Play,
  more: object = {},
): Promise<Hostile> {
  const seen = { requests: 0, logins: 0, bytes: 0 };
  const port = await serve(t, (asked, response) => {
    seen.requests += 1;
    if (asked.request.headers.authorization !== undefined || asked.body.includes('UsernameToken'))
      seen.logins += 1;
    response.on('error', () => undefined);
    return play(asked, response, seen);
  });
  return { id, port, cause, seen, more };
}

/** A camera that can tell its clock and itself, in Latin-1. */
function well(
  { method }: Asked,
  response: ServerResponse,
  serial: string,
  aheadMs = 0,
  maker = 'Maker',
): void {
  response.setHeader('Content-Type', 'application/soap+xml; charset=iso-8859-1');
  if (method === 'GetSystemDateAndTime') response.end(dateAnswer(new Date(Date.now() + aheadMs)), 'latin1');
  else if (method === 'GetDeviceInformation') response.end(informationOf(serial, maker), 'latin1');
  else response.writeHead(400).end(soapFault('ter:ActionNotSupported', 'no'));
}

function informationOf(serial: string, maker: string): string {
  const fields = {
    Manufacturer: maker,
    Model: 'M',
    FirmwareVersion: '1',
    SerialNumber: serial,
    HardwareId: '1',
  };
  const text = Object.entries(fields).map(([name, value]) => `<x:${name}>${value}</x:${name}>`);
  const content = `<x:GetDeviceInformationResponse xmlns:x="http://www.onvif.org/ver10/device/wsdl">${text.join('')}</x:GetDeviceInformationResponse>`;
  return soap(content).replace('UTF-8', 'ISO-8859-1');
}

function drip(_asked: Asked, response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'application/soap+xml' });
  const timer = setInterval(() => response.write('<'), 50);
  response.on('close', () => clearInterval(timer));
}

function pour(_asked: Asked, response: ServerResponse, seen: Hostile['seen']): void {
  response.writeHead(200, { 'Content-Type': 'application/soap+xml' });
  let left = XML_BYTES;
  const more = () => {
    for (let room = true; room && left > 0 && !response.destroyed; left -= PIECE.length) {
      room = response.write(PIECE);
      seen.bytes += PIECE.length;
    }
    if (left <= 0) response.end();
  };
  response.on('drain', more);
  more();
}

function newRealm(_asked: Asked, response: ServerResponse, { requests }: Hostile['seen']): void {
  const challenge = `Digest realm="r${requests}", nonce="n${requests}", qop="auth", algorithm=MD5`;
  response.writeHead(401, { 'WWW-Authenticate': challenge }).end();
}
