import { isDeepStrictEqual } from 'node:util';
import { UplinkError } from '../base/errors.ts';
import { scrubUrls } from '../base/text.ts';
import type { VideoDestination, VideoToAgent } from '../contract/video-link.ts';
import type { Backbone, Paused, Place } from './backbone/backbone.ts';
import type { Gap, PausableDestination, Reached } from './destination.ts';
import type { Feed } from './feed.ts';
import type { Meter } from './meter.ts';
import type { Moment } from './moment.ts';
import type { OutletEvents } from './outlet.ts';

/** Makes a destination of the agent's list. */
export type MakeDestination = (
  camera: string,
  destination: VideoDestination,
  events: OutletEvents,
) => PausableDestination;

export interface CameraDestinationsNeeds {
  readonly feed: Feed;
  readonly meter: Meter;
  readonly make: MakeDestination;
  readonly backbone: Pick<Backbone, 'join'>;
  readonly report: (message: VideoToAgent) => void;
  /** How long the machine had run at monotonic time zero of this process, ms. */
  readonly machineOriginMs: number;
}

const MAX_DETAIL_CHARS = 500;

/** The destinations of one camera that stand in the agent's list. One that is unchanged notices nothing. */
export class CameraDestinations {
  readonly #needs: CameraDestinationsNeeds;
  readonly #camera: string;
  readonly #known = new Map<string, VideoDestination>();
  readonly #places = new Map<string, Place>();
  readonly #sent = new Map<string, { bytes: number; frames: number }>();

  constructor(needs: CameraDestinationsNeeds, camera: string) {
    this.#needs = needs;
    this.#camera = camera;
  }

  /** The whole list; who comes begins before who goes ends. Resolves when those that left have ended. */
  async apply(list: readonly VideoDestination[]): Promise<void> {
    const wanted = new Map(list.map((one) => [one.id, one]));
    const gone = [...this.#known.values()].filter((one) => !isDeepStrictEqual(one, wanted.get(one.id)));
    for (const one of list) if (!this.#known.has(one.id)) this.#add(one);
    const ended = gone.map(({ id }) => this.#remove(id));
    for (const one of list) if (!this.#known.has(one.id)) this.#add(one);
    await Promise.all(ended);
  }

  /** Handed over since the camera is there: bytes to all destinations, pictures to the one that got most. */
  get sent(): { readonly bytes: number; readonly frames: number } {
    const all = [...this.#sent.values()];
    const bytes = all.reduce((sum, one) => sum + one.bytes, 0);
    return { bytes, frames: Math.max(0, ...all.map(({ frames }) => frames)) };
  }

  /** Tells the agent of each. */
  tell(): void {
    for (const { id } of this.#known.values()) this.#tell(id);
  }

  /** Tells the agent what each of them has. */
  tellReached(): void {
    for (const { id } of this.#known.values()) {
      const reached = this.#needs.feed.destination(id)?.status().reached;
      if (reached)
        this.#needs.report({
          type: 'reached',
          camera: this.#camera,
          destination: id,
          ...this.#times(reached),
        });
    }
  }

  #times({ from, until, seen }: Reached) {
    const upMs = ({ monotonicMs }: Moment) => wholeMs(this.#needs.machineOriginMs + monotonicMs);
    return {
      ...{ fromWallMs: wholeMs(from.wallMs), fromUpMs: upMs(from) },
      ...{ untilWallMs: wholeMs(until.wallMs), untilUpMs: upMs(until), seenUpMs: upMs(seen) },
    };
  }

  #add(wanted: VideoDestination): void {
    const { id, kind } = wanted;
    const { feed, make, backbone } = this.#needs;
    const place = backbone.join({
      camera: this.#camera,
      destination: id,
      kind,
      pause: (paused) => pause(paused),
    });
    const destination = make(this.#camera, wanted, this.#events(id, place));
    const pause = (paused: Paused | undefined) =>
      paused ? destination.pause(new UplinkError('backbone-budget', paused.detail)) : destination.resume();
    this.#known.set(id, wanted);
    this.#places.set(id, place);
    feed.attach(destination);
    this.#tell(id);
  }

  async #remove(id: string): Promise<void> {
    this.#known.delete(id);
    this.#places.get(id)?.leave();
    this.#places.delete(id);
    await this.#needs.feed.detach(id);
  }

  #events(id: string, place: Place): OutletEvents {
    const { meter } = this.#needs;
    return {
      offered: (bytes) => place.offered(bytes),
      sent: ({ bytes, frames }) => this.#count(id, bytes, frames),
      unsent: ({ bytes, frames }) => this.#count(id, -bytes, -frames),
      dropped: (frames) => meter.dropped(frames),
      gap: (gap) => this.#gap(id, gap),
      changed: () => this.#tell(id),
    };
  }

  #count(id: string, bytes: number, frames: number): void {
    this.#needs.meter.forwarded(bytes);
    const before = this.#sent.get(id) ?? { bytes: 0, frames: 0 };
    this.#sent.set(id, { bytes: before.bytes + bytes, frames: before.frames + frames });
  }

  #tell(id: string): void {
    const destination = this.#needs.feed.destination(id);
    const known = this.#known.get(id);
    if (!destination || !known) return;
    const { lastError, sinceWallMs, reached: _, ...status } = destination.status();
    this.#needs.report({
      type: 'destination',
      ...{ camera: this.#camera, destination: id, kind: known.kind },
      ...status,
      sinceWallMs: wholeMs(sinceWallMs),
      ...(lastError ? { code: lastError.code } : {}),
      detail: scrubUrls(lastError?.detail ?? '').slice(0, MAX_DETAIL_CHARS),
    });
  }

  #gap(id: string, { fromWallMs, untilWallMs, frames, cause }: Gap): void {
    this.#needs.report({
      type: 'gap',
      ...{ camera: this.#camera, destination: id, frames, code: cause },
      fromWallMs: wholeMs(fromWallMs),
      untilWallMs: wholeMs(untilWallMs),
    });
  }
}

/** The link carries whole numbers. */
function wholeMs(wallMs: number): number {
  return Math.max(0, Math.round(wallMs));
}
