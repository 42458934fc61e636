import type { Clock } from '../../agent/base/clock.ts';
import { type Fields, MESSAGES, type MessageKey } from '../../agent/contract/messages.ts';
import type { Reporter } from '../../agent/contract/reporter.ts';

export interface Report {
  readonly kind: 'state' | 'clear' | 'measure' | 'event';
  readonly key: MessageKey;
  readonly entity: string;
  readonly fields: Record<string, unknown>;
  readonly wallMs: number;
}

/** What the rooms tell, kept in order; every message is held against its schema. */
export class Recorder implements Reporter {
  readonly reports: Report[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  state<K extends MessageKey>(key: K, entity: string, fields: Fields<K>): void {
    this.#keep('state', key, entity, fields);
  }

  clearState(key: MessageKey, entity: string): void {
    this.reports.push({ kind: 'clear', key, entity, fields: {}, wallMs: this.#clock.wallMs() });
  }

  measure<K extends MessageKey>(key: K, entity: string, fields: Fields<K>): void {
    this.#keep('measure', key, entity, fields);
  }

  event<K extends MessageKey>(key: K, entity: string, fields: Omit<Fields<K>, 'id'>): void {
    this.#keep('event', key, entity, { id: 'given-by-the-uplink', ...fields });
  }

  of(kind: Report['kind'], key: MessageKey, entity?: string): Report[] {
    return this.reports.filter(
      (report) =>
        report.kind === kind && report.key === key && (entity === undefined || report.entity === entity),
    );
  }

  /** The last state that was told. */
  last(key: MessageKey, entity: string): Record<string, unknown> {
    return this.of('state', key, entity).at(-1)?.fields ?? {};
  }

  #keep(kind: Report['kind'], key: MessageKey, entity: string, fields: object): void {
    const wallMs = this.#clock.wallMs();
    const envelope = { v: 1, site: '57463-mairie', ts: wallMs, clock: 'synced', boot: 1, seq: 1 };
    MESSAGES[key].schema.parse({ ...envelope, ...fields });
    this.reports.push({ kind, key, entity, fields: { ...fields }, wallMs });
  }
}
