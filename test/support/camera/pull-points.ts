import { xmlText } from './soap.ts';
import { dateTime } from './xml-time.ts';

type Items = Readonly<Record<string, string>>;
type PropertyOperation = 'Initialized' | 'Changed';

/** A property of the device that events report. @see ONVIF Core §9.4.2 */
export interface Property {
  readonly topic: string;
  readonly source: Items;
  readonly data: Items;
}

interface Waiter {
  readonly limit: number;
  readonly answer: (messages: string[]) => void;
  readonly timer: NodeJS.Timeout;
}

interface PullPoint {
  readonly id: string;
  readonly topics: readonly string[];
  readonly lifetimeMs: number;
  queue: string[];
  endsMonotonicMs: number;
  waiter: Waiter | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** Oldest messages of a pull point that nobody pulls are lost above this. */
const MAX_QUEUE = 100;

/** Subscriptions and what waits in them. */
export class PullPoints {
  readonly #wallMs: () => number;
  readonly #properties = new Map<string, Property>();
  readonly #points = new Map<string, PullPoint>();
  #made = 0;

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs;
  }

  get count(): number {
    return this.#points.size;
  }

  has(id: string): boolean {
    return this.#points.has(id);
  }

  /** States a property; those subscribed hear of it when it is new or differs. */
  set(property: Property): void {
    const key = JSON.stringify([property.topic, property.source]);
    const before = this.#properties.get(key);
    this.#properties.set(key, property);
    if (!before) this.#publish(property, 'Initialized');
    else if (JSON.stringify(before.data) !== JSON.stringify(property.data))
      this.#publish(property, 'Changed');
  }

  /** Says that something happened which has no state. */
  happen(event: Property): void {
    this.#publish(event, undefined);
  }

  /**
   * A new pull point; the state of every property waits in it.
   * @param filter topic expression of the ConcreteSet dialect, or undefined for all
   */
  subscribe(filter: string | undefined, lifetimeMs: number): string {
    this.#made += 1;
    const id = `${this.#made}`;
    const topics = filter === undefined ? [] : filter.split('|').map((topic) => topic.trim());
    const endsMonotonicMs = performance.now() + lifetimeMs;
    const point: PullPoint = {
      id,
      topics,
      lifetimeMs,
      queue: [],
      endsMonotonicMs,
      waiter: undefined,
      timer: undefined,
    };
    this.#points.set(id, point);
    this.#watch(point);
    this.synchronize(id);
    return id;
  }

  /** Queues the state of every property again. @see ONVIF Core §9.5 */
  synchronize(id: string): void {
    const point = this.#points.get(id);
    if (!point) return;
    for (const property of this.#properties.values()) this.#deliver(point, property, 'Initialized');
  }

  /** The camera's wall time at which the subscription ends. */
  endsAtWallMs(id: string): number {
    const point = this.#points.get(id);
    return this.#wallMs() + (point ? point.endsMonotonicMs - performance.now() : 0);
  }

  renew(id: string, lifetimeMs: number): void {
    const point = this.#points.get(id);
    if (!point) return;
    point.endsMonotonicMs = performance.now() + lifetimeMs;
    this.#watch(point);
  }

  /** Whether somebody waits in `pull` already. */
  isPulled(id: string): boolean {
    return this.#points.get(id)?.waiter !== undefined;
  }

  /**
   * Resolves with at most `limit` messages: as soon as there is one, or none after the time-out or the end.
   * Keeps the pull point for its lifetime from now, and for another time-out from the end of the wait.
   * Whoever gives up by the signal leaves the messages where they are.
   */
  async pull(id: string, limit: number, timeoutMs: number, signal: AbortSignal): Promise<string[]> {
    const point = this.#points.get(id);
    if (!point) return [];
    this.#keep(point, Math.max(point.lifetimeMs, timeoutMs));
    const messages =
      point.queue.length > 0 ? point.queue.splice(0, limit) : this.#wait(point, limit, timeoutMs, signal);
    const answer = await messages;
    if (this.has(id)) this.#keep(point, timeoutMs);
    return answer;
  }

  #keep(point: PullPoint, atLeastMs: number): void {
    this.renew(point.id, Math.max(point.endsMonotonicMs - performance.now(), atLeastMs));
  }

  #wait(point: PullPoint, limit: number, timeoutMs: number, signal: AbortSignal): Promise<string[]> {
    return new Promise((answer) => {
      const timer = setTimeout(() => this.#release(point), timeoutMs).unref();
      point.waiter = { limit, answer, timer };
      signal.addEventListener('abort', () => this.#giveUp(point, answer), { once: true });
    });
  }

  unsubscribe(id: string): void {
    const point = this.#points.get(id);
    if (!point) return;
    this.#points.delete(id);
    clearTimeout(point.timer);
    this.#release(point);
  }

  /** Ends every subscription, as a restart of the camera does. */
  clear(): void {
    for (const id of [...this.#points.keys()]) this.unsubscribe(id);
  }

  #publish(property: Property, operation: PropertyOperation | undefined): void {
    for (const point of this.#points.values()) this.#deliver(point, property, operation);
  }

  #deliver(point: PullPoint, property: Property, operation: PropertyOperation | undefined): void {
    if (point.topics.length > 0 && !point.topics.some((topic) => matches(topic, property.topic))) return;
    point.queue.push(notification(property, operation, this.#wallMs()));
    if (point.queue.length > MAX_QUEUE) point.queue.shift();
    this.#release(point);
  }

  #release(point: PullPoint): void {
    const { waiter } = point;
    if (!waiter) return;
    point.waiter = undefined;
    clearTimeout(waiter.timer);
    waiter.answer(point.queue.splice(0, waiter.limit));
  }

  #giveUp(point: PullPoint, answer: Waiter['answer']): void {
    if (point.waiter?.answer !== answer) return;
    clearTimeout(point.waiter.timer);
    point.waiter = undefined;
    answer([]);
  }

  #watch(point: PullPoint): void {
    clearTimeout(point.timer);
    const waitMs = Math.min(Math.max(0, point.endsMonotonicMs - performance.now()), 2 ** 31 - 1);
    point.timer = setTimeout(() => this.unsubscribe(point.id), waitMs).unref();
  }
}

/** `a/b` is that topic, `a/b//.` it and all below. @see ONVIF Core §9.6.3 */
function matches(expression: string, topic: string): boolean {
  if (!expression.endsWith('//.')) return expression === topic;
  const root = expression.slice(0, -3);
  return topic === root || topic.startsWith(`${root}/`);
}

function notification(property: Property, operation: PropertyOperation | undefined, wallMs: number): string {
  const dialect = 'http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet';
  return (
    `<wsnt:NotificationMessage><wsnt:Topic Dialect="${dialect}">${property.topic}</wsnt:Topic>` +
    `<wsnt:Message><tt:Message UtcTime="${dateTime(wallMs)}"${operation ? ` PropertyOperation="${operation}"` : ''}>` +
    `<tt:Source>${simpleItems(property.source)}</tt:Source><tt:Data>${simpleItems(property.data)}</tt:Data>` +
    `</tt:Message></wsnt:Message></wsnt:NotificationMessage>`
  );
}

function simpleItems(items: Items): string {
  return Object.entries(items)
    .map(([name, value]) => `<tt:SimpleItem Name="${name}" Value="${xmlText(value)}"/>`)
    .join('');
}
