import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Log } from '../base/log.ts';
import { mediaTopic } from '../contract/topics.ts';
import type { VideoCamera, VideoToAgent } from '../contract/video-link.ts';
import { CameraStream, type CameraStreamNeeds, type PullStream } from './camera-stream.ts';
import { Forwarder, type MediaPublisher } from './forwarder.ts';
import { MediaClock } from './media-clock.ts';
import { Meter } from './meter.ts';

const MEASURE_INTERVAL_MS = 1_000;

export interface VideoEngineNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly pull: PullStream;
  readonly permits: CameraStreamNeeds['permits'];
  readonly publisher: MediaPublisher;
  /** Tells the agent, when it is there. */
  readonly report: (message: VideoToAgent) => void;
}

export interface VideoEngineOptions {
  readonly site: string;
  /** Media time at monotonic time zero of this process, ms. */
  readonly mediaOriginMs: number;
}

/** One camera of the list, with what outlives its pulls. */
interface Entry {
  readonly camera: VideoCamera;
  readonly stream: CameraStream;
  readonly meter: Meter;
  readonly forwarder: Forwarder;
  readonly stopping: AbortController;
}

/** Pulls the cameras of the agent's list. An unchanged camera goes on; a changed one alone begins anew. */
export class VideoEngine implements Service {
  readonly name = 'video engine';
  readonly #needs: VideoEngineNeeds;
  readonly #options: VideoEngineOptions;
  readonly #entries = new Map<string, Entry>();
  /** Ends of the pulls before, which the next pull of the same camera waits for. */
  readonly #ended = new Map<string, Promise<void>>();
  readonly #mediaClocks = new Map<string, MediaClock>();
  readonly #stopping = new AbortController();
  #measuring: Promise<void> | undefined;
  #measured = true;

  constructor(needs: VideoEngineNeeds, options: VideoEngineOptions) {
    this.#needs = needs;
    this.#options = options;
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    this.#measuring = this.#measure(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const { stopping } of this.#entries.values()) stopping.abort();
    await Promise.all([...this.#ended.values(), this.#measuring]);
  }

  /** The whole list. */
  setCameras(cameras: readonly VideoCamera[]): void {
    const wanted = new Map(cameras.map((camera) => [camera.camera, camera]));
    for (const [id, entry] of this.#entries) {
      const camera = wanted.get(id);
      if (!camera) this.#remove(id, entry);
      else if (JSON.stringify(camera) !== JSON.stringify(entry.camera)) this.#begin(camera);
    }
    for (const camera of cameras) if (!this.#entries.has(camera.camera)) this.#begin(camera);
  }

  /** Pulls one camera anew; nothing when it is not of the list. */
  restart(camera: string): void {
    const entry = this.#entries.get(camera);
    if (entry) this.#begin(entry.camera);
  }

  /** The broker connection was lost, with whatever it had taken last: subscribers go on at the next key frames. */
  linkLost(): void {
    for (const { forwarder } of this.#entries.values()) forwarder.waitForKey();
  }

  /** Whether the streams were measured since this was asked last. */
  progressing(): boolean {
    const progressed = this.#measured;
    this.#measured = false;
    return progressed;
  }

  /** The last report of each stream. */
  *standing(): Iterable<VideoToAgent> {
    for (const { stream } of this.#entries.values()) yield stream.standing;
  }

  #remove(id: string, entry: Entry): void {
    this.#entries.delete(id);
    entry.stopping.abort();
  }

  /** Starts a camera, after the pull before has ended. */
  #begin(camera: VideoCamera): void {
    if (this.#stopping.signal.aborted) return;
    const before = this.#entries.get(camera.camera);
    before?.stopping.abort();
    const stopping = new AbortController();
    const meter = before?.meter ?? new Meter(this.#needs.clock.monotonicMs());
    const topic = mediaTopic(this.#options.site, camera.camera);
    const forwarder = new Forwarder(this.#needs.publisher, topic, meter);
    const stream = this.#stream(camera, meter, forwarder);
    this.#entries.set(camera.camera, { camera, stream, meter, forwarder, stopping });
    this.#ended.set(camera.camera, this.#run(stream, this.#ended.get(camera.camera), stopping.signal));
  }

  async #run(stream: CameraStream, before: Promise<void> | undefined, signal: AbortSignal): Promise<void> {
    await before;
    await stream.run(signal).catch((err: unknown) => {
      this.#needs.log.error(
        { err, camera: stream.standing.camera },
        'stream of a camera ended by a fault of ours',
      );
    });
  }

  #stream(camera: VideoCamera, meter: Meter, forwarder: Forwarder): CameraStream {
    const { clock, log, random, pull, permits, report } = this.#needs;
    const mediaClock = this.#mediaClock(camera.camera);
    return new CameraStream(
      { clock, log, random, pull, permits, forwarder, meter, mediaClock, report },
      camera,
    );
  }

  /** Kept for the life of the process: what subscribers keep goes on, also for a camera that comes back. */
  #mediaClock(camera: string): MediaClock {
    const known = this.#mediaClocks.get(camera) ?? new MediaClock(this.#options.mediaOriginMs);
    this.#mediaClocks.set(camera, known);
    return known;
  }

  async #measure(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#needs.clock.sleep(MEASURE_INTERVAL_MS, signal).catch(() => undefined);
      const nowMs = this.#needs.clock.monotonicMs();
      this.#measured = true;
      for (const [id, { meter }] of this.#entries) this.#needs.report(meter.take(id, nowMs));
    }
  }
}
