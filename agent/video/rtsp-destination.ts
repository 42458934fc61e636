import type { Clock } from '../base/clock.ts';
import type { Code } from '../base/codes.ts';
import { type BeffroiError, ConfigurationError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { RepeatedFault } from '../base/repeated.ts';
import { type RetryPolicy, retryLoop } from '../base/retry.ts';
import type { Left } from '../base/send-queue.ts';
import { announcement } from '../camera/rtsp/announcement.ts';
import { RecordSession, type RecordTarget } from '../camera/rtsp/record.ts';
import type { Chunk, DestinationStatus, PausableDestination, RtpFacts, Source } from './destination.ts';
import { destinationError } from './destination-error.ts';
import { Ledger } from './ledger.ts';
import { type Channel, Outlet, type OutletEvents, type OutletOptions } from './outlet.ts';
import { isSameSetup, type StreamSetup } from './parameter-sets.ts';

/** Source: guess; a server that restarts is there again within seconds, one that is away is asked twice a minute. */
const PUSH_RETRY: RetryPolicy = {
  neverUp: { firstMs: 1_000, factor: 2, capMs: 30_000, jitter: 0.5 },
  wasUp: { firstMs: 500, factor: 2, capMs: 30_000, jitter: 0.5 },
  stableMs: 10_000,
};
/** Wait where trying again helps only after somebody changed something; a server may lock the account. Source: guess. */
const HOPELESS_WAIT_MS = 60_000;
const HOPELESS: ReadonlySet<Code> = new Set(['destination-login-refused', 'destination-certificate']);
/** A camera that is back within this goes on in the same recording. Source: guess, below the time-outs of servers. */
const LINGER_MS = 5_000;
/**
 * A camera that changes what it sends again and again: so many recordings in a row that lasted for less than this are
 * followed at once, further ones after as long. Source: guess.
 */
const MAX_SHORT = 4;
const SHORT_MS = 5_000;
const TIMEOUTS = { connectTimeoutMs: 5_000, requestTimeoutMs: 10_000 };

export interface RtspDestinationNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly randomBytes: (count: number) => Buffer;
  readonly events: OutletEvents;
  /** PEM of the authorities that sign the certificates of the centre; asked for each connection. */
  readonly authorities: () => Promise<Buffer | undefined>;
}

export interface RtspDestinationOptions extends OutletOptions {
  readonly id: string;
  readonly camera: string;
  readonly target: Omit<RecordTarget, 'name' | 'authorities'>;
}

/** The connection of the moment, with its account of what waits. */
class RecordChannel implements Channel {
  readonly format = 'rtp';
  readonly beginsAnew = true;
  #session: RecordSession | undefined;
  #takes = false;
  readonly #ledger = new Ledger();
  /** What was announced to the server. */
  #setup: StreamSetup | undefined;
  #packets = 0;
  #octets = 0;
  /** Number of the next packet; undefined before the first. */
  #sequence: number | undefined;

  get isOpen(): boolean {
    return this.#takes;
  }

  get oldest(): Chunk | undefined {
    return this.#ledger.oldest;
  }

  get waitingBytes(): number {
    return this.#ledger.waitingBytes;
  }

  get heldBytes(): number {
    return this.#ledger.heldBytes;
  }

  open(session: RecordSession, setup: StreamSetup): void {
    this.#session = session;
    this.#setup = setup;
    this.#takes = true;
    this.#packets = 0;
    this.#octets = 0;
    this.#sequence = undefined;
  }

  /** What comes is of another recording. */
  refuse(): void {
    this.#takes = false;
  }

  close(): void {
    this.refuse();
    this.#session = undefined;
  }

  withdraw(): void {
    this.#session?.withdraw();
  }

  takeUnsent(): readonly Chunk[] {
    return this.#ledger.takeUnsent();
  }

  send(chunk: Chunk): Code | undefined {
    const { rtp } = chunk;
    if (!this.#takes || !this.#session || !rtp) return 'destination-unreachable';
    // The cache may be ahead of what was announced: its key picture waits for a recording of its own.
    if (chunk.key && !isSameSetup(rtp.setup, this.#setup)) return 'destination-connecting';
    // What was never sent leaves no gap in the numbers: a server would take it for lost on the way.
    const sequence = this.#sequence ?? rtp.sequence;
    const renumbered = sequence === rtp.sequence ? undefined : rtp.from(sequence);
    const refusal = this.#hand(this.#session, renumbered ?? chunk, rtp);
    renumbered?.release();
    if (refusal === undefined) this.#sequence = (sequence + rtp.packets) & 0xffff;
    return refusal;
  }

  #hand(
    session: RecordSession,
    chunk: Chunk,
    { ssrc, timestamp, packets, octets }: RtpFacts,
  ): Code | undefined {
    const so = { packets: this.#packets, octets: this.#octets, ssrc, timestamp, wallMs: chunk.wallMs };
    const send = (left: Left) => (session.send(chunk.parts, so, left) ? undefined : 'destination-closed');
    const refusal = this.#ledger.hand(chunk, send);
    if (refusal !== undefined) return refusal;
    this.#packets += packets;
    this.#octets += octets;
    return undefined;
  }
}

/** A media server that records the camera: RTSP or RTSPS, ANNOUNCE and RECORD, RTP over the connection. */
export class RtspDestination implements PausableDestination {
  readonly format = 'rtp';
  readonly id: string;
  readonly #needs: RtspDestinationNeeds;
  readonly #options: RtspDestinationOptions;
  readonly #channel = new RecordChannel();
  readonly #outlet: Outlet;
  readonly #fault: RepeatedFault;
  readonly #stopping = new AbortController();
  /** What is to be announced; undefined while the camera sends nothing. */
  #setup: StreamSetup | undefined;
  /** Aborted when another setup, or none, is to be announced. */
  #changed = new AbortController();
  /** Resolved while there is something to announce, and when the destination ends. */
  #known = Promise.withResolvers<void>();
  /** While the camera sends nothing and its recording is still open. */
  #lingering: AbortController | undefined;
  #loop: Promise<void> | undefined;

  constructor(needs: RtspDestinationNeeds, options: RtspDestinationOptions) {
    this.id = options.id;
    this.#needs = needs;
    this.#options = options;
    this.#outlet = new Outlet({ ...needs, channel: this.#channel }, options);
    this.#fault = new RepeatedFault(needs.clock);
  }

  begin(source: Source): void {
    const [first] = source.recent('rtp');
    if (first) this.#announce(first);
    this.#outlet.begin(source);
    const { clock, random } = this.#needs;
    this.#loop = retryLoop(
      { clock, random, onFailure: (error, delayMs) => this.#failed(destinationError(error), delayMs) },
      PUSH_RETRY,
      (up, signal) => this.#run(up, signal),
      this.#stopping.signal,
    );
  }

  take(chunk: Chunk): void {
    if (chunk.key) this.#announce(chunk);
    this.#outlet.take(chunk);
  }

  /** Told after each vain try of the camera too: the wait counts from the first. */
  streamEnded(): void {
    this.#outlet.streamEnded();
    if (this.#setup && !this.#lingering) this.#linger();
  }

  pause(why: BeffroiError): void {
    this.#outlet.pause(why);
  }

  resume(): void {
    this.#outlet.resume();
  }

  status(): DestinationStatus {
    return this.#outlet.status;
  }

  async end(): Promise<void> {
    this.#stopping.abort();
    this.#known.resolve();
    await this.#loop;
    this.#outlet.end();
  }

  #announce({ rtp }: Chunk): void {
    this.#lingering?.abort();
    this.#lingering = undefined;
    if (rtp && !isSameSetup(rtp.setup, this.#setup)) this.#change(rtp.setup);
  }

  #linger(): void {
    const lingering = new AbortController();
    this.#lingering = lingering;
    this.#needs.clock.sleep(LINGER_MS, AbortSignal.any([lingering.signal, this.#stopping.signal])).then(
      () => {
        if (this.#lingering === lingering) this.#change(undefined);
      },
      () => undefined,
    );
  }

  #change(setup: StreamSetup | undefined): void {
    this.#lingering = undefined;
    this.#channel.refuse();
    this.#setup = setup;
    this.#changed.abort();
    this.#changed = new AbortController();
    if (setup) this.#known.resolve();
    else this.#known = Promise.withResolvers();
  }

  /** One recording after the other, until one fails. */
  async #run(up: () => void, signal: AbortSignal): Promise<void> {
    const { clock } = this.#needs;
    for (let short = 0; !signal.aborted; ) {
      await this.#known.promise;
      const setup = this.#setup;
      const sinceMs = clock.monotonicMs();
      if (setup && !signal.aborted) await this.#record(setup, up, signal);
      short = clock.monotonicMs() - sinceMs < SHORT_MS ? short + 1 : 0;
      if (short > MAX_SHORT) await clock.sleep(SHORT_MS, signal).catch(() => undefined);
    }
  }

  /** Resolves when something else is to be announced, or the signal aborts. */
  async #record(setup: StreamSetup, up: () => void, signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, this.#changed.signal]);
    const session = await this.#open(setup, ended).catch(async (thrown: unknown) => {
      if (!ended.aborted) await this.#mayWait(thrown, signal);
      return undefined;
    });
    if (!session) return;
    // Another setup came as the server answered: no picture of it belongs into this recording.
    if (ended.aborted) return await session.close();
    this.#opened(session, setup);
    up();
    const lost = await session.hold(ended).then(
      () => undefined,
      (thrown: unknown) => (ended.aborted ? undefined : destinationError(thrown)),
    );
    if (signal.aborted) this.#channel.withdraw();
    this.#channel.close();
    if (lost) session.cut();
    if (lost) throw lost;
    this.#outlet.closed();
    await session.close();
    this.#outlet.settle();
  }

  async #open(setup: StreamSetup, signal: AbortSignal): Promise<RecordSession> {
    const { target, camera, id } = this.#options;
    const authorities = target.certificateSha256 ? undefined : await this.#authorities();
    const full = { ...target, name: `${camera} to ${id}`, ...(authorities ? { authorities } : {}) };
    const description = announcement(camera, setup.sps.codec, setup.sets);
    return await RecordSession.open(full, description, this.#needs, TIMEOUTS, signal);
  }

  /** A media server is believed by a pinned certificate or by the authorities of the centre, never as it comes. */
  async #authorities(): Promise<Buffer | undefined> {
    const { target, id } = this.#options;
    if (!target.url.startsWith('rtsps:')) return undefined;
    const authorities = await this.#needs.authorities();
    if (authorities) return authorities;
    throw new ConfigurationError(
      'box-file-invalid',
      `${id}: rtsps needs certificateSha256, or tls.authorities in the box file`,
    );
  }

  async #mayWait(thrown: unknown, signal: AbortSignal): Promise<never> {
    const error = destinationError(thrown);
    if (HOPELESS.has(error.code)) {
      this.#failed(error, HOPELESS_WAIT_MS);
      await this.#needs.clock.sleep(HOPELESS_WAIT_MS, signal).catch(() => undefined);
    }
    throw error;
  }

  #opened(session: RecordSession, setup: StreamSetup): void {
    const { camera, id } = this.#options;
    this.#needs.log.info(
      { camera, destination: id, failures: this.#fault.recovered() },
      'destination records',
    );
    this.#channel.open(session, setup);
    this.#outlet.opened();
  }

  #failed(error: BeffroiError, retryInMs: number): void {
    const { camera, id } = this.#options;
    const told = this.#fault.happened(error.code);
    if (told) {
      const more = { camera, destination: id, count: told.count, retryInMs };
      this.#needs.log.warn({ err: error, ...more }, 'destination gets nothing');
    }
    this.#outlet.lost(error);
  }
}
