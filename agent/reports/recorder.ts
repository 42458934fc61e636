import type { Clock, ClockTrust } from '../base/clock.ts';
import { localDate } from '../base/schedule.ts';
import type { OpenSpan, PlannedSpan, Timeline } from '../store/store.ts';
import { type EndedStretch, isSame, openSpanOf, type Stretch, spanOf, wallOf } from './pending.ts';
import type { BegunWindow, Figure, Observation } from './ports.ts';

/** The store is told at least this often up to when everything is known to last; more is lost by a kill. Source: guess. */
const KNOWN_INTERVAL_MS = 60_000;
/** A wall clock that moves further against the monotonic clock was set. Source: guess, above what a time service slews in a minute. */
const STEP_MS = 2_000;
/** What began longer ago than this before it was noticed is not believed. Source: guess. */
const NOTICED_MAX_MS = 600_000;
/** Ends that may wait for a clock that can be believed. Source: guess. */
const WAITING_MAX = 10_000;

export interface RecorderNeeds {
  readonly clock: Clock;
  readonly clockTrust: () => ClockTrust;
  readonly timeline: Timeline;
}

export interface Look {
  readonly seen: readonly Observation[];
  readonly windows: readonly BegunWindow[];
  readonly figures: readonly Figure[];
}

/**
 * Turns what is seen into spans. Times are taken from the monotonic clock and become wall times only while the wall clock
 * can be believed; what nobody saw is `unknown`: while the agent was off, stood still, or its clock was set.
 */
export class Recorder {
  readonly #needs: RecorderNeeds;
  readonly #blindMs: number;
  readonly #lasting = new Map<string, Stretch>();
  /** What an earlier start left open and was not seen again yet. */
  readonly #left = new Map<string, OpenSpan>();
  readonly #leftUntilMs: number;
  readonly #windows = new Map<string, BegunWindow>();
  #ended: EndedStretch[] = [];
  #changed = new Set<string>();
  #closed: Observation[] = [];
  #planned: PlannedSpan[] = [];
  #figures = new Map<string, number>();
  #lastLookMs: number | undefined;
  #writtenMs = Number.NEGATIVE_INFINITY;
  /** Wall time minus monotonic time, when it could last be believed. */
  #offsetMs: number | undefined;
  #knownMs: number;

  /** @param blindMs looks that lie further apart saw nothing in between */
  constructor(needs: RecorderNeeds, blindMs: number) {
    this.#needs = needs;
    this.#blindMs = blindMs;
    const { open, knownMs } = needs.timeline.left();
    this.#knownMs = knownMs;
    this.#leftUntilMs = knownMs;
    for (const span of open) this.#left.set(keyOf(span), span);
  }

  /** Up to when everything is known, wall time. */
  get knownMs(): number {
    return this.#knownMs;
  }

  /** Takes what is seen now, and writes what can be written. @param last nothing will be seen after this */
  look({ seen, windows, figures }: Look, last = false): void {
    const nowMs = this.#needs.clock.monotonicMs();
    const sinceMs = this.#lastLookMs;
    this.#lastLookMs = nowMs;
    this.#takeOffset(nowMs);
    if (sinceMs !== undefined && nowMs - sinceMs > this.#blindMs)
      this.#blind({ monotonicMs: sinceMs }, nowMs);
    const keys = new Set(seen.map(keyOf));
    for (const one of seen) this.#see(one, nowMs);
    for (const [key, { seen: was }] of this.#lasting) if (!keys.has(key)) this.#gone(was, nowMs);
    this.#plan(windows);
    for (const { subject, name, value } of figures) this.#raise(`${subject} ${name}`, value);
    if (last) this.#writtenMs = Number.NEGATIVE_INFINITY;
    if (this.#offsetMs !== undefined && this.#isTrusted()) this.#write(nowMs, this.#offsetMs);
  }

  /** The configuration holds these alone: what an earlier start left of others was taken away. */
  expect(subjects: ReadonlySet<string>): void {
    for (const [key, span] of this.#left) {
      if (subjects.has(span.subject) || span.state === 'absent') continue;
      this.#endLeft(key, span);
      this.#begin({ ...span, ...ABSENT }, { wallMs: this.#leftUntilMs });
    }
  }

  #isTrusted(): boolean {
    return this.#needs.clockTrust() !== 'untrusted';
  }

  /** A clock that was set leaves open how long the time was since it was last known. */
  #takeOffset(nowMs: number): void {
    if (!this.#isTrusted()) return;
    const offsetMs = this.#needs.clock.wallMs() - nowMs;
    const before = this.#offsetMs;
    this.#offsetMs = offsetMs;
    if (before === undefined || Math.abs(offsetMs - before) <= STEP_MS) return;
    this.#ended = [];
    this.#blind({ wallMs: this.#knownMs }, nowMs);
  }

  /** Nothing is known from then until now. */
  #blind(from: Stretch['from'], nowMs: number): void {
    for (const [key, stretch] of [...this.#lasting]) {
      this.#end(stretch, from);
      const unknown = { ...stretch.seen, ...UNKNOWN };
      if (stretch.seen.state !== 'absent')
        this.#end({ seen: unknown, from, noticedMs: -1 }, { monotonicMs: nowMs });
      this.#set(key, { ...stretch, from: { monotonicMs: nowMs }, noticedMs: -1 });
    }
  }

  #see(seen: Observation, nowMs: number): void {
    const key = keyOf(seen);
    const before = this.#lasting.get(key);
    if (before && isSame(before.seen, seen)) return;
    const left = this.#left.get(key);
    if (left) this.#endLeft(key, left);
    if (!before) this.#afterGap(seen, left, nowMs);
    else this.#follow(before, seen, nowMs);
  }

  /** From the last moment that the earlier start knew until now nobody looked; what was taken away then comes anew. */
  #afterGap(seen: Observation, left: OpenSpan | undefined, nowMs: number): void {
    if (left && left.state !== 'absent')
      this.#end(
        { seen: { ...seen, ...UNKNOWN }, from: { wallMs: this.#leftUntilMs }, noticedMs: -1 },
        { monotonicMs: nowMs },
      );
    this.#begin(seen, { monotonicMs: nowMs });
  }

  #follow(before: Stretch, seen: Observation, nowMs: number): void {
    const beganMs = before.seen.state === seen.state ? undefined : this.#beganMs(before, seen, nowMs);
    const from = { monotonicMs: beganMs ?? nowMs };
    this.#end(before, from);
    this.#begin(seen, from, beganMs === undefined ? -1 : nowMs - beganMs);
  }

  #beganMs({ from }: Stretch, { beganMs }: Observation, nowMs: number): number | undefined {
    if (beganMs === undefined || nowMs - beganMs > NOTICED_MAX_MS || beganMs > nowMs) return undefined;
    return 'monotonicMs' in from ? Math.max(beganMs, from.monotonicMs) : beganMs;
  }

  #gone(seen: Observation, nowMs: number): void {
    if (seen.state !== 'absent') this.#follow(this.#lastingOf(seen), { ...seen, ...ABSENT }, nowMs);
  }

  #lastingOf(seen: Observation): Stretch {
    return this.#lasting.get(keyOf(seen)) ?? { seen, from: { wallMs: this.#knownMs }, noticedMs: -1 };
  }

  #begin(seen: Observation, from: Stretch['from'], noticedMs = -1): void {
    const { beganMs: _, ...plain } = seen;
    this.#set(keyOf(seen), { seen: plain, from, noticedMs });
  }

  #set(key: string, stretch: Stretch): void {
    this.#lasting.set(key, stretch);
    this.#changed.add(key);
  }

  #end(stretch: Stretch, until: EndedStretch['until']): void {
    this.#ended.push({ ...stretch, until });
    if (this.#ended.length > WAITING_MAX) this.#ended.shift();
  }

  /** It lasted as long as the earlier start knew. */
  #endLeft(key: string, { fromMs, noticedMs, ...rest }: OpenSpan): void {
    this.#left.delete(key);
    const seen = rest as Observation;
    this.#closed.push(seen);
    const until = rest.state === 'absent' ? this.#needs.clock.monotonicMs() : undefined;
    this.#end(
      { seen, from: { wallMs: fromMs }, noticedMs },
      until === undefined ? { wallMs: this.#leftUntilMs } : { monotonicMs: until },
    );
  }

  /** A window stands in the timeline with its announced end as it begins, and with its real one when that is earlier. */
  #plan(windows: readonly BegunWindow[]): void {
    const ids = new Set(windows.map(({ id }) => id));
    for (const window of windows) {
      if (this.#windows.has(window.id)) continue;
      this.#windows.set(window.id, window);
      this.#planned.push(...spansOf(window, window.endMs));
    }
    for (const [id, window] of this.#windows) {
      if (ids.has(id)) continue;
      this.#windows.delete(id);
      const nowMs = this.#needs.clock.wallMs();
      if (nowMs > window.startMs && nowMs < window.endMs && this.#isTrusted())
        this.#planned.push(...spansOf(window, nowMs));
    }
  }

  #raise(key: string, value: number): void {
    this.#figures.set(key, Math.max(value, this.#figures.get(key) ?? value));
  }

  #write(nowMs: number, offsetMs: number): void {
    const isDue = nowMs - this.#writtenMs >= KNOWN_INTERVAL_MS;
    if (!isDue && this.#changed.size + this.#ended.length + this.#planned.length === 0) return;
    const knownMs = wallOf({ monotonicMs: nowMs }, offsetMs);
    const day = localDate(knownMs);
    this.#needs.timeline.write({
      ended: this.#ended.map((stretch) => spanOf(stretch, offsetMs)),
      open: this.#opened(offsetMs),
      closed: this.#closed,
      figures: [...this.#figures].map(([key, value]) => figureOf(key, day, value)),
      planned: this.#planned,
      knownMs,
    });
    this.#writtenMs = nowMs;
    this.#knownMs = knownMs;
    this.#ended = [];
    this.#closed = [];
    this.#planned = [];
    this.#figures = new Map();
    this.#changed = new Set();
  }

  /** What began has its wall time from now on. */
  #opened(offsetMs: number): OpenSpan[] {
    return [...this.#changed].flatMap((key) => {
      const stretch = this.#lasting.get(key);
      if (!stretch) return [];
      const span = openSpanOf(stretch, offsetMs);
      this.#lasting.set(key, { ...stretch, from: { wallMs: span.fromMs } });
      return [span];
    });
  }
}

const UNKNOWN = { state: 'unknown', cause: 'none', side: 'unknown', via: undefined } as const;
const ABSENT = { state: 'absent', cause: 'none', side: 'none', via: undefined } as const;

function keyOf({ subject, track }: { readonly subject: string; readonly track: string }): string {
  return `${subject} ${track}`;
}

function figureOf(key: string, day: string, value: number) {
  const [subject = '', name = ''] = key.split(' ');
  return { subject, day, name, value: Math.round(value) };
}

function spansOf({ id, subjects, startMs, by, why }: BegunWindow, untilMs: number): PlannedSpan[] {
  return subjects.map((subject) => ({ id, subject, fromMs: startMs, untilMs: Math.round(untilMs), by, why }));
}
