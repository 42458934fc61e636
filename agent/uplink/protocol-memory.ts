import type { Clock } from '../base/clock.ts';
import type { Protocol } from './link.ts';

/** A broker that was updated meanwhile is asked for MQTT 5 again after this long. Source: guess. */
const REMEMBER_MS = 3600 * 1000;

/** Which brokers speak MQTT 3.1.1 only. */
export class ProtocolMemory {
  readonly #clock: Clock;
  readonly #oldUntilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(broker: string): Protocol {
    const untilMs = this.#oldUntilMs.get(broker) ?? Number.NEGATIVE_INFINITY;
    return this.#clock.monotonicMs() < untilMs ? 'mqtt311' : 'mqtt5';
  }

  onlyOld(broker: string): void {
    this.#oldUntilMs.set(broker, this.#clock.monotonicMs() + REMEMBER_MS);
  }

  forget(broker: string): void {
    this.#oldUntilMs.delete(broker);
  }
}
