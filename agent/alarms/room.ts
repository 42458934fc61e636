import type { Service } from '../base/lifecycle.ts';
import type { StatusSnapshot } from '../contract/status.ts';
import { type PlanNeeds, plansOf } from './plans.ts';
import { eventOf, Point, type PointNeeds, ROOM } from './point.ts';
import type { AlarmConfiguration, AlarmPoint } from './ports.ts';
import { parseRecord } from './record.ts';
import type { AlarmSource, SourceListener, SourcePlan } from './source.ts';
import { SourceFault, toldSources } from './source-fault.ts';

/** How often states that depend on time alone are looked at. Source: guess. */
const TICK_MS = 1_000;

export type AlarmNeeds = PointNeeds & PlanNeeds;

interface Running {
  readonly depends: string;
  readonly source: AlarmSource;
  readonly fault: SourceFault;
}

/** The alarm points of the configuration, and the sources that feed them. */
export class AlarmRoom implements Service {
  readonly name = 'alarms';
  readonly #needs: AlarmNeeds;
  readonly #abort = new AbortController();
  readonly #points = new Map<string, Point>();
  readonly #sources = new Map<string, Running>();
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
   * Watches these points and no others; a source whose entry and points are unchanged goes on undisturbed.
   * The alarm of a point that is removed while raised is cleared, so that none stays open at the CSU for ever.
   */
  async apply(configuration: AlarmConfiguration): Promise<void> {
    const { points } = configuration;
    const plans = plansOf(this.#needs, configuration);
    await this.#stopSources(new Map(plans.map(({ id, depends }) => [id, depends])));
    this.#forgetSources(new Set(plans.map(({ id }) => id)));
    this.#takePoints(points);
    if (this.#abort.signal.aborted) return;
    for (const plan of plans) this.#startSource(plan);
  }

  status(): StatusSnapshot['alarms'] {
    return [...this.#points.values()].map((point) => point.status());
  }

  async #tick(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const point of this.#points.values()) point.evaluate();
      for (const { fault } of this.#sources.values()) fault.evaluate();
      await this.#needs.clock.sleep(TICK_MS, signal).catch(() => undefined);
    }
  }

  async #stopSources(wanted: ReadonlyMap<string, string>): Promise<void> {
    const old = [...this.#sources].filter(([id, { depends }]) => wanted.get(id) !== depends);
    for (const [id] of old) this.#sources.delete(id);
    await Promise.all(old.map(([, { source }]) => source.stop()));
  }

  #forgetSources(wanted: ReadonlySet<string>): void {
    const gone = toldSources(this.#needs.store).filter((id) => !wanted.has(id));
    for (const id of gone) new SourceFault(this.#needs, id).removed();
  }

  #takePoints(points: readonly AlarmPoint[]): void {
    const ids = new Set(points.map((point) => point.id));
    const known = this.#needs.store.memory.entries(ROOM).map(([id]) => id);
    for (const id of known) if (!ids.has(id)) this.#remove(id);
    for (const point of points) this.#put(point);
    this.#needs.store.transaction(() => {
      for (const point of this.#points.values()) point.start();
    });
  }

  #startSource(plan: SourcePlan): void {
    if (this.#sources.has(plan.id)) return;
    const fault = new SourceFault(this.#needs, plan.id);
    const source = plan.make(this.#listener(plan, fault));
    this.#sources.set(plan.id, { depends: plan.depends, source, fault });
    source.start();
  }

  #listener(plan: SourcePlan, fault: SourceFault): SourceListener {
    const all = plan.points.map(({ id }) => id);
    const each = (ids: readonly string[], act: (point: Point) => void) => {
      for (const id of ids) {
        const point = this.#points.get(id);
        if (point) act(point);
      }
    };
    return {
      observed: (id, seen) => this.#points.get(id)?.see(seen) ?? false,
      lost: (ids = all) => each(ids, (point) => point.lost()),
      confirmed: (ids = all) => each(ids, (point) => point.confirmed()),
      failed: (error) => fault.failed(error),
      works: () => fault.works(),
    };
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
