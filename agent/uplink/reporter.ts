import { randomUUIDv7 } from 'node:crypto';
import type { InternalError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { outboxClassOf } from '../contract/delivery.ts';
import type { Envelope } from '../contract/envelope.ts';
import { type Fields, MESSAGES, type MessageKey } from '../contract/messages.ts';
import type { EventKey, MeasureKey, Reporter, StateKey } from '../contract/reporter.ts';
import type { Outbox } from '../store/store.ts';
import type { BrokerClient } from './client.ts';
import type { RetainedInventory } from './inventory.ts';
import { encode, topicOf } from './messages.ts';
import type { Stamp } from './stamp.ts';
import type { RetainedStates } from './states.ts';
import type { UntrustedTimes } from './untrusted-times.ts';

export interface MqttReporterNeeds {
  readonly log: Log;
  readonly stamp: Stamp;
  readonly client: BrokerClient;
  readonly states: RetainedStates;
  readonly inventory: RetainedInventory;
  readonly outbox: Outbox;
  readonly times: UntrustedTimes;
}

/** What the rooms say, made into messages of the contract. */
export class MqttReporter implements Reporter {
  readonly #needs: MqttReporterNeeds;

  constructor(needs: MqttReporterNeeds) {
    this.#needs = needs;
  }

  state<K extends StateKey>(key: K, entity: string, fields: Fields<K>): void {
    const { stamp, states } = this.#needs;
    const topic = topicOf(stamp.site, key, entity);
    const plain = JSON.stringify(fields);
    if (!states.isNew(topic, plain)) return;
    const { payload, fault } = encode(key, stamp.envelope(), fields);
    if (fault) this.#mistake(key, entity, fault);
    else states.set(topic, { fields: plain, payload });
  }

  clearState(key: StateKey, entity: string): void {
    this.#needs.states.clear(topicOf(this.#needs.stamp.site, key, entity));
  }

  /**
   * Clears every retained topic of the inventory, of this and of earlier starts, that belongs to another site or
   * entity than these or that this version does not write. To be called after a configuration has been applied.
   * @param entities camera and point ids of the configuration; `collector` stays in any case
   */
  retire(entities: Iterable<string>): void {
    const { states, inventory, stamp } = this.#needs;
    const kept = new Set(['collector', ...entities]);
    for (const topic of inventory.strangers(stamp.site, kept)) states.clear(topic);
  }

  measure<K extends MeasureKey>(key: K, entity: string, fields: Fields<K>): void {
    const { stamp, client } = this.#needs;
    if (!client.connected) return;
    const { payload, fault } = encode(key, stamp.envelope(), fields);
    if (fault) this.#mistake(key, entity, fault);
    else client.publishNow(topicOf(stamp.site, key, entity), Buffer.from(payload));
  }

  /** An event that breaks its schema goes out all the same: a wrong field is better than a lost alarm. */
  event<K extends EventKey>(key: K, entity: string, fields: Omit<Fields<K>, 'id'>, reader?: string): void {
    const { stamp, outbox } = this.#needs;
    const topic = topicOf(stamp.site, key, entity, reader);
    outbox.append((seq) => {
      const id = randomUUIDv7();
      const { payload, fault } = encode(key, this.#envelope(seq), { id, ...fields });
      if (fault) this.#mistake(key, entity, fault);
      // The CSU signs receipts for what it reads; what is for another reader leaves on the PUBACK.
      const receipted = reader === undefined ? id : '';
      const story = MESSAGES[key].entity === 'point' ? { story: entity } : {};
      return { topic, payload, id: receipted, class: outboxClassOf(MESSAGES[key].name, fields), ...story };
    });
  }

  /** Corrects the times of events that were written with an untrusted clock, once it is good again. */
  corrections(): void {
    const { stamp, times } = this.#needs;
    if (stamp.clockTrust === 'untrusted') return;
    times.settle(stamp.now, (correction) => this.event('timeCorrection', 'collector', correction));
  }

  /** Makes an event of each line of the loss ledger that waits to be told. */
  losses(): void {
    const { stamp, outbox } = this.#needs;
    const topic = topicOf(stamp.site, 'loss', 'collector');
    outbox.tellLosses((seq, { class: of, reason, firstSeq, lastSeq, count }) => {
      const id = randomUUIDv7();
      const fields = { id, lost_class: of, reason, first_seq: firstSeq, last_seq: lastSeq, lost: count };
      const { payload, fault } = encode('loss', this.#envelope(seq), fields);
      if (fault) this.#mistake('loss', 'collector', fault);
      return { topic, payload, id, class: outboxClassOf('loss', {}) };
    });
  }

  /** The envelope of an event, whose time can be corrected later. */
  #envelope(seq: number): Envelope {
    const envelope = this.#needs.stamp.envelope(seq);
    this.#needs.times.note(envelope);
    return envelope;
  }

  #mistake(key: MessageKey, entity: string, err: InternalError): void {
    this.#needs.log.error({ err, message: key, entity }, 'message of our own breaks the contract');
  }
}
