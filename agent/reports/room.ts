import { setImmediate as turn } from 'node:timers/promises';
import { daysIn, daysOfMonth, isDay, monthBefore, type Period } from '../base/days.ts';
import { asError, OrderRefusedError } from '../base/errors.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Log } from '../base/log.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { Memory, Register } from '../store/store.ts';
import { factsOnDisk, forgetFacts, keepFacts, keepTargets } from './facts.ts';
import { lineFields, siteFieldsOf } from './messages.ts';
import type { Facts, Targets } from './ports.ts';
import { type Look, Recorder, type RecorderNeeds } from './recorder.ts';
import { composing, type Report, stretchOf } from './report.ts';

/** How often everything is looked at: a change is known to this. Source: guess. */
const LOOK_MS = 1_000;
/** Looks that lie so many times further apart saw nothing in between. Source: guess. */
const BLIND_LOOKS = 10;
const DAY_MS = 86_400_000;
/** Reports go back so far, thirteen months; what is older is forgotten. */
const KEPT_MS = 400 * DAY_MS;
/** How often the old is looked for, and how long a clock must have been believed before it may be forgotten by it. Source: guess. */
const FORGET_INTERVAL_MS = 3_600_000;
/** So long after its end a month is complete: what was noticed later is in it. Source: guess. */
const AFTER_MONTH_MS = 600_000;
/** After a monthly report that could not be made. Source: guess. */
const MONTH_RETRY_MS = 60_000;

const ROOM = 'report-published';
const LAST_MONTH = 'month';

export interface ReportNeeds extends RecorderNeeds {
  readonly site: string;
  readonly log: Log;
  readonly memory: Memory;
  readonly transaction: <T>(work: () => T) => T;
  readonly register: Pick<Register, 'append'>;
  readonly reporter: Pick<Reporter, 'event'>;
  /** How everything is now. */
  readonly look: () => Look;
}

export interface ReportSettings {
  readonly monthly: boolean;
  readonly targets: Targets;
}

/** Keeps how available everything is, and reports on it: after each month, and on order. */
export class ReportRoom implements Service {
  readonly name = 'reports';
  readonly #needs: ReportNeeds;
  readonly #recorder: Recorder;
  readonly #lookMs: number;
  readonly #abort = new AbortController();
  #monthly = false;
  #trustedSinceMs: number | undefined;
  #forgottenMs = 0;
  #monthNotBeforeMs = 0;
  #looking: Promise<void> = Promise.resolve();
  /** The last of those that are put together, one after the other. */
  #composed: Promise<unknown> = Promise.resolve();
  #monthlyRuns = false;

  /** @param lookMs how often everything is looked at */
  constructor(needs: ReportNeeds, lookMs = LOOK_MS) {
    this.#needs = needs;
    this.#lookMs = lookMs;
    this.#recorder = new Recorder(needs, BLIND_LOOKS * lookMs);
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#abort.abort(), { once: true, signal: this.#abort.signal });
    this.#looking = this.#keepLooking(this.#abort.signal);
  }

  /** What is known up to now is kept. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#looking;
    await this.#composed;
    this.#safely(() => this.#recorder.look(this.#needs.look(), true));
  }

  /** Takes what is configured. Call it when everything that is looked at knows it. */
  apply(facts: readonly Facts[], { monthly, targets }: ReportSettings): void {
    this.#monthly = monthly;
    keepFacts(this.#needs.memory, facts);
    keepTargets(this.#needs.memory, targets);
    this.#recorder.expect(new Set(facts.map(({ id }) => id)));
  }

  /**
   * @param signal after which nothing of it is sent
   * @returns what came of it, for the operator
   * @throws OrderRefusedError `order-out-of-bounds`; the reason of the signal
   */
  async publish(period: Period, signal: AbortSignal): Promise<string> {
    const { clock } = this.#needs;
    const days = isDay(period.from) && isDay(period.to) ? daysIn(period).length : 0;
    const { fromMs, untilMs } = stretchOf(period);
    const isPast = fromMs < clock.wallMs() && untilMs > clock.wallMs() - KEPT_MS;
    if (days < 1 || days > KEPT_MS / DAY_MS || !isPast)
      throw new OrderRefusedError(
        'order-out-of-bounds',
        `expected a first and a last day within the last 400, came ${period.from} to ${period.to}`,
      );
    const report = await this.#compose(period, AbortSignal.any([this.#abort.signal, signal]));
    this.#needs.transaction(() => this.#send(report));
    return `report on ${period.from} to ${period.to}: ${report.lines.length} elements${report.complete ? '' : ', the period is not over'}`;
  }

  async #compose(period: Period, signal: AbortSignal): Promise<Report> {
    const composed = this.#composed.then(() => this.#composeNow(period, signal));
    this.#composed = composed.catch(() => undefined);
    return await composed;
  }

  /** Alarms go out and cameras are looked at between two subjects. */
  async #composeNow(period: Period, signal: AbortSignal): Promise<Report> {
    signal.throwIfAborted();
    const { site, clock, timeline, memory } = this.#needs;
    const { fromMs, untilMs } = stretchOf(period);
    this.#recorder.look(this.#needs.look(), true);
    const { facts, targets } = factsOnDisk((room) => memory.entries(room));
    const outline = timeline.outline(fromMs, untilMs);
    const of = (subject: string) => timeline.of(subject, fromMs, untilMs);
    const steps = composing({ site, period, nowMs: clock.wallMs(), outline, of, facts, targets });
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      await turn();
      signal.throwIfAborted();
    }
  }

  #send(report: Report): void {
    const { reporter, register } = this.#needs;
    const site = siteFieldsOf(report);
    if (site) reporter.event('siteAvailability', 'collector', site);
    for (const line of report.lines) {
      if (line.kind === 'camera')
        reporter.event('cameraAvailability', line.subject, lineFields(report, line));
      if (line.kind === 'segment')
        reporter.event('segmentAvailability', line.subject, lineFields(report, line));
    }
    const { from, to } = report.period;
    register.append({
      ...{ action: 'report.published', who: 'box', subject: `${from} ${to}`, result: 'done' },
      detail: `connected cameras: ${site?.connected_hash ?? 'none'}`,
    });
  }

  async #keepLooking(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#safely(() => this.#round());
      await this.#needs.clock.sleep(this.#lookMs, signal).catch(() => undefined);
    }
  }

  #round(): void {
    this.#recorder.look(this.#needs.look());
    if (this.#needs.clockTrust() === 'untrusted') {
      this.#trustedSinceMs = undefined;
      return;
    }
    const nowMs = this.#needs.clock.monotonicMs();
    this.#trustedSinceMs ??= nowMs;
    if (this.#monthly && !this.#monthlyRuns && nowMs >= this.#monthNotBeforeMs) this.#beginMonth();
    if (nowMs - Math.max(this.#trustedSinceMs, this.#forgottenMs) >= FORGET_INTERVAL_MS) this.#forget(nowMs);
  }

  /** Once, also when the box was off at its end; a box that is new in the month after it does not report on it. */
  #beginMonth(): void {
    const { clock, memory } = this.#needs;
    const month = monthBefore(clock.wallMs() - AFTER_MONTH_MS);
    const last = memory.get(ROOM, LAST_MONTH);
    if (last === month) return;
    if (last === undefined || last > month) memory.set(ROOM, LAST_MONTH, month);
    else this.#publishMonth(month);
  }

  #publishMonth(month: string): void {
    const { transaction, memory, log, clock } = this.#needs;
    this.#monthlyRuns = true;
    const send = (report: Report) => {
      this.#send(report);
      memory.set(ROOM, LAST_MONTH, month);
    };
    this.#compose(daysOfMonth(month), this.#abort.signal)
      .then((report) => transaction(() => send(report)))
      .then(() => log.info({ month }, 'report published'))
      .catch((thrown: unknown) => {
        this.#monthNotBeforeMs = clock.monotonicMs() + MONTH_RETRY_MS;
        this.#failed(thrown);
      })
      .finally(() => {
        this.#monthlyRuns = false;
      });
  }

  #forget(nowMs: number): void {
    this.#forgottenMs = nowMs;
    const { timeline, memory, clock } = this.#needs;
    timeline.forget(clock.wallMs() - KEPT_MS);
    forgetFacts(memory, new Set(timeline.outline(0, 0).subjects));
  }

  #safely(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  #failed(thrown: unknown): void {
    if (!this.#abort.signal.aborted)
      this.#needs.log.error({ err: asError(thrown) }, 'availability could not be kept');
  }
}
