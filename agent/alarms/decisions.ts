import { type Clock, LAST_DATE_MS } from '../base/clock.ts';
import { OrderRefusedError } from '../base/errors.ts';
import type { AlarmOrder } from '../contract/orders.ts';
import type { Memory } from '../store/store.ts';
import { isApplied } from './applied.ts';
import type { Arming } from './arming/arming.ts';
import { ANNOUNCED_MAX } from './arming/windows.ts';
import type { Decision } from './life/life.ts';
import type { Point } from './point.ts';
import type { Points } from './points.ts';
import type { AlarmSettings } from './ports.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Longest maintenance window, and how far ahead it may be announced. Source: guess. */
const WINDOW_MAX_DAYS = 31;
const AHEAD_MAX_DAYS = 366;
/** Points that an answer names, so that it stays readable. */
const NAMED_MAX = 10;

export interface DecisionNeeds {
  readonly clock: Clock;
  readonly store: { readonly memory: Memory };
  readonly points: Points;
  readonly arming: Arming;
  readonly settings: () => AlarmSettings;
}

/** A maintenance window as an order announces it. */
export interface AnnouncedWindow {
  /** Unique id of the order. */
  readonly id: string;
  readonly points: readonly string[];
  readonly cameras?: readonly string[] | undefined;
  readonly box?: boolean | undefined;
  /** Wall time, Unix ms. */
  readonly startMs: number;
  readonly endMs: number;
}

/** What signed orders do to alarms. Every answer is for the operator. */
export class AlarmDecisions {
  readonly #needs: DecisionNeeds;

  constructor(needs: DecisionNeeds) {
    this.#needs = needs;
  }

  /** Whether there is an alarm of this id that is not closed. */
  knowsAlarm(alarm: string): boolean {
    return this.#needs.points.ofAlarm(alarm) !== undefined;
  }

  knowsPoint(point: string): boolean {
    return this.#needs.points.get(point) !== undefined;
  }

  /** Whether there is a window of this id that an order announced and that is not over. */
  knowsWindow(window: string): boolean {
    return this.#needs.arming.windows.isAnnounced(window);
  }

  /** Whether what an order of an earlier start asked for is so; to be asked before points are applied. */
  isApplied(order: AlarmOrder, signer: string): boolean {
    const { store, arming } = this.#needs;
    return isApplied({ memory: store.memory, windows: arming.windows }, order, signer);
  }

  acknowledge(alarm: string, decision: Decision): string {
    const done = this.#needs.points.ofAlarm(alarm)?.acknowledge(decision);
    return done ? `${alarm} is acknowledged` : `${alarm} was acknowledged before`;
  }

  close(alarm: string, decision: Decision): string {
    this.#needs.points.ofAlarm(alarm)?.close(decision);
    return `${alarm} is closed`;
  }

  /** @throws OrderRefusedError `order-out-of-bounds`, `order-unknown-target` */
  shelve(point: string, untilMs: number, decision: Decision): string {
    const { shelveMaxH } = this.#needs.settings();
    const forMs = untilMs - this.#needs.clock.wallMs();
    if (forMs <= 0 || forMs > shelveMaxH * HOUR_MS)
      throw outOfBounds(`an end from now and within ${shelveMaxH} h`, timeText(untilMs));
    this.#point(point).shelve(untilMs, decision);
    return `${point} is shelved until ${timeText(untilMs)}`;
  }

  /** @throws OrderRefusedError `order-unknown-target` */
  unshelve(point: string, decision: Decision): string {
    const done = this.#point(point).unshelve(decision);
    return done ? `${point} is no longer shelved` : `${point} was not shelved`;
  }

  /** @throws OrderRefusedError `order-out-of-bounds` */
  announce(window: AnnouncedWindow, decision: Decision): string {
    const { arming, clock } = this.#needs;
    checkWindow(window, clock.wallMs());
    if (arming.windows.announced >= ANNOUNCED_MAX)
      throw outOfBounds(`fewer than ${ANNOUNCED_MAX} announced windows`, `${arming.windows.announced}`);
    arming.windows.announce({ ...window, ...decision, effect: 'maintenance' }, clock.wallMs());
    this.#needs.points.evaluate();
    const told = `window ${window.id} is announced from ${timeText(window.startMs)} to ${timeText(window.endMs)}`;
    return `${told}${this.#stillArmed(window.points)}`;
  }

  cancel(window: string, decision: Decision): string {
    this.#needs.arming.windows.cancel(window, decision);
    this.#needs.points.evaluate();
    return `window ${window} is cancelled`;
  }

  /** Who works on them must know that these raise alarms all the same. */
  #stillArmed(points: readonly string[]): string {
    const armed = points.filter((id) => this.#needs.points.get(id)?.staysArmed);
    if (armed.length === 0) return '';
    const named = armed.slice(0, NAMED_MAX).join(', ');
    const more = armed.length > NAMED_MAX ? ` and ${armed.length - NAMED_MAX} more` : '';
    return `; not silenced, because lives depend on them: ${named}${more}`;
  }

  #point(id: string): Point {
    const point = this.#needs.points.get(id);
    if (!point) throw new OrderRefusedError('order-unknown-target', `${id} is no point of the configuration`);
    return point;
  }
}

function checkWindow({ startMs, endMs }: AnnouncedWindow, wallMs: number): void {
  const came = `${timeText(startMs)} to ${timeText(endMs)}`;
  if (endMs <= startMs || endMs <= wallMs) throw outOfBounds('an end after the begin and after now', came);
  if (endMs - startMs > WINDOW_MAX_DAYS * DAY_MS) throw outOfBounds(`${WINDOW_MAX_DAYS} days at most`, came);
  if (startMs > wallMs + AHEAD_MAX_DAYS * DAY_MS)
    throw outOfBounds(`a begin within ${AHEAD_MAX_DAYS} days`, came);
}

function outOfBounds(expected: string, came: string): OrderRefusedError {
  return new OrderRefusedError('order-out-of-bounds', `expected ${expected}, came ${came}`);
}

/** A date that no calendar holds is told as its number. */
function timeText(ms: number): string {
  return Math.abs(ms) <= LAST_DATE_MS ? new Date(ms).toISOString() : String(ms);
}
