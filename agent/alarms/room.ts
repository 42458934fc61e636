import type { Service } from '../base/lifecycle.ts';
import type { OnvifEvent } from '../camera/onvif/notification.ts';
import type { StatusSnapshot } from '../contract/status.ts';
import { conditionOf } from './condition.ts';
import { eventOf, Point, type PointNeeds, ROOM } from './point.ts';
import type { AlarmCamera, AlarmPoint } from './ports.ts';
import { parseRecord } from './record.ts';
import { Source, type SourceNeeds } from './source.ts';

/** How often states that depend on time alone are looked at. Source: guess. */
const TICK_MS = 1_000;

export type AlarmNeeds = PointNeeds & SourceNeeds;

/** The alarm points of the configuration, and the subscriptions that feed them. */
export class AlarmRoom implements Service {
  readonly name = 'alarms';
  readonly #needs: AlarmNeeds;
  readonly #abort = new AbortController();
  readonly #points = new Map<string, Point>();
  readonly #sources = new Map<string, { readonly entry: string; readonly source: Source }>();
  #ticking: Promise<void> = Promise.resolve();

  constructor(needs: AlarmNeeds) {
    this.#needs = needs;
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#abort.abort(), { once: true, signal: this.#abort.signal });
    this.#ticking = this.#tick(this.#abort.signal);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all([...this.#sources.values()].map(({ source }) => source.stop()));
    await this.#ticking;
  }

  /**
   * Watches these points and no others; a camera whose entry and points are unchanged keeps its subscription.
   * The alarm of a point that is removed while raised is cleared, so that none stays open at the CSU for ever.
   */
  async apply(points: readonly AlarmPoint[], cameras: readonly AlarmCamera[]): Promise<void> {
    const ids = new Set(points.map((point) => point.id));
    const known = this.#needs.store.memory.entries(ROOM).map(([id]) => id);
    const wanted = this.#wantedSources(points, cameras);
    await this.#stopSources(wanted);
    for (const id of known) if (!ids.has(id)) this.#remove(id);
    for (const point of points) this.#put(point);
    this.#needs.store.transaction(() => {
      for (const point of this.#points.values()) point.start();
    });
    if (this.#abort.signal.aborted) return;
    for (const [camera, entry] of wanted) this.#startSource(camera, entry);
  }

  status(): StatusSnapshot['alarms'] {
    return [...this.#points.values()].map((point) => point.status());
  }

  async #tick(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const point of this.#points.values()) point.evaluate();
      await this.#needs.clock.sleep(TICK_MS, signal).catch(() => undefined);
    }
  }

  /** Cameras to listen to, each with everything that a subscription depends on. */
  #wantedSources(points: readonly AlarmPoint[], cameras: readonly AlarmCamera[]): Map<string, string> {
    const wanted = new Map<string, string>();
    for (const camera of cameras) {
      const own = points.filter((point) => point.camera === camera.id);
      const rules = own.map(({ id, kind, input, inverted }) => [id, kind, input, inverted]);
      if (own.length > 0 && camera.onvif?.events) wanted.set(camera.id, JSON.stringify([camera, rules]));
    }
    return wanted;
  }

  async #stopSources(wanted: ReadonlyMap<string, string>): Promise<void> {
    const old = [...this.#sources].filter(([camera, { entry }]) => wanted.get(camera) !== entry);
    for (const [camera] of old) this.#sources.delete(camera);
    await Promise.all(old.map(([, { source }]) => source.stop()));
  }

  #startSource(camera: string, entry: string): void {
    if (this.#sources.has(camera)) return;
    const source = new Source(this.#needs, camera, {
      onEvent: (event) => this.#onEvent(camera, event),
      onLost: () => this.#onLost(camera),
    });
    this.#sources.set(camera, { entry, source });
    source.start();
  }

  #onLost(camera: string): void {
    for (const point of this.#pointsOf(camera)) point.lost();
  }

  #onEvent(camera: string, event: OnvifEvent): void {
    const condition = conditionOf(event);
    if (!condition) return;
    for (const point of this.#pointsOf(camera)) point.see(condition, event.utcTimeMs);
  }

  #pointsOf(camera: string): Point[] {
    return [...this.#points.values()].filter((point) => point.camera === camera);
  }

  #put(point: AlarmPoint): void {
    const known = this.#points.get(point.id);
    if (known) known.change(point);
    else this.#points.set(point.id, new Point(this.#needs, point));
  }

  #remove(id: string): void {
    const { store, reporter } = this.#needs;
    const record = parseRecord(store.memory.get(ROOM, id) ?? '');
    store.transaction(() => {
      store.memory.delete(ROOM, id);
      if (record?.truth === 'raised') reporter.event('alarm', id, eventOf(id, record, 'cleared', undefined));
    });
    this.#points.delete(id);
    reporter.clearState('alarmCurrent', id);
  }
}
