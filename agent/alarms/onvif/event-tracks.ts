import { setImmediate as nextTurn } from 'node:timers/promises';
import type { OnvifEvent } from '../../camera/onvif/notification.ts';
import type { CameraTrack, TrackListener, TrackState } from '../ports.ts';

/** Events of one track that wait; beyond them the track can no longer be relied on. Source: guess; twice what a camera may tell at once. */
const MAX_WAITING = 2_000;

/** The metadata tracks of the streams that are pulled, as the video process tells of them. */
export class EventTracks {
  readonly #tracks = new Map<string, Track>();
  #expected: ReadonlySet<string> = new Set();

  /** The streams of these cameras are pulled with their metadata, and of no others. */
  expect(cameras: ReadonlySet<string>): void {
    for (const camera of this.#expected) if (!cameras.has(camera)) this.#of(camera).become('absent');
    for (const camera of cameras) if (!this.#expected.has(camera)) this.#of(camera).become('awaited');
    this.#expected = cameras;
  }

  of(camera: string): CameraTrack {
    return this.#of(camera);
  }

  state(camera: string, state: TrackState): void {
    this.#of(camera).become(state);
  }

  events(camera: string, events: readonly OnvifEvent[]): void {
    this.#of(camera).events(events);
  }

  /** The video process is away. */
  lost(): void {
    for (const camera of this.#expected) this.#of(camera).become('lost');
  }

  #of(camera: string): Track {
    const track = this.#tracks.get(camera) ?? new Track();
    this.#tracks.set(camera, track);
    return track;
  }
}

/** What is said of a track passes in order, an event in each turn: each may wait for the disk, and others go on in between. */
class Track implements CameraTrack {
  state: TrackState = 'absent';
  readonly #listeners = new Set<TrackListener>();
  #waiting: (OnvifEvent | TrackState)[] = [];
  #isPassing = false;

  listen(listener: TrackListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Also when it is so already: a stream that begins anew begins everything anew. */
  become(state: TrackState): void {
    this.#waiting.push(state);
    if (!this.#isPassing) void this.#pass();
  }

  events(events: readonly OnvifEvent[]): void {
    const room = MAX_WAITING - this.#waiting.length;
    this.#waiting.push(...events.slice(0, Math.max(0, room)));
    if (events.length > room && this.#waiting.at(-1) !== 'lost') this.#waiting.push('lost');
    if (!this.#isPassing) void this.#pass();
  }

  async #pass(): Promise<void> {
    this.#isPassing = true;
    for (let said = this.#waiting.shift(); said !== undefined; said = this.#waiting.shift()) {
      if (typeof said === 'string') this.#change(said);
      else await this.#tell(said);
    }
    this.#isPassing = false;
  }

  #change(state: TrackState): void {
    this.state = state;
    for (const { changed } of this.#listeners) changed();
  }

  async #tell(event: OnvifEvent): Promise<void> {
    for (const { heard } of this.#listeners) heard(event);
    await nextTurn();
  }
}
