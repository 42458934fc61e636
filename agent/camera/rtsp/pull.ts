import { asBeffroiError, type BeffroiError, InternalError } from '../../base/errors.ts';
import type { BytePool } from '../../base/pool.ts';
import type { Rest } from '../../base/rest.ts';
import type { Standstill } from '../../base/standstill.ts';
import { quoted } from '../../base/text.ts';
import { type AccessUnit, NO_COUNTERS, type Permit, type StreamCounters, type VideoTrack } from '../types.ts';
import type { ClockWord } from './camera-clock.ts';
import { controlUrls } from './control-url.ts';
import { type Conversation, type Described, withCamera } from './describe.ts';
import { parseRtpInfo, type SessionField, type Transport } from './fields.ts';
import { keepAlive, sessionFields } from './keep-alive.ts';
import { type MetadataHandlers, MetadataTrack } from './metadata-track.ts';
import { VideoReceiver } from './receiver.ts';
import { StallWatch } from './stall-watch.ts';
import { abortable, type StreamNeeds, type StreamOptions, type StreamTarget } from './stream.ts';
import { TrackSetup } from './track-setup.ts';
import type { TakePacket } from './udp-track.ts';
import type { UdpTrials } from './udp-trials.ts';

/** How a camera plays, for the log. */
export interface PlayFacts {
  readonly transport: Transport;
  /** Where the camera says that the stream begins; absent where it does not. */
  readonly rtpInfo: object | undefined;
}

export interface StreamHandlers {
  /** After DESCRIBE. `counters` gives the numbers of this stream whenever it is called. */
  described(track: VideoTrack, counters: () => StreamCounters): void;
  /** The camera agreed to PLAY; it may still send nothing. */
  playing(facts: PlayFacts): void;
  accessUnit(unit: AccessUnit): void;
  /**
   * The camera told its clock, in a sender report.
   * @param roundTripMs the shortest of this connection: the report was not longer on its way
   */
  clockSaid(word: ClockWord, roundTripMs: number): void;
  /** Absent: the metadata track is not asked for. */
  readonly metadata?: MetadataHandlers | undefined;
}

export interface PullNeeds extends StreamNeeds {
  /** Where the pictures lie. */
  readonly pool: BytePool;
  /** Told of what was read, in a process that rests between its rounds. */
  readonly rest?: Rest;
  /** Absent: our own process is not suspected of standing still. */
  readonly standstill?: Standstill;
  /** Absent: UDP is tried with each pull anew. */
  readonly udpTrials?: UdpTrials;
}

/** How long the farewell to a camera may take. Source: guess. */
const TEARDOWN_TIMEOUT_MS = 1_000;
/** After our own process stood still, what it missed comes out within this. Source: guess. */
const AFTER_STANDSTILL_MS = 2_000;
/** What a camera seems to have done when it was we who did not read or answer. */
const BLAMED_FOR_US: ReadonlySet<string> = new Set([
  'camera-closed',
  'camera-silent',
  'camera-slow',
  'camera-unreachable',
]);
const VIDEO_CHANNEL = 0;
const METADATA_CHANNEL = 2;
/** How UDP fails where TCP may still do: no packets, no ports, or a camera that does not offer it. */
const UDP_FAILURES: ReadonlySet<string> = new Set(['camera-udp-blocked', 'camera-unsupported']);

/**
 * Pulls the video of a camera over RTSP until `signal` aborts, then says TEARDOWN and resolves; rejects with a
 * `BeffroiError` whenever the stream ends otherwise. Sound is never asked for, metadata where it is wanted; only the
 * video decides whether the stream is good. The permit stays the caller's to release.
 * @throws DeviceError, PeerProtocolError; see the `camera-…` codes
 */
export async function pullStream(
  target: StreamTarget,
  permit: Permit,
  handlers: StreamHandlers,
  needs: PullNeeds,
  options: StreamOptions,
  signal: AbortSignal,
): Promise<void> {
  const conversation = { target, permit, needs, options };
  try {
    const { camera, url } = target;
    const udp =
      options.transport !== 'tcp' && (options.transport === 'udp' || (needs.udpTrials?.mayTry(url) ?? true));
    await pullBy(conversation, udp, handlers, needs, signal).catch((thrown: unknown) => {
      const error = asBeffroiError(thrown);
      if (!udp || options.transport === 'udp' || signal.aborted || !UDP_FAILURES.has(error.code)) throw error;
      needs.log.warn({ err: error, camera }, 'no stream over UDP, it is asked for over TCP');
      needs.udpTrials?.failed(url);
      return pullBy(conversation, false, handlers, needs, signal);
    });
  } catch (thrown) {
    if (!signal.aborted) throw blamed(asBeffroiError(thrown), needs);
  }
}

async function pullBy(
  conversation: Conversation,
  udp: boolean,
  handlers: StreamHandlers,
  needs: PullNeeds,
  signal: AbortSignal,
): Promise<void> {
  await withCamera(conversation, signal, (described) =>
    new Pull(conversation, described, udp && !described.address.encrypted, handlers, needs).run(signal),
  );
}

/** A camera that gives up a client who stood still is not at fault. */
function blamed(error: BeffroiError, { clock, standstill }: PullNeeds): BeffroiError {
  const stoodMs = standstill?.stoodMs(clock.monotonicMs() - AFTER_STANDSTILL_MS) ?? 0;
  if (stoodMs === 0 || !BLAMED_FOR_US.has(error.code)) return error;
  const message = `${error.message}; before that this process stood still for ${Math.round(stoodMs)} ms`;
  return new InternalError('video-process-late', message, { cause: error });
}

/** From SETUP to TEARDOWN. */
class Pull {
  readonly #camera: string;
  readonly #conversation: Conversation;
  readonly #described: Described;
  readonly #handlers: StreamHandlers;
  readonly #needs: PullNeeds;
  /** The address of the presentation, for all but SETUP. */
  readonly #url: string;
  #receiver: VideoReceiver | undefined;
  #metadata: MetadataTrack | undefined;
  readonly #setup: TrackSetup;

  constructor(
    conversation: Conversation,
    described: Described,
    udp: boolean,
    handlers: StreamHandlers,
    needs: PullNeeds,
  ) {
    const { camera } = conversation.target;
    this.#camera = camera;
    this.#setup = new TrackSetup({ ...needs, camera, described, udp });
    this.#conversation = conversation;
    this.#described = described;
    this.#handlers = handlers;
    this.#needs = needs;
    const { address, base, video } = described;
    this.#url = controlUrls(address, base, video.sessionControl)[0] ?? base;
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#handlers.described(this.#described.video.track, () => this.#receiver?.counters ?? NO_COUNTERS);
    const ended = new AbortController();
    try {
      await abortable(this.#start(), signal);
      await abortable(this.#hold(ended.signal), signal);
    } finally {
      ended.abort();
      this.#setup.close();
      this.#receiver?.end();
      await this.#tearDown();
    }
  }

  async #start(): Promise<void> {
    const { connection, client, video } = this.#described;
    const { clock, pool, rest } = this.#needs;
    const transport = await this.#setup.requiredTrack(video.control, VIDEO_CHANNEL);
    const clockSaid = (word: ClockWord) => this.#handlers.clockSaid(word, connection.shortestAnswerMs);
    const receiver = new VideoReceiver(
      video,
      transport,
      { clock, pool, clockSaid, unread: () => this.#setup.unread },
      (unit) => this.#handlers.accessUnit(unit),
    );
    this.#receiver = receiver;
    const metadata = await this.#setUpMetadata();
    this.#metadata = metadata;
    const frame =
      (readMs: () => number): TakePacket =>
      (channel, bytes, from, until) => {
        rest?.read();
        if (metadata?.frame(channel, bytes, from, until)) return;
        receiver.frame(channel, bytes, from, until, readMs());
      };
    // Cameras send the first frames before their answer to PLAY.
    connection.onFrame(frame(() => connection.heardMs ?? clock.monotonicMs()));
    this.#setup.onPacket(frame(() => clock.monotonicMs()));
    const fields = [...sessionFields(this.#session), ['Range', 'npt=0.000-'] as const];
    const reply = await client.expectOk('PLAY', this.#url, fields);
    const [said] = parseRtpInfo(reply.headers.get('rtp-info') ?? '');
    const rtpInfo = said && { ...said, url: quoted(said.url) };
    this.#handlers.metadata?.begins(metadata !== undefined);
    this.#handlers.playing({ transport, rtpInfo });
  }

  get #session(): SessionField | undefined {
    return this.#setup.session;
  }

  /** Rejects when the stream ends; resolves only when the signal aborts. */
  async #hold(signal: AbortSignal): Promise<void> {
    const needs = this.#needs;
    const { client, methods, connection } = this.#described;
    const session = this.#session;
    await Promise.race([
      connection.failed,
      this.#watch(signal),
      this.#setup.report(signal),
      keepAlive({ ...needs, camera: this.#camera, client, methods, url: this.#url, session }, signal),
    ]);
  }

  /** @returns undefined when it is not wanted, not there, or not given: the video goes on without it */
  async #setUpMetadata(): Promise<MetadataTrack | undefined> {
    const { metadata: track, video } = this.#described;
    const { metadata: handlers } = this.#handlers;
    if (!handlers || !track || !this.#session) return undefined;
    handlers.asked();
    const { transport } = await this.#setup.track(track.control, METADATA_CHANNEL);
    if (!transport) return undefined;
    const { clock } = this.#conversation.needs;
    const needs = { camera: this.#camera, monotonicMs: () => clock.monotonicMs(), handlers };
    return new MetadataTrack(needs, track, transport.rtpChannel, video.payloadType);
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { connection } = this.#described;
    const { clock, standstill } = this.#needs;
    const watch = new StallWatch(
      {
        ...{ camera: this.#camera, clock, connection },
        ...(standstill ? { standstill } : {}),
        ask: (timeoutMs) =>
          connection.request({
            method: 'OPTIONS',
            url: this.#url,
            fields: sessionFields(this.#session),
            timeoutMs,
          }),
        heardMs: () => Math.max(connection.heardMs ?? 0, this.#setup.heardMs ?? 0),
        isUdpDeaf: () => this.#setup.isDeaf,
        lastUnitMs: () => this.#receiver?.lastUnitMs,
        besides: () => this.#metadataLeftMs(),
      },
      this.#conversation.options.stallTimeoutMs,
    );
    await watch.run(signal);
  }

  /** A track that falls silent is told, and ends nothing. @returns how long until it is to be looked at again */
  #metadataLeftMs(): number {
    const leftMs = this.#metadata?.silentInMs() ?? Number.POSITIVE_INFINITY;
    if (leftMs > 0) return leftMs;
    this.#metadata?.silent();
    return Number.POSITIVE_INFINITY;
  }

  /** So that the camera frees its place at once; bounded, and whatever it answers is good. */
  async #tearDown(): Promise<void> {
    if (!this.#session) return;
    const { clock } = this.#conversation.needs;
    const late = new AbortController();
    const farewell = this.#described.client.request('TEARDOWN', this.#url, sessionFields(this.#session));
    await Promise.race([
      farewell.catch(() => undefined),
      clock.sleep(TEARDOWN_TIMEOUT_MS, late.signal).catch(() => undefined),
    ]);
    late.abort();
  }
}
