import type { Clock } from '../../base/clock.ts';
import { outboxClassOf } from '../../contract/delivery.ts';
import { MESSAGES } from '../../contract/messages.ts';
import type { EventKey, Reporter } from '../../contract/reporter.ts';
import type { Store } from '../../store/store.ts';
import type { Flood } from './flood.ts';

export interface CountingNeeds {
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly store: Pick<Store, 'transaction' | 'outbox'>;
}

/** What an operator has to look at. */
const COUNTED: readonly EventKey[] = ['alarm', 'activity', 'panelSignal'];

/** The reporter of the room: everything that it tells of alarms is counted, in the transaction in which it is told. */
export function counting({ clock, reporter, store }: CountingNeeds, flood: Flood): Reporter {
  return {
    state: (key, entity, fields) => reporter.state(key, entity, fields),
    clearState: (key, entity) => reporter.clearState(key, entity),
    measure: (key, entity, fields) => reporter.measure(key, entity, fields),
    event: (key, entity, fields, reader) => {
      if (!COUNTED.includes(key)) {
        reporter.event(key, entity, fields, reader);
        return;
      }
      store.transaction(() => {
        reporter.event(key, entity, fields, reader);
        flood.count({
          seq: store.outbox.last,
          atMs: Math.max(0, Math.round(clock.wallMs())),
          class: outboxClassOf(MESSAGES[key].name, fields),
          kind: 'kind' in fields ? String(fields.kind) : 'panel-signal',
        });
      });
    },
  };
}
