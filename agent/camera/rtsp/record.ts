import { DeviceError } from '../../base/errors.ts';
import type { Left } from '../../base/send-queue.ts';
import { Login } from '../auth/digest.ts';
import type { Credentials, Permit } from '../types.ts';
import { TRACK } from './announcement.ts';
import { isOk, RtspClient } from './client.ts';
import { RtspConnection } from './connection.ts';
import { parseAddress } from './control-url.ts';
import { fewFrames } from './few-frames.ts';
import { parsePublic, parseSession, parseTransport, type SessionField } from './fields.ts';
import { keepAlive, sessionFields } from './keep-alive.ts';
import { RTCP_CHANNEL, RTP_CHANNEL } from './packetizer.ts';
import { type SentSoFar, senderReport } from './sender-report.ts';
import { openSocket } from './socket.ts';
import { abortable, type StreamNeeds, type StreamOptions } from './stream.ts';

export interface RecordTarget {
  /** For messages, and as the name of the source. */
  readonly name: string;
  /** `rtsp:` or `rtsps:`. */
  readonly url: string;
  readonly credentials?: Credentials;
  /** SHA-256 of the only certificate that is taken, hexadecimal. */
  readonly certificateSha256?: string;
  /** PEM: only a certificate that they have signed is taken; needed for `rtsps` without a pinned certificate. */
  readonly authorities?: Buffer;
}

export type RecordOptions = Pick<StreamOptions, 'connectTimeoutMs' | 'requestTimeoutMs'>;

/** Nothing leaves for this long though something waits: the server does not read. Source: guess. */
const STUCK_MS = 20_000;
const STUCK_CHECK_MS = 1_000;
const TEARDOWN_TIMEOUT_MS = 1_000;
/** @see RFC 3550 §6.2 */
const REPORT_INTERVAL_MS = 5_000;
const TRANSPORT = `RTP/AVP/TCP;unicast;interleaved=${RTP_CHANNEL}-${RTCP_CHANNEL};mode=record`;

/** One login on each connection: whoever opens them waits longer after a refusal. */
const ONE_LOGIN: Permit = {
  tryLogin: async () => true,
  loginAccepted: () => undefined,
  loginRefused: () => undefined,
  loginUnanswered: () => undefined,
  loginUndecided: () => undefined,
  release: () => undefined,
};

/** A server that records one video track from us, over the RTSP connection. @see RFC 2326 §10.3, §10.11 */
export class RecordSession {
  readonly #target: RecordTarget;
  readonly #needs: StreamNeeds;
  readonly #connection: RtspConnection;
  readonly #client: RtspClient;
  readonly #methods: ReadonlySet<string>;
  readonly #url: string;
  readonly #ended = new AbortController();
  #session: SessionField | undefined;
  #reportedMs: number | undefined;

  private constructor(
    target: RecordTarget,
    needs: StreamNeeds,
    connection: RtspConnection,
    client: RtspClient,
    offer: { readonly methods: ReadonlySet<string>; readonly url: string },
  ) {
    this.#target = target;
    this.#needs = needs;
    this.#connection = connection;
    this.#client = client;
    this.#methods = offer.methods;
    this.#url = offer.url;
  }

  /**
   * Connects, logs in where it is asked to, announces and begins to record.
   * @param description of the one track, from `announcement`
   * @throws DeviceError, PeerProtocolError with the `camera-…` codes; the signal's reason when it aborts
   */
  static async open(
    target: RecordTarget,
    description: string,
    needs: StreamNeeds,
    options: RecordOptions,
    signal: AbortSignal,
  ): Promise<RecordSession> {
    const { name } = target;
    const address = parseAddress(name, target.url);
    const timeoutMs = options.connectTimeoutMs;
    const socket = await openSocket(
      address,
      { ...target, camera: name, clock: needs.clock, timeoutMs },
      signal,
    );
    const connection = new RtspConnection(name, socket, needs.clock);
    connection.onFrame(fewFrames(name, needs.clock));
    try {
      const { certificateSha256, authorities } = target;
      const peerKnown = address.encrypted && (certificateSha256 ?? authorities) !== undefined;
      const loginOptions = { camera: name, peerKnown, randomBytes: needs.randomBytes };
      const login = target.credentials ? { login: new Login(target.credentials, loginOptions) } : {};
      const { requestTimeoutMs } = options;
      const client = new RtspClient({
        camera: name,
        connection,
        permit: ONE_LOGIN,
        requestTimeoutMs,
        ...login,
      });
      const offer = await abortable(client.request('OPTIONS', address.url), signal);
      const methods = isOk(offer) ? parsePublic(offer.headers) : new Set<string>();
      const opened = { methods, url: address.url };
      const session = new RecordSession(target, needs, connection, client, opened);
      await abortable(session.#begin(description), signal);
      return session;
    } catch (thrown) {
      connection.close();
      throw thrown;
    }
  }

  /**
   * Hands the packets of a picture over, behind a sender report when one is due.
   * @param before what was sent before them
   * @returns false when the connection is lost
   */
  send(parts: readonly Buffer[], before: SentSoFar, left: Left): boolean {
    const nowMs = this.#needs.clock.monotonicMs();
    const isDue = this.#reportedMs === undefined || nowMs - this.#reportedMs >= REPORT_INTERVAL_MS;
    if (isDue) this.#reportedMs = nowMs;
    const report = isDue ? [senderReport(before, this.#target.name)] : [];
    return this.#connection.write([...report, ...parts], left);
  }

  /** What has not begun to leave never does. */
  withdraw(): void {
    this.#connection.withdraw();
  }

  /** Keeps the session until the signal aborts; rejects when it is lost, and when the server does not read. */
  async hold(signal: AbortSignal): Promise<void> {
    const inner = AbortSignal.any([signal, this.#ended.signal]);
    const alive = {
      ...{ camera: this.#target.name, clock: this.#needs.clock, log: this.#needs.log },
      ...{ client: this.#client, methods: this.#methods, url: this.#url, session: this.#session },
    };
    const lost = [this.#connection.failed, keepAlive(alive, inner), this.#watch(inner)];
    try {
      await abortable(Promise.race(lost), inner);
    } finally {
      this.#ended.abort();
    }
  }

  /** Closes at once. */
  cut(): void {
    this.#ended.abort();
    this.#connection.close();
  }

  /** Says TEARDOWN behind what waits, shortly, and closes. */
  async close(): Promise<void> {
    this.#ended.abort();
    const { clock } = this.#needs;
    const late = new AbortController();
    const fields = sessionFields(this.#session);
    const farewell = this.#client.request('TEARDOWN', this.#url, fields, { afterMedia: true });
    await Promise.race([
      farewell.catch(() => undefined),
      clock.sleep(TEARDOWN_TIMEOUT_MS, late.signal).catch(() => undefined),
    ]);
    late.abort();
    this.#connection.close();
  }

  async #begin(description: string): Promise<void> {
    const content = [['Content-Type', 'application/sdp']] as const;
    await this.#client.expectOk('ANNOUNCE', this.#url, content, { body: description });
    const track = `${this.#url.replace(/\/$/, '')}/${TRACK}`;
    const reply = await this.#client.expectOk('SETUP', track, [['Transport', TRANSPORT]]);
    this.#session = parseSession(reply.headers.get('session'));
    this.#checkTransport(reply.headers.get('transport'));
    const fields = [...sessionFields(this.#session), ['Range', 'npt=0.000-'] as const];
    await this.#client.expectOk('RECORD', this.#url, fields);
  }

  /** We send on our channels: a server that wants others is not known. */
  #checkTransport(value: string | undefined): void {
    const { interleaved, rtpChannel } = parseTransport(value);
    if (interleaved && rtpChannel === RTP_CHANNEL) return;
    const message = `${this.#target.name}: expected RTP on channel ${RTP_CHANNEL} of the RTSP connection, another transport was set up`;
    throw new DeviceError('camera-unsupported', message);
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { clock } = this.#needs;
    let [seen, sinceMs] = [-1, 0];
    while (!signal.aborted) {
      const { goneFrames: gone, waitingBytes } = this.#connection;
      if (gone !== seen || waitingBytes === 0) [seen, sinceMs] = [gone, clock.monotonicMs()];
      if (clock.monotonicMs() - sinceMs >= STUCK_MS) {
        throw new DeviceError('camera-silent', `${this.#target.name}: nothing was read for ${STUCK_MS} ms`);
      }
      await clock.sleep(STUCK_CHECK_MS, signal).catch(() => undefined);
    }
  }
}
