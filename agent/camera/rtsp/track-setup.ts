import type { Clock } from '../../base/clock.ts';
import { DeviceError } from '../../base/errors.ts';
import { isOk, statusError } from './client.ts';
import { controlUrls } from './control-url.ts';
import type { Described } from './describe.ts';
import {
  askedPorts,
  askedTransport,
  parseSession,
  parseTransport,
  type SessionField,
  type Transport,
} from './fields.ts';
import { sessionFields } from './keep-alive.ts';
import type { Reply } from './message.ts';
import { type TakePacket, UdpTrack } from './udp-track.ts';

export interface TrackSetupNeeds {
  readonly camera: string;
  readonly clock: Clock;
  readonly randomBytes: (count: number) => Buffer;
  readonly described: Described;
  /** Whether RTP comes over UDP, or over the RTSP connection. */
  readonly udp: boolean;
}

/** Answers to SETUP that another reading of the control address may avoid. */
const WRONG_ADDRESS = new Set([400, 404, 451, 454, 459, 460]);
/** How often the camera hears that somebody listens. @see RFC 3550 §6.2 */
const REPORT_INTERVAL_MS = 5_000;

/** SETUP of the tracks of one presentation, and how their packets come. */
export class TrackSetup {
  readonly #needs: TrackSetupNeeds;
  readonly #tracks: UdpTrack[] = [];
  #session: SessionField | undefined;
  #take: TakePacket = () => undefined;
  #heardMs: number | undefined;
  #isClosed = false;
  /** When it was closed. */
  #unread = 0;

  constructor(needs: TrackSetupNeeds) {
    this.#needs = needs;
  }

  /** Undefined before the first track. */
  get session(): SessionField | undefined {
    return this.#session;
  }

  /** When a packet last came over UDP, monotonic. */
  get heardMs(): number | undefined {
    return this.#heardMs;
  }

  /** Packets are awaited over UDP, and none has come. */
  get isDeaf(): boolean {
    return this.#needs.udp && this.#heardMs === undefined;
  }

  /** Packets of the first track that came over UDP and that we did not read in time, so that they were lost. */
  get unread(): number {
    return this.#tracks[0]?.unread ?? this.#unread;
  }

  /** What comes over UDP from now on. */
  onPacket(take: TakePacket): void {
    this.#take = take;
  }

  /**
   * @param channel of RTP, RTCP has the next one; over UDP the packets are handed on by the same numbers
   * @returns undefined when the camera does not give the track in the way that was asked for
   */
  async track(control: string, channel: number): Promise<{ reply: Reply; transport: Transport | undefined }> {
    const track = this.#needs.udp ? await this.#open(channel) : undefined;
    const reply = await this.#request(control, track ? askedPorts(track.ports) : askedTransport(channel));
    if (!isOk(reply)) return { reply, transport: undefined };
    this.#session ??= parseSession(reply.headers.get('session'));
    const transport = parseTransport(reply.headers.get('transport'), channel, this.#needs.udp);
    if (transport.interleaved === this.#needs.udp || transport.multicast)
      return { reply, transport: undefined };
    track?.reach(transport.serverPorts);
    return { reply, transport };
  }

  /** The one track that a stream cannot do without. @throws DeviceError, PeerProtocolError */
  async requiredTrack(control: string, channel: number): Promise<Transport> {
    const { camera, udp } = this.#needs;
    const { reply, transport } = await this.track(control, channel);
    if (transport) return transport;
    if (!isOk(reply)) throw statusError(camera, 'SETUP', reply);
    const way = udp ? 'RTP over UDP to one address' : 'RTP over the RTSP connection';
    throw new DeviceError(
      'camera-unsupported',
      `${camera}: expected ${way}, the camera set up another transport`,
    );
  }

  /** Says now and then that somebody listens, until the signal aborts. */
  async report(signal: AbortSignal): Promise<void> {
    const ssrc = this.#needs.randomBytes(4).readUInt32BE();
    while (!signal.aborted) {
      for (const track of this.#tracks) track.report(ssrc);
      await this.#needs.clock.sleep(REPORT_INTERVAL_MS, signal).catch(() => undefined);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#unread = this.unread;
    for (const track of this.#tracks.splice(0)) track.close();
  }

  async #open(channel: number): Promise<UdpTrack> {
    const { camera, clock, described } = this.#needs;
    const { ends } = described.connection;
    if (!ends) throw gone(camera);
    const track = await UdpTrack.open(camera, ends, channel, (on, bytes, from, until) => {
      this.#heardMs = clock.monotonicMs();
      this.#take(on, bytes, from, until);
    });
    if (this.#isClosed) {
      track.close();
      throw gone(camera);
    }
    this.#tracks.push(track);
    return track;
  }

  async #request(control: string, transport: string): Promise<Reply> {
    const { address, base, client } = this.#needs.described;
    const fields = [['Transport', transport] as const, ...sessionFields(this.#session)];
    const [first = base, ...others] = controlUrls(address, base, control);
    let reply = await client.request('SETUP', first, fields);
    for (const url of others) {
      if (WRONG_ADDRESS.has(reply.status)) reply = await client.request('SETUP', url, fields);
    }
    return reply;
  }
}

function gone(camera: string): DeviceError {
  return new DeviceError('camera-closed', `${camera}: the connection is closed`);
}
