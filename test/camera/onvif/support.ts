import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { type Clock, systemClock } from '../../../agent/base/clock.ts';
import { createLog } from '../../../agent/base/log.ts';
import { CameraGate } from '../../../agent/camera/gate.ts';
import type { LoginRecord } from '../../../agent/camera/login-count.ts';
import { OnvifCamera, type OnvifTarget } from '../../../agent/camera/onvif/onvif-camera.ts';
import type { Credentials } from '../../../agent/camera/types.ts';
import { subscriptionMemory } from '../../support/subscription.ts';

export interface Teardown {
  teardown(end: () => unknown): void;
}

/** A request as a camera sees it. */
export interface Asked {
  /** Local name of the first element in the SOAP body. */
  readonly method: string;
  readonly body: string;
  readonly path: string;
  readonly request: IncomingMessage;
}

export const never = new AbortController().signal;

export const credentials: Credentials = { version: 1, user: 'beffroi', password: 'p<&>"é' };

/** A camera's HTTP server, run by node:http. */
export async function serve(
  t: Teardown,
  answer: (asked: Asked, response: ServerResponse) => unknown,
): Promise<number> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const method = /Body>\s*<(?:\w+:)?(\w+)/.exec(body)?.[1] ?? '';
    await answer({ method, body, path: request.url ?? '', request }, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A camera that does with its connections what it likes. */
export async function serveRaw(t: Teardown, connected: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    connected(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A captured answer of a camera, with the few places that its template fills in. */
export function captured(name: string, values: Readonly<Record<string, string>> = {}): string {
  const url = new URL(`../../../node_modules/onvif-fixtures/test/serverMockup/${name}.xml`, import.meta.url);
  return readFileSync(url, 'utf8')
    .replaceAll(/\{\{\?.*?\}\}/g, '')
    .replaceAll('{{=new Date().toISOString()}}', '2026-03-01T10:00:00.000Z')
    .replaceAll('{{=new Date(Date.now()+5000).toISOString()}}', '2026-03-01T10:00:05.000Z')
    .replaceAll(/\{\{=it\.(\w+)\}\}/g, (_all, key: string) => values[key] ?? '');
}

/** An answer in the plainest form. */
export function soap(content: string, header = ''): string {
  return `<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:ter="http://www.onvif.org/ver10/error" xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:wsa="http://www.w3.org/2005/08/addressing" xmlns:tns1="http://www.onvif.org/ver10/topics"><env:Header>${header}</env:Header><env:Body>${content}</env:Body></env:Envelope>`;
}

export function soapFault(subcode: string, reason: string): string {
  return soap(
    `<env:Fault><env:Code><env:Value>env:Sender</env:Value><env:Subcode><env:Value>${subcode}</env:Value></env:Subcode></env:Code><env:Reason><env:Text xml:lang="en">${reason}</env:Text></env:Reason></env:Fault>`,
  );
}

export function dateAnswer(date: Date): string {
  const field = (name: string, value: number) => `<tt:${name}>${value}</tt:${name}>`;
  const time = `<tt:Time>${field('Hour', date.getUTCHours())}${field('Minute', date.getUTCMinutes())}${field('Second', date.getUTCSeconds())}</tt:Time>`;
  const day = `<tt:Date>${field('Year', date.getUTCFullYear())}${field('Month', date.getUTCMonth() + 1)}${field('Day', date.getUTCDate())}</tt:Date>`;
  return soap(
    `<x:GetSystemDateAndTimeResponse xmlns:x="http://www.onvif.org/ver10/device/wsdl"><x:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType><tt:UTCDateTime>${time}${day}</tt:UTCDateTime></x:SystemDateAndTime></x:GetSystemDateAndTimeResponse>`,
  );
}

export function servicesAnswer(...namespaces: string[]): string {
  const services = namespaces.map(
    (namespace) =>
      `<x:Service><x:Namespace>${namespace}</x:Namespace><x:XAddr>http://10.9.8.7:1234/onvif/${namespace.replace(/\W+/g, '_')}</x:XAddr></x:Service>`,
  );
  return soap(
    `<x:GetServicesResponse xmlns:x="http://www.onvif.org/ver10/device/wsdl">${services.join('')}</x:GetServicesResponse>`,
  );
}

/** Our camera object and its gate against a port of this machine. */
export function cameraAt(port: number, options: Partial<OnvifTarget> = {}, clock: Clock = systemClock) {
  const latch: { saved: readonly LoginRecord[] } = { saved: [] };
  const memory = {
    load: () => latch.saved,
    save: (records: readonly LoginRecord[]) => {
      latch.saved = records;
    },
  };
  const gate = new CameraGate(
    { clock: systemClock, memory },
    { camera: 'cam-1', maxConnections: 2, credentialVersion: options.credentials?.version ?? 0 },
  );
  const lines: string[] = [];
  const log = createLog('debug', { write: (line: string) => lines.push(line) });
  const target = {
    camera: 'cam-1',
    host: '127.0.0.1',
    port,
    path: '/onvif/device_service',
    tls: false,
    ...options,
  };
  const subscription = subscriptionMemory();
  const camera = new OnvifCamera(target, gate, { clock, log, randomBytes, subscription });
  return { camera, gate, latch, lines, subscription };
}
