import type { Clock } from '../base/clock.ts';
import { OrderRefusedError } from '../base/errors.ts';
import type { Decision } from './life/life.ts';
import type { Point } from './point.ts';
import type { Points } from './points.ts';
import type { AlarmSettings } from './ports.ts';

const HOUR_MS = 3_600_000;

/** What signed orders do to alarms. Every answer is for the operator. */
export class AlarmDecisions {
  readonly #points: Points;
  readonly #clock: Clock;
  readonly #settings: () => AlarmSettings;

  constructor(points: Points, clock: Clock, settings: () => AlarmSettings) {
    this.#points = points;
    this.#clock = clock;
    this.#settings = settings;
  }

  /** Whether there is an alarm of this id that is not closed. */
  knowsAlarm(alarm: string): boolean {
    return this.#points.ofAlarm(alarm) !== undefined;
  }

  knowsPoint(point: string): boolean {
    return this.#points.get(point) !== undefined;
  }

  acknowledge(alarm: string, decision: Decision): string {
    const done = this.#points.ofAlarm(alarm)?.acknowledge(decision);
    return done ? `${alarm} is acknowledged` : `${alarm} was acknowledged before`;
  }

  close(alarm: string, decision: Decision): string {
    this.#points.ofAlarm(alarm)?.close(decision);
    return `${alarm} is closed`;
  }

  /** @throws OrderRefusedError `order-out-of-bounds` */
  shelve(point: string, untilMs: number, decision: Decision): string {
    const { shelveMaxH } = this.#settings();
    const forMs = untilMs - this.#clock.wallMs();
    if (forMs <= 0 || forMs > shelveMaxH * HOUR_MS) {
      const came = new Date(untilMs).toISOString();
      throw new OrderRefusedError(
        'order-out-of-bounds',
        `expected an end from now and within ${shelveMaxH} h, came ${came}`,
      );
    }
    this.#point(point).shelve(untilMs, decision);
    return `${point} is shelved until ${new Date(untilMs).toISOString()}`;
  }

  unshelve(point: string, decision: Decision): string {
    const done = this.#point(point).unshelve(decision);
    return done ? `${point} is no longer shelved` : `${point} was not shelved`;
  }

  #point(id: string): Point {
    const point = this.#points.get(id);
    if (!point) throw new OrderRefusedError('order-unknown-target', `${id} is no point of the configuration`);
    return point;
  }
}
