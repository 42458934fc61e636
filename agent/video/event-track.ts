import { asBeffroiError, type BeffroiError, DeviceError, PeerProtocolError } from '../base/errors.ts';
import { scrubUrls } from '../base/text.ts';
import { EventPace } from '../camera/onvif/event-pace.ts';
import { readMetadata } from '../camera/onvif/metadata.ts';
import type { OnvifEvent } from '../camera/onvif/notification.ts';
import type { MetadataHandlers } from '../camera/rtsp/metadata-track.ts';
import type { VideoToAgent } from '../contract/video-link.ts';
import { MAX_EVENT_BYTES, MAX_EVENTS } from '../contract/video-link-limits.ts';

type TrackReport = Extract<VideoToAgent, { type: 'event-track' }>;

/** Documents that wait to be read. Source: guess; each is read before the next packet comes, as a rule. */
const MAX_WAITING = 64;

/** The events that the stream of one camera carries beside its pictures, told to the agent as they come. */
export class EventTrack implements MetadataHandlers {
  readonly #camera: string;
  readonly #report: (message: VideoToAgent) => void;
  #standing: TrackReport | undefined;
  /** A camera that cut the stream when it was asked for the track is not asked again. */
  #asking = false;
  #unwelcome = false;
  #waiting = 0;
  readonly #pace = new EventPace();
  readonly #monotonicMs: () => number;
  #reading: Promise<void> = Promise.resolve();

  constructor(camera: string, report: (message: VideoToAgent) => void, monotonicMs: () => number) {
    this.#camera = camera;
    this.#monotonicMs = monotonicMs;
    this.#report = report;
  }

  /** Undefined where the track is not to be asked for. */
  get handlers(): MetadataHandlers | undefined {
    return this.#unwelcome ? undefined : this;
  }

  /** What an agent that comes back must know. */
  get standing(): TrackReport | undefined {
    return this.#standing;
  }

  asked(): void {
    this.#asking = true;
  }

  begins(readable: boolean): void {
    this.#asking = false;
    this.#tell({ state: readable ? 'read' : 'absent' });
  }

  document(text: string): void {
    if (!text.includes('NotificationMessage')) return;
    if (this.#waiting >= MAX_WAITING) {
      this.doubtful(this.#lost(`more than ${MAX_WAITING} documents wait`));
      return;
    }
    this.#waiting += 1;
    this.#reading = this.#reading.then(() => this.#read(text));
  }

  doubtful(error: BeffroiError): void {
    const { code, message } = error;
    if (this.#standing?.state !== 'lost')
      this.#tell({ state: 'lost', code, detail: scrubUrls(message).slice(0, 500) });
  }

  /** The stream has ended, or could not be had. */
  streamEnds(error: BeffroiError): void {
    if (this.#asking) this.#unwelcome = true;
    this.#asking = false;
    this.doubtful(error);
  }

  async #read(text: string): Promise<void> {
    try {
      const events = await readMetadata(text, this.#camera);
      if (this.#pace.take(events.length, 0, this.#monotonicMs()) > 0)
        throw this.#lost('more events than any camera has');
      for (const portion of portions(events))
        this.#report({ type: 'camera-events', camera: this.#camera, events: portion });
    } catch (thrown) {
      this.doubtful(this.#lost(asBeffroiError(thrown).message));
    } finally {
      this.#waiting -= 1;
    }
  }

  #lost(why: string): DeviceError {
    return new DeviceError('camera-metadata-lost', `${this.#camera}: the metadata track: ${why}`);
  }

  #tell(said: Pick<TrackReport, 'state' | 'code' | 'detail'>): void {
    this.#standing = { type: 'event-track', camera: this.#camera, ...said };
    this.#report(this.#standing);
  }
}

/** In messages of a bounded size. @throws PeerProtocolError when one event alone is above the bound */
function* portions(events: readonly OnvifEvent[]): Generator<OnvifEvent[]> {
  for (const event of events) {
    const bytes = Buffer.byteLength(JSON.stringify(event));
    if (bytes > MAX_EVENT_BYTES)
      throw new PeerProtocolError(
        'camera-too-large',
        `expected an event of at most ${MAX_EVENT_BYTES} bytes, came ${bytes}`,
      );
  }
  for (let from = 0; from < events.length; from += MAX_EVENTS) yield events.slice(from, from + MAX_EVENTS);
}
