import type { OnvifEvent } from '../../camera/onvif/notification.ts';
import type { CameraTrack, TrackListener, TrackState } from '../ports.ts';

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
    for (const event of events) this.#of(camera).event(event);
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

class Track implements CameraTrack {
  state: TrackState = 'absent';
  readonly #listeners = new Set<TrackListener>();

  listen(listener: TrackListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Also when it is so already: a stream that begins anew begins everything anew. */
  become(state: TrackState): void {
    this.state = state;
    for (const { changed } of this.#listeners) changed();
  }

  event(event: OnvifEvent): void {
    for (const { heard } of this.#listeners) heard(event);
  }
}
