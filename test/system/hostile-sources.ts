import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  type Asked,
  captured,
  dateAnswer,
  serve,
  serveRaw,
  soap,
  type Teardown,
} from '../camera/onvif/support.ts';

/** A source of alarms that does harm: its entry of the configuration, and how its failure is told. */
export interface HostileSource {
  readonly id: string;
  /** Absent where it does not fail. */
  readonly cause?: RegExp;
  readonly port: number;
}

type Serve = (socket: Socket) => void;

/** Answers each question with what is made of it. */
const answering =
  (make: (question: Buffer) => Buffer | string): Serve =>
  (socket) =>
    void socket.on('data', (question: Buffer) => socket.write(make(question)));

/** Goes on without end, as fast as it is taken. */
const pouring =
  (piece: Buffer | string): Serve =>
  (socket) => {
    const more = () => {
      while (!socket.destroyed && socket.write(piece));
    };
    socket.on('drain', more).once('data', more);
  };

const dripping =
  (bytes: (question: Buffer) => Buffer): Serve =>
  (socket) =>
    void socket.on('data', (question: Buffer) => {
      const left = [...bytes(question)];
      const timer = setInterval(() => socket.write(Buffer.from([left.shift() ?? 0])), 100);
      socket.on('close', () => clearInterval(timer));
    });

/** The answer that a good module gives to a question for one input. */
const good = (question: Buffer) => Buffer.concat([question.subarray(0, 4), Buffer.from([0, 4, 1, 2, 1, 1])]);
const exception = (question: Buffer) =>
  Buffer.concat([question.subarray(0, 4), Buffer.from([0, 3, 1, 0x82, 4])]);
const otherTransaction = (question: Buffer) => {
  const answer = good(question);
  answer.writeUInt16BE(answer.readUInt16BE(0) ^ 1, 0);
  return answer;
};

const MODULES: readonly [id: string, cause: RegExp, serve: Serve][] = [
  ['drips', /^equipment-silent$/, dripping(good)],
  ['mixes', /^equipment-protocol$/, answering(otherTransaction)],
  [
    'lies',
    /^equipment-protocol$/,
    answering((asked) =>
      Buffer.concat([asked.subarray(0, 4), Buffer.from('ffff0102', 'hex'), Buffer.alloc(1e6)]),
    ),
  ],
  [
    'halves',
    /^equipment-(closed|silent)$/,
    (socket) => socket.on('data', (asked: Buffer) => socket.end(good(asked).subarray(0, 9))),
  ],
  ['refuses', /^module-exception$/, answering(exception)],
  [
    'shouts',
    /^equipment-(protocol|closed)$/,
    (socket) => void socket.write(Buffer.concat(Array(10_000).fill(good(Buffer.alloc(12))))),
  ],
  ['flees', /^equipment-(closed|unreachable)$/, (socket) => socket.resetAndDestroy()],
];

const BEGIN = 'BEGIN LIST VAR ups\n';
const VARIABLE = 'VAR ups a "b"\n';
const UPS: readonly [id: string, cause: RegExp, serve: Serve][] = [
  ['endless', /^equipment-protocol$/, pouring(`${BEGIN}${VARIABLE.repeat(4096)}`)],
  ['unended', /^equipment-silent$/, answering(() => `${BEGIN}VAR ups ups.status "OB"\n`)],
  [
    'huge',
    /^equipment-protocol$/,
    answering(
      () =>
        `${BEGIN}${Array.from({ length: 5000 }, (_, i) => `VAR ups a${i} "b"\n`).join('')}END LIST VAR ups\n`,
    ),
  ],
  ['open', /^equipment-protocol$/, answering(() => `${BEGIN}VAR ups ups.status "${'O'.repeat(100_000)}`)],
  ['storm', /^equipment-closed$/, (socket) => socket.end('ERR')],
];

async function sources(t: Teardown, list: typeof MODULES): Promise<HostileSource[]> {
  return await Promise.all(
    list.map(async ([id, cause, play]) => ({ id, cause, port: await serveRaw(t, play) })),
  );
}

export const hostileModules = (t: Teardown) => sources(t, MODULES);
export const hostileUps = (t: Teardown) => sources(t, UPS);

const INPUT = 'tns1:Device/Trigger/DigitalInput';
const YEAR_1601 = '1601-01-01T00:00:00Z';

function notification(active: boolean, time = new Date().toISOString(), token = '1'): string {
  const item = (name: string, value: string) => `<tt:SimpleItem Name="${name}" Value="${value}"/>`;
  return `<wsnt:NotificationMessage><wsnt:Topic>${INPUT}</wsnt:Topic><wsnt:Message><tt:Message UtcTime="${time}" PropertyOperation="Changed"><tt:Source>${item('InputToken', token)}</tt:Source><tt:Data>${item('LogicalState', String(active))}</tt:Data></tt:Message></wsnt:Message></wsnt:NotificationMessage>`;
}

const pulled = (notifications: string, time = new Date().toISOString()) =>
  soap(
    `<x:PullMessagesResponse xmlns:x="http://www.onvif.org/ver10/events/wsdl"><x:CurrentTime>${time}</x:CurrentTime><x:TerminationTime>${time}</x:TerminationTime>${notifications}</x:PullMessagesResponse>`,
  );

interface Play {
  readonly host?: (count: number) => string;
  readonly time?: string;
  pull(response: ServerResponse, count: number): unknown;
}

const XML_BYTES = 100 * 1024 * 1024;

function pour(response: ServerResponse): void {
  const piece = notification(true).repeat(200);
  let left = XML_BYTES;
  const more = () => {
    for (let room = true; room && left > 0 && !response.destroyed; left -= piece.length)
      room = response.write(piece);
    if (left <= 0) response.end();
  };
  response.on('drain', more).on('error', () => undefined);
  more();
}

const CAMERAS: readonly [id: string, cause: RegExp | undefined, play: Play][] = [
  ['pours', /^camera-too-large$/, { pull: pour }],
  [
    'storms',
    undefined,
    {
      pull: (response) =>
        response.end(pulled(Array.from({ length: 2500 }, (_, i) => notification(i % 2 === 0)).join(''))),
    },
  ],
  [
    'tokens',
    /^point-crowded$/,
    {
      pull: (response, count) =>
        response.end(
          pulled(
            Array.from({ length: 100 }, (_, i) => notification(true, YEAR_1601, `t${count}-${i}`)).join(''),
          ),
        ),
    },
  ],
  [
    'elsewhere',
    undefined,
    { host: () => '127.0.0.2', pull: (response) => response.end(pulled(notification(true))) },
  ],
  [
    'moves',
    undefined,
    {
      host: (count) => `10.0.0.${count % 250}`,
      pull: (response, count) =>
        count % 3 ? response.end(pulled(notification(true))) : response.socket?.destroy(),
    },
  ],
  [
    'past',
    undefined,
    { time: YEAR_1601, pull: (response) => response.end(pulled(notification(true, YEAR_1601), YEAR_1601)) },
  ],
];

export async function hostileEvents(t: Teardown): Promise<HostileSource[]> {
  return await Promise.all(
    CAMERAS.map(async ([id, cause, play]) => {
      const counts = { made: 0, pulls: 0 };
      const port = await serve(t, (asked, response) => answer(asked, response, play, counts));
      return { id, port, ...(cause ? { cause } : {}) };
    }),
  );
}

function answer(
  { method, request }: Asked,
  response: ServerResponse,
  { host, time, pull }: Play,
  counts: { made: number; pulls: number },
): unknown {
  response.setHeader('Content-Type', 'application/soap+xml');
  const port = String(request.socket.localPort);
  if (method === 'GetSystemDateAndTime') return response.end(dateAnswer(time ? new Date(time) : new Date()));
  if (method === 'GetServices') return response.end(captured('GetServices'));
  if (method === 'PullMessages') {
    counts.pulls += 1;
    return pull(response, counts.pulls);
  }
  if (method === 'CreatePullPointSubscription') {
    counts.made += 1;
    const hostname = host?.(counts.made) ?? '127.0.0.1';
    const text = captured('events.CreatePullPointSubscription', {
      hostname,
      port,
      pullPointUrl: `/sub/${counts.made}`,
    });
    return response.end(time ? text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, time) : text);
  }
  return response.end(soap(`<${method}Response/>`));
}
