import { asBeffroiError } from '../base/errors.ts';
import type { Service } from '../base/lifecycle.ts';
import { Pulse, type Working } from '../base/pulse.ts';
import type { StatusSnapshot } from '../contract/status.ts';
import { Arming } from './arming/arming.ts';
import type { Works } from './arming/windows.ts';
import { AlarmDecisions } from './decisions.ts';
import { counting } from './flood/counting.ts';
import { Flood } from './flood/flood.ts';
import { type PointNeeds, ROOM } from './keeping.ts';
import { type PlanNeeds, plansOf } from './plans.ts';
import type { Point } from './point.ts';
import { Points } from './points.ts';
import type { AlarmConfiguration, SourceFailurePoint } from './ports.ts';
import { SETTINGS } from './rules.ts';
import type { AlarmSource, SourceListener, SourcePlan } from './source.ts';
import { failurePointOf, SourceFault } from './source-fault.ts';

/** How often states that depend on time alone are looked at. Source: guess. */
const TICK_MS = 1_000;
/** How long a box waits for a configuration before it watches itself without one. Source: guess. */
const UNCONFIGURED_MS = 60_000;
/** Longer than any look at all points takes. Source: guess. */
const LONGEST_ROUND_MS = 10_000;

export type AlarmNeeds = PointNeeds & PlanNeeds;

interface Running {
  readonly depends: string;
  readonly points: readonly string[];
  readonly source: AlarmSource;
  readonly fault: SourceFault;
}

/** The alarm points of the configuration, and the sources that feed them. */
export class AlarmRoom implements Service, Working {
  readonly name = 'alarms';
  readonly decisions: AlarmDecisions;
  readonly #needs: AlarmNeeds;
  readonly #abort = new AbortController();
  readonly #pulse: Pulse;
  readonly #flood: Flood;
  readonly #arming: Arming;
  readonly #points: Points;
  readonly #sources = new Map<string, Running>();
  #settings = SETTINGS;
  #wake: () => void = () => undefined;
  #isConfigured = false;
  #bridging: Promise<void> = Promise.resolve();
  #ticking: Promise<void> = Promise.resolve();

  constructor(given: AlarmNeeds) {
    this.#flood = new Flood(given);
    const needs = { ...given, reporter: counting(given, this.#flood) };
    this.#needs = needs;
    this.#pulse = new Pulse(needs.clock, LONGEST_ROUND_MS);
    this.#arming = new Arming(needs);
    this.#points = new Points({ ...needs, arming: this.#arming });
    const settings = () => this.#settings;
    this.decisions = new AlarmDecisions({ ...needs, settings, points: this.#points, arming: this.#arming });
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#abort.abort(), { once: true, signal: this.#abort.signal });
    this.#ticking = this.#tick(this.#abort.signal);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#bridging;
    await Promise.all([...this.#sources.values()].map(({ source }) => source.stop()));
    await this.#ticking;
  }

  /** Watches these points and no others; a source whose entry and points are unchanged goes on undisturbed. */
  async apply(configuration: AlarmConfiguration): Promise<void> {
    this.#isConfigured = true;
    const plans = plansOf(this.#needs, configuration);
    await this.#stopSources(new Map(plans.map(({ id, depends }) => [id, depends])));
    this.#settings = configuration.alarms ?? SETTINGS;
    this.#flood.configure(this.#settings.flood);
    this.#arming.configure(this.#settings);
    this.#points.take([...configuration.points, ...this.#failurePoints(plans)], this.#settings);
    if (this.#abort.signal.aborted) return;
    for (const plan of plans) this.#startSource(plan);
  }

  /** Until there is a configuration: this one is taken when no other has come for a while. */
  bridge(configuration: AlarmConfiguration): void {
    const { clock } = this.#needs;
    const { signal } = this.#abort;
    const waited = clock.sleep(UNCONFIGURED_MS, signal).then(
      () => (this.#isConfigured ? undefined : this.apply(configuration)),
      () => undefined,
    );
    this.#bridging = waited.catch((thrown: unknown) => {
      const err = asBeffroiError(thrown);
      this.#needs.log.error({ err }, 'a box without a configuration cannot watch itself');
    });
  }

  /** Whether the points are no longer looked at. */
  get stuck(): boolean {
    return this.#pulse.late;
  }

  /** Windows that have begun in which cameras or the box are worked on. */
  works(): Works[] {
    return this.#arming.windows.works();
  }

  status(): StatusSnapshot['alarms'] {
    return this.#points.status();
  }

  async #tick(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#pulse.beat();
      for (const { fault, points } of this.#sources.values())
        this.#points.safely(() => {
          fault.evaluate();
          fault.crowded(points.filter((id) => this.#points.get(id)?.isCrowded));
        });
      this.#points.evaluate();
      this.#points.safely(() => this.#flood.evaluate());
      await this.#pause(signal);
    }
  }

  /** Until the next look, or until something is due earlier. */
  async #pause(signal: AbortSignal): Promise<void> {
    const { clock } = this.#needs;
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    const dueInMs = this.#points.nextMs() - clock.monotonicMs();
    const ms = Math.max(1, Math.min(TICK_MS, dueInMs));
    await clock.sleep(ms, AbortSignal.any([signal, woken.signal])).catch(() => undefined);
  }

  async #stopSources(wanted: ReadonlyMap<string, string>): Promise<void> {
    const old = [...this.#sources].filter(([id, { depends }]) => wanted.get(id) !== depends);
    for (const [id] of old) this.#sources.delete(id);
    await Promise.all(old.map(([, { source }]) => source.stop()));
  }

  /** Of the sources that have failed before; the others get theirs when they fail. */
  #failurePoints(plans: readonly SourcePlan[]): SourceFailurePoint[] {
    const points = plans.map(({ id }) => failurePointOf(id));
    return points.filter(({ id }) => this.#needs.store.memory.get(ROOM, id) !== undefined);
  }

  #startSource(plan: SourcePlan): void {
    if (this.#sources.has(plan.id)) return;
    const point = failurePointOf(plan.id);
    const fault = new SourceFault(this.#needs.clock, {
      find: () => this.#points.get(point.id),
      make: () => this.#points.get(point.id) ?? this.#points.add(point, this.#settings),
    });
    const source = plan.make(this.#listener(plan, fault));
    const points = plan.points.map(({ id }) => id);
    this.#sources.set(plan.id, { depends: plan.depends, points, source, fault });
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
      observed: (id, seen) => this.#observed(id, seen),
      isActive: (id) => this.#points.get(id)?.isActive ?? false,
      lost: (ids = all) => each(ids, (point) => point.lost()),
      confirmed: (ids = all) => each(ids, (point) => point.confirmed()),
      held: (ids, untilMs) => each(ids, (point) => point.held(untilMs)),
      failed: (error) => fault.failed(error),
      works: () => {
        fault.works();
        each(all, (point) => point.returned());
      },
    };
  }

  /** What settles soon is looked at in time. */
  #observed(id: string, seen: Parameters<SourceListener['observed']>[1]): boolean {
    const point = this.#points.get(id);
    if (!point) return false;
    const told = point.see(seen);
    if (point.dueMs !== undefined) this.#wake();
    return told;
  }
}
