import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { sendBadAnswer } from './bad-answers.ts';
import { DigestDoor } from './digest.ts';
import { Listener, reset } from './listener.ts';
import { ANSWERS, needsLogin, type OnvifDevice } from './onvif-device.ts';
import { answerAction, OnvifEvents } from './onvif-events.ts';
import { noOnvifCounts, noOnvifFaults, ONVIF_DEFAULTS, type OnvifOptions } from './onvif-options.ts';
import {
  ACTION_NOT_SUPPORTED,
  child,
  envelope,
  faultEnvelope,
  NOT_AUTHORIZED,
  parseSoap,
  prefixOf,
  type SoapFault,
  type SoapRequest,
  text,
  xmlText,
} from './soap.ts';
import { UsernameTokens } from './username-token.ts';

const MAX_REQUEST_BYTES = 256 * 1024;

export interface OnvifServerNeeds {
  /** Address of loopback; `127.0.0.1` when left out. */
  readonly host?: string;
  readonly device: OnvifDevice;
  readonly login: { readonly user: string; readonly password: string };
}

type LoginVerdict = 'none' | 'accepted' | 'stale' | 'refused' | 'clock';

/** The ONVIF services of a camera over HTTP: device, media, media 2, device I/O and events. */
export class OnvifServer {
  readonly options: OnvifOptions;
  readonly faults = noOnvifFaults();
  readonly counters = noOnvifCounts();
  readonly events: OnvifEvents;
  readonly #needs: OnvifServerNeeds;
  readonly #door: DigestDoor;
  readonly #tokens: UsernameTokens;
  readonly #sockets = new Set<Socket>();
  readonly #http = createServer((request, response) => void this.#serve(request, response));
  readonly #listener: Listener;

  constructor(needs: OnvifServerNeeds, options: Partial<OnvifOptions> = {}) {
    this.#needs = needs;
    this.options = { ...ONVIF_DEFAULTS, ...options };
    this.#listener = new Listener((socket) => this.#accept(socket), needs.host);
    const { wallMs } = needs.device;
    this.events = new OnvifEvents({ options: this.options, counters: this.counters, wallMs });
    const { digest: offer, nonceLifetimeMs, clockWindowMs: windowMs } = this.options;
    this.#door = new DigestDoor({ realm: 'Simulated Camera', offer, nonceLifetimeMs });
    this.#tokens = new UsernameTokens({ windowMs, login: needs.login, wallMs });
    for (const token of needs.device.inputs) this.events.setInput(token, false);
  }

  get port(): number {
    return this.#listener.port;
  }

  /** Address of the device service. */
  get url(): string {
    return `http://127.0.0.1:${this.port}/onvif/device_service`;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  async listen(): Promise<void> {
    await this.#listener.listen();
  }

  /** Stops listening, resets every connection and forgets every subscription. */
  async close(): Promise<void> {
    const closed = this.#listener.close();
    this.events.points.clear();
    for (const socket of this.#sockets) reset(socket);
    await closed;
  }

  expireNonces(): void {
    this.#door.expireNonces();
  }

  #accept(socket: Socket): void {
    this.counters.connections += 1;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    this.#http.emit('connection', socket);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const xml = await bodyOf(request);
    if (this.faults.silent) return;
    this.counters.requests += 1;
    if (this.faults.answerDelayMs > 0) await delay(this.faults.answerDelayMs);
    if (this.faults.badAnswer) return sendBadAnswer(this.faults.badAnswer, response);
    const soap = xml === undefined ? undefined : await parseSoap(xml);
    if (soap && request.method === 'POST') await this.#answer(soap, request, response);
    else this.#refuseNonsense(request, response);
  }

  /** A client that knows of digest may first send an empty request to be challenged, as curl does. */
  #refuseNonsense(request: IncomingMessage, response: ServerResponse): void {
    const what = `${request.method} ${request.url}`;
    this.counters.others[what] = (this.counters.others[what] ?? 0) + 1;
    if (request.headers.authorization === undefined) this.#refuse('none', request, response);
    else response.writeHead(400).end();
  }

  async #answer(soap: SoapRequest, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const operation = `${prefixOf(soap.namespace)}:${soap.operation}`;
    this.counters.operations[soap.operation] = (this.counters.operations[soap.operation] ?? 0) + 1;
    if (needsLogin(operation)) {
      const verdict = this.#verdict(soap, request);
      if (verdict !== 'accepted') return this.#refuse(verdict, request, response);
    }
    const answer = (await this.#compute(operation, soap, request, response)) ?? ACTION_NOT_SUPPORTED;
    if (this.faults.silent) return;
    if (typeof answer === 'string') send(response, 200, this.#wrap(operation, soap, answer));
    else sendFault(response, answer);
  }

  async #compute(
    operation: string,
    soap: SoapRequest,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<string | SoapFault | undefined> {
    const host = this.options.announcedHost ?? request.headers.host ?? `127.0.0.1:${this.port}`;
    const path = new URL(request.url ?? '/', 'http://camera').pathname;
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const answer = await this.events.answer(operation, { soap, host, path, signal: gone.signal });
    if (answer !== undefined) return answer;
    if (operation.startsWith('tr2:') && !this.options.media2) return undefined;
    const profileToken = text(child(soap.body, 'ProfileToken'));
    const protocol = text(child(soap.body, 'Protocol'));
    return ANSWERS[operation]?.(this.#needs.device, { host, profileToken, protocol });
  }

  /** The event service answers with WS-Addressing. @see ONVIF Core §9 */
  #wrap(operation: string, soap: SoapRequest, body: string): string {
    const response = `<${operation}Response>${body}</${operation}Response>`;
    const action = answerAction(operation);
    if (action === undefined) return envelope(response);
    const related =
      soap.messageId === undefined ? '' : `<wsa:RelatesTo>${xmlText(soap.messageId)}</wsa:RelatesTo>`;
    return envelope(response, `<wsa:Action>${action}</wsa:Action>${related}`);
  }

  #verdict(soap: SoapRequest, request: IncomingMessage): LoginVerdict {
    const verdict = this.#judge(soap, request);
    if (verdict === 'accepted') this.counters.loginsAccepted += 1;
    if (verdict === 'refused' || verdict === 'clock') this.counters.loginsRefused += 1;
    if (verdict === 'clock') this.counters.clockRefused += 1;
    return verdict;
  }

  /** Without any credentials the client is taken to mean digest. @see ONVIF Core §5.9.1 */
  #judge(soap: SoapRequest, request: IncomingMessage): LoginVerdict {
    const { login } = this.options;
    const byHeader = login !== 'username-token' && request.headers.authorization !== undefined;
    const verdict = byHeader
      ? this.#digest(request)
      : login === 'digest'
        ? 'none'
        : this.#tokens.check(soap.header);
    return verdict !== 'none' && this.faults.refuseLogins ? 'refused' : verdict;
  }

  #digest(request: IncomingMessage): LoginVerdict {
    const header = request.headers.authorization ?? '';
    const path = request.url ?? '/';
    const uris = [path, `http://${request.headers.host}${path}`];
    const verdict = this.#door.check(header, request.method ?? 'POST', uris, this.#needs.login);
    return verdict === 'malformed' ? 'refused' : verdict;
  }

  /** A refused token gets a SOAP fault with 400; whoever could use digest gets 401 and a challenge. */
  #refuse(verdict: LoginVerdict, request: IncomingMessage, response: ServerResponse): void {
    const byToken = verdict !== 'none' && request.headers.authorization === undefined;
    if (byToken || this.options.login === 'username-token') {
      sendFault(response, NOT_AUTHORIZED);
      return;
    }
    response.setHeader('WWW-Authenticate', this.#door.challenges(verdict === 'stale'));
    sendFault(response, { ...NOT_AUTHORIZED, status: 401 });
  }
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_REQUEST_BYTES) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, status: number, xml: string): void {
  const headers = {
    'Content-Type': 'application/soap+xml; charset=utf-8',
    'Content-Length': Buffer.byteLength(xml),
  };
  response.writeHead(status, headers).end(xml);
}

function sendFault(response: ServerResponse, fault: SoapFault): void {
  send(response, fault.status ?? (fault.fault === 'Sender' ? 400 : 500), faultEnvelope(fault));
}
