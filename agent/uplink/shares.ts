/** How the messages that may be without PUBACK are shared out. */
export interface Shares {
  /** Events on the wire, live and backlog together. */
  readonly events: number;
  /** Of those, the most that are backlog: a live event always finds a place. */
  readonly backlog: number;
  /** States on the wire: what the events leave. */
  readonly states: number;
}

/** Of a broker that limits nothing. Source: 100,000 events in a minute, and a broker that answers after 28 ms. */
const BACKLOG = 48;
/** The window of the client, where the broker allows it. */
const WHOLE = 64;

/**
 * Shares out a window. No message waits in the client behind others of a lower kind: what is in flight is what the broker
 * allows. Where it allows less than all, half of the events are kept free of backlog, since each place counts then.
 * @param inflight messages that may be without PUBACK, at least 1
 */
export function sharesOf(inflight: number): Shares {
  const states = Math.ceil(inflight / 8);
  const events = Math.max(1, inflight - states);
  const backlog = inflight >= WHOLE ? BACKLOG : Math.max(1, Math.floor(events / 2));
  return { events, backlog, states };
}
