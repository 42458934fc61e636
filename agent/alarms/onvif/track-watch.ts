import type { Clock } from '../../base/clock.ts';
import { asBeffroiError, type BeffroiError, DeviceError } from '../../base/errors.ts';
import { orAborted } from '../../base/limit.ts';
import type { OnvifEvent } from '../../camera/onvif/notification.ts';
import type { CameraPoint, CameraTrack } from '../ports.ts';
import { type Condition, conditionOf } from './condition.ts';
import type { NeededTopics } from './needed-topics.ts';
import { EVENT_KINDS, plainTopic } from './topics.ts';

/** How long a source that begins waits for the stream of its camera to play, and then for the states. Source: guess. */
const STREAM_WAIT_MS = 10_000;
const STATES_WAIT_MS = 5_000;
/** A standing subscription is given up for a track that has held for so long: longer than any track may be silent. */
const STEADY_MS = 60_000;
/** An event that is younger may not have come by the subscription yet. Source: guess. */
const RECENT_MS = 5_000;
/** Conditions of all points that are kept; from the camera. Source: guess. */
const MAX_CONDITIONS = 256;

export interface TrackWatchNeeds {
  readonly clock: Clock;
  readonly camera: string;
  readonly track: CameraTrack;
  readonly points: readonly CameraPoint[];
  readonly needed: NeededTopics;
  /** Takes each event of the track. @throws when it cannot be kept */
  readonly heard: (event: OnvifEvent) => void;
}

/**
 * Whether the metadata track of a camera can stand in for a subscription. That a track is there says little: it may carry
 * pictures' analysis alone, or some topics. It stands in once it has told the state of every point that has one, by each
 * topic of the point that the camera tells at all.
 */
export class TrackWatch {
  readonly #needs: TrackWatchNeeds;
  /** The last event of each condition that the track has told since it began. */
  readonly #told = new Map<string, { readonly event: OnvifEvent; readonly atMs: number }>();
  /** The topics by which it has told each point. */
  readonly #spoken = new Map<string, Set<string>>();
  #beganMs: number | undefined;
  #fault: BeffroiError | undefined;
  #wake = Promise.withResolvers<void>();
  #unlisten: () => void = () => undefined;

  constructor(needs: TrackWatchNeeds) {
    this.#needs = needs;
  }

  start(): void {
    const listener = { changed: () => this.#changed(), heard: (event: OnvifEvent) => this.#heard(event) };
    this.#unlisten = this.#needs.track.listen(listener);
    this.#changed();
  }

  stop(): void {
    this.#unlisten();
  }

  /** Whether there is, or may soon be, a track to read. */
  get isExpected(): boolean {
    return ['awaited', 'read'].includes(this.#needs.track.state);
  }

  /** Whether it stands in now. */
  get suffices(): boolean {
    const { track, points } = this.#needs;
    if (track.state !== 'read' || this.#fault || this.#told.size === 0) return false;
    return points.every((point) => EVENT_KINDS[point.kind].happening || this.#speaksFor(point));
  }

  #speaksFor(point: CameraPoint): boolean {
    const spoken = this.#spoken.get(point.id);
    const needed = this.#needs.needed.of(point);
    return spoken !== undefined && (needed?.every((topic) => spoken.has(topic)) ?? false);
  }

  /** Whether the track may still stand in soon, and how long that is worth waiting for. */
  #waitMs(sinceMs: number): number {
    const { clock, track } = this.#needs;
    if (this.#fault || this.suffices) return 0;
    if (track.state === 'awaited') return sinceMs + STREAM_WAIT_MS - clock.monotonicMs();
    if (track.state !== 'read') return 0;
    return (this.#beganMs ?? 0) + STATES_WAIT_MS - clock.monotonicMs();
  }

  /** Resolves when the track plays and does not tell every state, or the signal aborts. @returns the signal */
  async began(signal: AbortSignal): Promise<AbortSignal> {
    while (!signal.aborted && (this.#needs.track.state !== 'read' || this.suffices))
      await this.#change(undefined, signal);
    return signal;
  }

  /** Waits while the track may still stand in. @returns whether it does */
  async settle(signal: AbortSignal): Promise<boolean> {
    const sinceMs = this.#needs.clock.monotonicMs();
    for (let ms = this.#waitMs(sinceMs); ms > 0 && !signal.aborted; ms = this.#waitMs(sinceMs))
      await this.#change(ms, signal);
    return this.suffices;
  }

  /** Resolves after `ms`, or when the track stands in, or the signal aborts. */
  async pause(ms: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#needs;
    const untilMs = clock.monotonicMs() + ms;
    for (
      let leftMs = ms;
      leftMs > 0 && !this.suffices && !signal.aborted;
      leftMs = untilMs - clock.monotonicMs()
    )
      await this.#change(leftMs, signal);
  }

  /** Resolves when the track has stood in for long, or the signal aborts. */
  async steady(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const heldMs = this.#needs.clock.monotonicMs() - (this.#beganMs ?? 0);
      if (this.suffices && heldMs >= STEADY_MS) return;
      await this.#change(this.suffices ? STEADY_MS - heldMs : undefined, signal);
    }
  }

  /** Resolves when the signal aborts. @throws BeffroiError when the track no longer stands in */
  async hold(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!this.suffices) throw this.#fault ?? this.#lost();
      await this.#change(undefined, signal);
    }
  }

  /** What the track has told, for whoever has listened elsewhere until now. */
  *standing(): Iterable<OnvifEvent> {
    const recentMs = this.#needs.clock.monotonicMs() - RECENT_MS;
    const { points } = this.#needs;
    for (const { event, atMs } of this.#told.values()) {
      const happening = points.some(
        (point) => EVENT_KINDS[point.kind].happening && conditionOf(point, event),
      );
      if (!happening || atMs >= recentMs) yield event;
    }
  }

  #changed(): void {
    this.#told.clear();
    this.#spoken.clear();
    this.#fault = undefined;
    this.#beganMs = this.#needs.clock.monotonicMs();
    this.#turn();
  }

  #heard(event: OnvifEvent): void {
    try {
      this.#needs.heard(event);
      this.#note(event);
    } catch (thrown) {
      this.#fault = asBeffroiError(thrown);
    }
    this.#turn();
  }

  #note(event: OnvifEvent): void {
    for (const point of this.#needs.points) {
      const condition = conditionOf(point, event);
      if (condition) this.#noteOf(point, condition, event);
    }
    if (this.#told.size > MAX_CONDITIONS) this.#fault = this.#lost(`more than ${MAX_CONDITIONS} conditions`);
  }

  /** What the camera has deleted does not stand any more. */
  #noteOf(point: CameraPoint, { key, active }: Condition, event: OnvifEvent): void {
    const condition = `${point.id} ${key}`;
    if (active === undefined) {
      this.#told.delete(condition);
      return;
    }
    this.#spokenOf(point).add(plainTopic(event.topic));
    this.#told.set(condition, { event, atMs: this.#needs.clock.monotonicMs() });
  }

  #spokenOf({ id }: CameraPoint): Set<string> {
    const topics = this.#spoken.get(id) ?? new Set();
    this.#spoken.set(id, topics);
    return topics;
  }

  #lost(why = 'the track has ended, or can no longer be relied on'): DeviceError {
    const message = `${this.#needs.camera}: expected events by the metadata track: ${why}`;
    return new DeviceError('camera-metadata-lost', message);
  }

  #turn(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }

  /** Resolves when something has changed, or after `ms`, or when the signal aborts. */
  async #change(ms: number | undefined, signal: AbortSignal): Promise<void> {
    const done = new AbortController();
    const timer = ms === undefined ? [] : [this.#needs.clock.sleep(ms, done.signal)];
    const changed = Promise.race([this.#wake.promise, ...timer]);
    await orAborted(changed, signal).catch(() => undefined);
    done.abort();
  }
}
