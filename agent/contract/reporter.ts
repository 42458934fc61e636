import type { Fields, MESSAGES, MessageKey } from './messages.ts';

type KeysOf<C extends string> = {
  [K in MessageKey]: (typeof MESSAGES)[K]['class'] extends C ? K : never;
}[MessageKey];

export type StateKey = KeysOf<'state'>;
export type MeasureKey = KeysOf<'meas'>;
export type EventKey = KeysOf<'event' | 'report'>;

/**
 * How a room speaks to the CSU. The uplink fits it; rooms know no MQTT.
 * `entity` is `collector`, a camera id or a point id.
 */
export interface Reporter {
  /** Retained state: the last one wins, sent now or as soon as the link is up; unchanged fields are not sent again. */
  state<K extends StateKey>(key: K, entity: string, fields: Fields<K>): void;
  /** Clears a retained state for good, also when the link is down now. */
  clearState(key: StateKey, entity: string): void;
  /** Fire and forget; dropped while the link is down. */
  measure<K extends MeasureKey>(key: K, entity: string, fields: Fields<K>): void;
  /**
   * On disk when this returns (see the store for what happens when the disk refuses); sent in order.
   * @param reader the last level of the topic, of a message that is for one reader
   */
  event<K extends EventKey>(key: K, entity: string, fields: Omit<Fields<K>, 'id'>, reader?: string): void;
}
