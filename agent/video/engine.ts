import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Log } from '../base/log.ts';
import type { BytePool } from '../base/pool.ts';
import { Pulse, type Working } from '../base/pulse.ts';
import type { VideoCamera, VideoToAgent } from '../contract/video-link.ts';
import {
  CameraDestinations,
  type CameraDestinationsNeeds,
  type MakeDestination,
} from './camera-destinations.ts';
import { CameraStream, type CameraStreamNeeds, type PullStream } from './camera-stream.ts';
import { EventTrack } from './event-track.ts';
import { Feed } from './feed.ts';
import { Hours } from './hours.ts';
import { MediaClock } from './media-clock.ts';
import { Meter } from './meter.ts';
import { PendingEnds } from './pending-ends.ts';

const MEASURE_INTERVAL_MS = 1_000;
/** Longer than any round of measures takes. Source: guess. */
const LONGEST_ROUND_MS = 10_000;
/** Destinations are told of once in so many measures, beside their changes. Source: guess. */
const MEASURES_PER_DESTINATION_REPORT = 5;

export interface VideoEngineNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly pull: PullStream;
  readonly permits: CameraStreamNeeds['permits'];
  readonly destination: MakeDestination;
  readonly backbone: CameraDestinationsNeeds['backbone'];
  /** Where what is framed anew lies. */
  readonly pool: BytePool;
  /** Tells the agent, when it is there. */
  readonly report: (message: VideoToAgent) => void;
}

export interface VideoEngineOptions {
  /** How long the machine had run at monotonic time zero of this process, ms: media time counts from there. */
  readonly mediaOriginMs: number;
}

type StreamReport = Extract<VideoToAgent, { type: 'stream' }>;
type MeasureReport = Extract<VideoToAgent, { type: 'measure' }>;

/** One stream of a camera of the list, with what outlives its pulls. */
interface Entry {
  readonly camera: VideoCamera;
  readonly stream: CameraStream;
  readonly meter: Meter;
  readonly feed: Feed;
  readonly destinations: CameraDestinations;
  readonly stopping: AbortController;
}

/** Pulls the cameras of the agent's list. An unchanged camera goes on; a changed one alone begins anew. */
export class VideoEngine implements Service, Working {
  readonly name = 'video engine';
  readonly #needs: VideoEngineNeeds;
  readonly #options: VideoEngineOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #ends = new PendingEnds();
  readonly #mediaClocks = new Map<string, MediaClock>();
  readonly #stopping = new AbortController();
  readonly #pulse: Pulse;
  readonly #hours = new Hours();
  #viewed: ReadonlySet<string> = new Set();
  #measuring: Promise<void> | undefined;

  constructor(needs: VideoEngineNeeds, options: VideoEngineOptions) {
    this.#needs = needs;
    this.#options = options;
    this.#pulse = new Pulse(needs.clock, LONGEST_ROUND_MS);
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    this.#measuring = this.#measure(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const { stopping } of this.#entries.values()) stopping.abort();
    await Promise.all([this.#ends.all(), this.#measuring]);
    await Promise.all([...this.#entries.values()].map(({ feed }) => feed.end()));
  }

  /** The whole list. */
  setCameras(cameras: readonly VideoCamera[]): void {
    const wanted = new Map(cameras.map((camera) => [keyOf(camera), camera]));
    for (const [id, entry] of this.#entries) if (!wanted.has(id)) this.#remove(id, entry);
    for (const camera of cameras) this.#put(camera);
  }

  /** Cameras delivered on demand whose pictures go out now; all others of them are closed. */
  setViewed(cameras: ReadonlySet<string>): void {
    this.#viewed = cameras;
    for (const { camera } of [...this.#entries.values()]) this.#equip(camera);
  }

  /** The time of day is another one: destinations whose hours begin or end now do so. */
  reviewHours(): void {
    for (const { camera } of [...this.#entries.values()]) this.#equip(camera);
  }

  /** What was handed to the destinations of a camera since it is of the list. */
  sent(camera: string): { readonly bytes: number; readonly frames: number } {
    const sent = this.#of(camera).map(({ destinations }) => destinations.sent);
    const bytes = sent.reduce((sum, one) => sum + one.bytes, 0);
    return { bytes, frames: Math.max(0, ...sent.map(({ frames }) => frames)) };
  }

  /** Pulls one camera anew; nothing when it is not of the list. */
  restart(camera: string): void {
    for (const entry of this.#of(camera)) this.#begin(entry.camera);
  }

  /** Whether the streams are no longer measured. */
  get stuck(): boolean {
    return this.#pulse.late;
  }

  /** The last reports of each stream. */
  *standing(): Iterable<VideoToAgent> {
    for (const { camera, stream } of this.#entries.values()) {
      yield ofStream(camera, stream.standing);
      if (stream.standingEvents) yield stream.standingEvents;
    }
  }

  /** Its streams. */
  #of(id: string): Entry[] {
    return [...this.#entries.values()].filter(({ camera }) => camera.camera === id);
  }

  #put(camera: VideoCamera): void {
    const entry = this.#entries.get(keyOf(camera));
    if (!entry || pullOf(entry.camera) !== pullOf(camera)) this.#begin(camera);
    else this.#entries.set(keyOf(camera), { ...entry, camera });
    this.#equip(camera);
  }

  #remove(id: string, { stopping, feed }: Entry): void {
    this.#entries.delete(id);
    stopping.abort();
    const pulled = this.#ends.of(id); // which hands over the last pictures
    this.#ends.keep(
      id,
      pulled.then(() => feed.end()),
    );
  }

  /** Starts a camera, after the pull before has ended. */
  #begin(camera: VideoCamera): void {
    if (this.#stopping.signal.aborted) return;
    const key = keyOf(camera);
    const before = this.#entries.get(key);
    before?.stopping.abort();
    const stopping = new AbortController();
    const { meter, feed, destinations } = before ?? this.#outfit(camera);
    feed.change(camera);
    const stream = this.#stream(camera, meter, feed);
    this.#entries.set(key, { camera, stream, meter, feed, destinations, stopping });
    const ended = this.#ends.of(key);
    this.#ends.keep(key, this.#run(stream, ended, stopping.signal));
  }

  /** What outlives the pulls of a camera. */
  #outfit(camera: VideoCamera): Pick<Entry, 'meter' | 'feed' | 'destinations'> {
    const { clock, destination: make, report, pool, random, backbone } = this.#needs;
    const meter = new Meter(clock.monotonicMs());
    const feed = new Feed({ clock: this.#mediaClock(keyOf(camera)), pool, random }, camera);
    const machineOriginMs = this.#options.mediaOriginMs;
    const needs = { feed, meter, make, backbone, report, machineOriginMs };
    const destinations = new CameraDestinations(needs, camera.camera);
    return { meter, feed, destinations };
  }

  /** A camera delivered on demand is pulled like every other, so that a view begins at once, and goes nowhere. */
  #equip(camera: VideoCamera): void {
    const { delivery, destinations } = camera;
    const open = delivery === 'continuous' || this.#viewed.has(camera.camera);
    const wallMs = this.#needs.clock.wallMs();
    const now = destinations.filter(({ hours }) => this.#hours.cover(hours, wallMs));
    const key = keyOf(camera);
    const entry = this.#entries.get(key);
    if (entry) this.#ends.keep(key, entry.destinations.apply(open ? now : []));
  }

  async #run(stream: CameraStream, before: Promise<void>, signal: AbortSignal): Promise<void> {
    await before;
    await stream.run(signal).catch((err: unknown) => {
      this.#needs.log.error(
        { err, camera: stream.standing.camera },
        'stream of a camera ended by a fault of ours',
      );
    });
  }

  #stream(camera: VideoCamera, meter: Meter, feed: Feed): CameraStream {
    const { clock, random, pull, permits, report } = this.#needs;
    const log = camera.profile === 'sub' ? this.#needs.log.child({ profile: 'sub' }) : this.#needs.log;
    const events = camera.events
      ? new EventTrack(camera.camera, report, () => clock.monotonicMs())
      : undefined;
    const tell = (message: StreamReport) => report(ofStream(camera, message));
    return new CameraStream({ clock, log, random, pull, permits, feed, meter, report: tell, events }, camera);
  }

  /** Kept for the life of the process: what subscribers keep goes on, also for a camera that comes back. */
  #mediaClock(key: string): MediaClock {
    const known = this.#mediaClocks.get(key) ?? new MediaClock(this.#options.mediaOriginMs);
    this.#mediaClocks.set(key, known);
    return known;
  }

  async #measure(signal: AbortSignal): Promise<void> {
    for (let round = 1; !signal.aborted; round += 1) {
      await this.#needs.clock.sleep(MEASURE_INTERVAL_MS, signal).catch(() => undefined);
      const { clock, report } = this.#needs;
      const now = { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
      this.#pulse.beat();
      for (const { camera, meter } of this.#entries.values())
        report(ofStream(camera, meter.take(camera.camera, now)));
      for (const { camera, destinations } of this.#entries.values())
        if (camera.delivery === 'continuous') destinations.tellReached();
      if (round % MEASURES_PER_DESTINATION_REPORT > 0) continue;
      for (const { destinations } of this.#entries.values()) destinations.tell();
    }
  }
}

/** Each stream of a camera is an entry of its own. */
function keyOf({ camera, profile }: VideoCamera): string {
  return profile === 'main' ? camera : `${camera}/${profile}`;
}

/** Says of which stream of the camera it is. */
function ofStream<T extends StreamReport | MeasureReport>({ profile }: VideoCamera, report: T): T {
  return profile === 'main' ? report : { ...report, profile };
}

/** What a pull depends on. */
function pullOf({ destinations: _, delivery: _delivery, ...pull }: VideoCamera): string {
  return JSON.stringify(pull);
}
