import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { systemClock } from '../../../agent/base/clock.ts';
import { BeffroiError } from '../../../agent/base/errors.ts';
import { BytePool } from '../../../agent/base/pool.ts';
import type { ClockWord } from '../../../agent/camera/rtsp/camera-clock.ts';
import type { MetadataHandlers } from '../../../agent/camera/rtsp/metadata-track.ts';
import { pullStream } from '../../../agent/camera/rtsp/pull.ts';
import {
  defaultStreamOptions,
  type StreamOptions,
  type StreamTarget,
} from '../../../agent/camera/rtsp/stream.ts';
import { UdpTrials } from '../../../agent/camera/rtsp/udp-trials.ts';
import {
  type AccessUnit,
  NO_COUNTERS,
  type Permit,
  type StreamCounters,
  type VideoTrack,
} from '../../../agent/camera/types.ts';

export const credentials = { version: 1, user: 'watch', password: 'Geheim-17' };

export const needs = {
  clock: systemClock,
  log: pino({ level: 'silent' }),
  randomBytes,
  pool: new BytePool(),
};

/** A permit that counts. */
export class TestPermit implements Permit {
  refusalsLeft: number;
  /** Replies to credentials that were no refusal. */
  accepted = 0;
  refused = 0;
  unanswered = 0;
  undecided = 0;

  constructor(refusalsLeft = 3) {
    this.refusalsLeft = refusalsLeft;
  }

  async tryLogin(): Promise<boolean> {
    return this.refusalsLeft > 0;
  }

  loginAccepted(): void {
    this.accepted += 1;
  }

  loginRefused(): void {
    this.refused += 1;
    this.refusalsLeft -= 1;
  }

  loginUnanswered(): void {
    this.unanswered += 1;
  }

  loginUndecided(): void {
    this.undecided += 1;
  }

  release(): void {}
}

/** One pull under way, and what it brought. */
export class Pulling<P extends Permit = TestPermit> {
  readonly units: AccessUnit[] = [];
  /** What sender reports said of the clock. */
  readonly words: (ClockWord & { readonly roundTripMs: number })[] = [];
  readonly permit: P;
  track: VideoTrack | undefined;
  counters: () => StreamCounters = () => NO_COUNTERS;
  /** The code that the pull ended with; undefined when it resolved. */
  readonly ended: Promise<BeffroiError | undefined>;
  /** Documents of the metadata track, where it is asked for. */
  readonly documents: string[] = [];
  /** What was said of the track. */
  readonly said: string[] = [];
  readonly #abort = new AbortController();
  #waiting: { readonly count: number; readonly done: () => void }[] = [];

  constructor(
    target: Omit<StreamTarget, 'camera'>,
    options: Partial<StreamOptions> = {},
    permit: P = new TestPermit() as Permit as P,
    withMetadata = false,
    udpTrials = new UdpTrials(systemClock),
    described: () => unknown = () => undefined,
  ) {
    this.permit = permit;
    this.ended = pullStream(
      { camera: 'cam-a', ...target },
      permit,
      {
        described: (track, counters) => {
          this.track = track;
          this.counters = counters;
          described();
        },
        playing: () => undefined,
        metadata: withMetadata ? this.#metadata() : undefined,
        accessUnit: (unit) => this.#unit(unit),
        clockSaid: (word, roundTripMs) => this.words.push({ ...word, roundTripMs }),
      },
      { ...needs, udpTrials },
      { ...defaultStreamOptions, ...options },
      this.#abort.signal,
    ).then(
      () => undefined,
      (thrown: unknown) => {
        if (thrown instanceof BeffroiError) return thrown;
        throw thrown;
      },
    );
  }

  /** Resolves when it holds of the metadata track; looked at after each word of it. */
  async hears(done: () => boolean): Promise<void> {
    while (!done()) await this.#turn.promise;
  }

  /** Resolves when that many access units have come, or the pull has ended. */
  async has(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.units.length >= count) resolve();
    this.#waiting.push({ count, done: resolve });
    await Promise.race([promise, this.ended]);
  }

  /** Aborts and waits for the end. */
  async stop(): Promise<BeffroiError | undefined> {
    this.#abort.abort();
    return this.ended;
  }

  #turn = Promise.withResolvers<void>();

  #metadata(): MetadataHandlers {
    const note = (act: () => void) => {
      act();
      this.#turn.resolve();
      this.#turn = Promise.withResolvers();
    };
    return {
      asked: () => note(() => this.said.push('asked')),
      begins: (readable) => note(() => this.said.push(readable ? 'readable' : 'not readable')),
      document: (text) => note(() => this.documents.push(text)),
      doubtful: (error) => note(() => this.said.push(error.message)),
    };
  }

  #unit(unit: AccessUnit): void {
    unit.hold();
    this.units.push(unit);
    for (const { count, done } of this.#waiting) if (this.units.length >= count) done();
  }
}
