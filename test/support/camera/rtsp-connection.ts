import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Broadcast } from './broadcast.ts';
import type { DigestDoor } from './digest.ts';
import { reset } from './listener.ts';
import { ClientMessages, type RtspReply, type RtspRequest, replyText } from './rtsp-messages.ts';
import type { RtspCounters, RtspFaults, RtspOptions } from './rtsp-options.ts';
import { describe, TRACK_NAMES, type TrackKind } from './sdp.ts';
import { StreamSender } from './stream-sender.ts';

/** What a connection needs of the camera. */
export interface RtspHost {
  readonly options: RtspOptions;
  readonly faults: RtspFaults;
  readonly counters: RtspCounters;
  readonly broadcast: Broadcast;
  readonly door: DigestDoor;
  readonly random: () => number;
  readonly login: { readonly user: string; readonly password: string };
  /** Sessions open now, over all connections. */
  sessions(): number;
}

const METHODS = 'OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN';

/** One client of the RTSP server. @see RFC 2326 §10 */
export class RtspConnection {
  readonly #host: RtspHost;
  readonly #socket: Socket;
  readonly #messages = new ClientMessages();
  readonly #channels = new Map<TrackKind, number>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #session: string | undefined;
  #sender: StreamSender | undefined;
  #loggedIn = false;
  #idle: NodeJS.Timeout | undefined;

  constructor(host: RtspHost, socket: Socket) {
    this.#host = host;
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#closed());
  }

  get hasSession(): boolean {
    return this.#session !== undefined;
  }

  /** Bytes that do not belong to any message. */
  inject(bytes: Buffer): void {
    if (this.#sender) this.#socket.write(bytes);
  }

  /** The client sees a reset, or with `polite` an end. */
  cut(polite = false): void {
    if (polite) this.#socket.end();
    else reset(this.#socket);
  }

  /** Nothing leaves any more, and the connection stays. */
  freeze(): void {
    this.#stopPlaying();
  }

  #received(chunk: Buffer): void {
    if (this.#host.faults.silent) return;
    for (const message of this.#messages.push(chunk)) {
      if (message.kind === 'request') this.#request(message.request);
      else if (message.kind === 'frame') this.#host.counters.receiverReports += 1;
      else this.#socket.end(replyText({ status: 400 }, undefined));
    }
  }

  #closed(): void {
    this.#endSession();
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #request(request: RtspRequest): void {
    this.#watchIdle();
    const reply = this.#refusal(request) ?? this.#answer(request);
    if (reply) this.#send(replyText(reply, request.headers.get('cseq')));
  }

  #send(text: string): void {
    const { answerDelayMs } = this.#host.faults;
    if (answerDelayMs === 0) this.#write(text);
    else this.#later(answerDelayMs, () => this.#write(text));
  }

  #write(text: string): void {
    if (this.#socket.writable && !this.#host.faults.silent) this.#socket.write(text);
  }

  #later(ms: number, act: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms).unref();
    this.#timers.add(timer);
    return timer;
  }

  #refusal(request: RtspRequest): RtspReply | undefined {
    const { methods } = this.#host.counters;
    methods[request.method] = (methods[request.method] ?? 0) + 1;
    if (!request.headers.has('cseq')) return { status: 400 };
    if (request.method === 'OPTIONS') return undefined;
    return this.#loginRefusal(request);
  }

  #loginRefusal(request: RtspRequest): RtspReply | undefined {
    const { options, counters, faults } = this.#host;
    if (options.login === 'none') return undefined;
    const header = request.headers.get('authorization');
    if (header === undefined) return this.#challenge(false);
    const verdict = this.#verdict(header, request);
    if (verdict === 'accepted') {
      if (!this.#loggedIn) counters.loginsAccepted += 1;
      this.#loggedIn = true;
      return undefined;
    }
    if (verdict === 'refused') counters.loginsRefused += 1;
    if (verdict === 'refused' && faults.cutWrongLogins) this.cut();
    return verdict === 'malformed' ? { status: 400 } : this.#challenge(verdict === 'stale');
  }

  #verdict(header: string, request: RtspRequest): 'accepted' | 'stale' | 'refused' | 'malformed' {
    const { options, faults, door, login } = this.#host;
    if (faults.refuseLogins) return 'refused';
    if (options.login !== 'basic') return door.check(header, request.method, [request.uri], login);
    const expected = `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`;
    return header === expected ? 'accepted' : 'refused';
  }

  #challenge(stale: boolean): RtspReply {
    const { options, door } = this.#host;
    const challenges =
      options.login === 'basic' ? ['Basic realm="Simulated Camera"'] : door.challenges(stale);
    return { status: 401, headers: challenges.map((challenge) => `WWW-Authenticate: ${challenge}`) };
  }

  #answer(request: RtspRequest): RtspReply | undefined {
    if (request.method === 'OPTIONS') return { status: 200, headers: [`Public: ${METHODS}`] };
    if (this.#trackOf(request.uri) === undefined) return { status: 404 };
    if (request.method === 'DESCRIBE') return this.#describe(request);
    if (request.method === 'SETUP') return this.#setup(request);
    return this.#inSession(request);
  }

  #inSession(request: RtspRequest): RtspReply {
    const asked = request.headers.get('session')?.split(';')[0]?.trim();
    const keepAlive = request.method === 'GET_PARAMETER' || request.method === 'SET_PARAMETER';
    if (asked === undefined && keepAlive) return { status: 200 };
    if (this.#session === undefined || asked !== this.#session) return { status: 454 };
    if (keepAlive) return this.#keepAlive();
    if (request.method === 'PLAY') return this.#play(request);
    if (request.method === 'PAUSE') return this.#pause();
    return request.method === 'TEARDOWN' ? this.#teardown() : { status: 501 };
  }

  #describe(request: RtspRequest): RtspReply | undefined {
    const { counters, faults, broadcast, options } = this.#host;
    counters.describes += 1;
    if (faults.silentDescribe) return undefined;
    const base = `${request.uri.replace(/\/$/, '')}/`;
    const headers = [
      'Content-Type: application/sdp',
      `Content-Base: ${base}`,
      'Cache-Control: must-revalidate',
    ];
    return { status: 200, headers, body: describe(broadcast.clip, options, base) };
  }

  #setup(request: RtspRequest): RtspReply {
    const { counters, faults, options } = this.#host;
    const kind = this.#trackOf(request.uri);
    if (kind === undefined || kind === 'stream') return { status: 404 };
    if (!this.#session && this.#host.sessions() >= faults.maxSessions) return { status: 453 };
    const channel = this.#channelFor(request.headers.get('transport') ?? '');
    if (channel === undefined) return { status: 461 };
    if (this.#sender) return { status: 455 };
    counters.setups += 1;
    if (kind === 'audio') counters.audioSetups += 1;
    this.#channels.set(kind, channel);
    this.#session ??= randomBytes(6).readUIntBE(0, 6).toString();
    const transport = `RTP/AVP/TCP;unicast;interleaved=${channel}-${channel + 1}`;
    const session = `Session: ${this.#session};timeout=${options.sessionTimeoutS}`;
    this.#watchIdle();
    return { status: 200, headers: [`Transport: ${transport}`, session] };
  }

  /** RTP channel of the first interleaved transport that the client offers; a free pair where it names none. */
  #channelFor(transports: string): number | undefined {
    const offered = transports.split(',').find((transport) => /^\s*RTP\/AVP\/TCP\b/i.test(transport));
    if (offered === undefined) return undefined;
    const named = /interleaved=(\d{1,3})/.exec(offered)?.[1];
    const channel = named === undefined ? this.#channels.size * 2 : Number(named);
    return channel <= 254 && ![...this.#channels.values()].includes(channel) ? channel : undefined;
  }

  /** With `answerDelayMs` the first pictures come before the answer, as from some real cameras. */
  #play(request: RtspRequest): RtspReply {
    const { counters, faults, broadcast } = this.#host;
    counters.plays += 1;
    const headers = [`Session: ${this.#session}`, 'Range: npt=0.000-'];
    const channel = this.#channels.get('video');
    if (this.#sender || channel === undefined) return { status: 200, headers };
    const { random } = this.#host;
    const sender = new StreamSender({ socket: this.#socket, channel, counters, faults, random });
    this.#sender = sender;
    const first = `seq=${sender.nextSequence};rtptime=${broadcast.add(sender)}`;
    headers.push(`RTP-Info: url=${request.uri.replace(/\/$/, '')}/${TRACK_NAMES.video};${first}`);
    if (faults.closeAfterMs > 0) this.#later(faults.closeAfterMs, () => this.cut(true));
    return { status: 200, headers };
  }

  #pause(): RtspReply {
    this.#stopPlaying();
    return { status: 200, headers: [`Session: ${this.#session}`] };
  }

  #keepAlive(): RtspReply {
    this.#host.counters.keepAlives += 1;
    return { status: 200, headers: [`Session: ${this.#session}`] };
  }

  #teardown(): RtspReply {
    this.#host.counters.teardowns += 1;
    const headers = [`Session: ${this.#session}`];
    this.#endSession();
    return { status: 200, headers };
  }

  #stopPlaying(): void {
    if (this.#sender) this.#host.broadcast.remove(this.#sender);
    this.#sender = undefined;
  }

  #endSession(): void {
    this.#stopPlaying();
    this.#session = undefined;
    this.#channels.clear();
    clearTimeout(this.#idle);
  }

  /** A session whose client says nothing for too long ends. @see RFC 2326 §12.37 */
  #watchIdle(): void {
    clearTimeout(this.#idle);
    if (this.#session === undefined) return;
    this.#idle = setTimeout(() => {
      this.#host.counters.sessionsTimedOut += 1;
      this.cut(true);
    }, this.#host.options.sessionTimeoutS * 1500).unref();
  }

  #trackOf(uri: string): TrackKind | 'stream' | undefined {
    const { path } = this.#host.options;
    const asked = uri.replace(/^rtsp:\/\/[^/]*/, '').replace(/\?.*$/, '');
    if (asked.replace(/\/$/, '') === path) return 'stream';
    const kinds: TrackKind[] = ['video', 'audio', 'metadata'];
    return kinds.find((kind) => asked === `${path}/${TRACK_NAMES[kind]}`);
  }
}
