import type { Clock } from '../../base/clock.ts';
import { asBeffroiError, type BeffroiError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { RepeatedFault } from '../../base/repeated.ts';
import { type Backoff, type RetryPolicy, retryLoop } from '../../base/retry.ts';
import type { Reporter } from '../../contract/reporter.ts';
import type {
  AlarmConfiguration,
  AlarmPoint,
  ConnectedObject,
  ObjectBroker,
  ObjectBrokers,
  ObjectHandler,
  ObjectPoint,
} from '../ports.ts';
import { ruleOf } from '../record.ts';
import type { AlarmSource, SourceListener, SourcePlan } from '../source.ts';
import { type Leave, OwnConnections, type OwnConnectionsNeeds } from './own-connections.ts';
import { WatchedObject } from './watched-object.ts';

export interface ObjectSourceNeeds {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly reporter: Reporter;
  readonly objectBrokers: ObjectBrokers;
}

/** The brokers that have objects: an object without points is measured all the same. */
export function brokerPlans(
  needs: ObjectSourceNeeds,
  { localBrokers = [], objects = [], points }: AlarmConfiguration,
): SourcePlan[] {
  return localBrokers.flatMap((broker) => {
    const own = objects.filter((object) => object.broker === broker.id);
    if (own.length === 0) return [];
    const ids = new Set(own.map(({ id }) => id));
    const fed = points.filter(isObjectPoint).filter(({ object }) => ids.has(object));
    const rules = fed.map((point) => [point.id, ruleOf(point)]);
    return {
      id: broker.id,
      depends: JSON.stringify([broker, own, rules]),
      points: fed,
      make: (listener) => new BrokerSource(needs, { broker, objects: own, points: fed }, listener),
    };
  });
}

function isObjectPoint(point: AlarmPoint): point is ObjectPoint {
  return 'object' in point;
}

/** The broker is near: it is back soon when it is back. Source: guess. */
const AFTER_LOSS: Backoff = { firstMs: 500, factor: 2, capMs: 15_000, jitter: 0.5 };
/** After the broker said no. Source: guess. */
const AFTER_REFUSAL: Backoff = { firstMs: 60_000, factor: 1, capMs: 60_000, jitter: 1 / 3 };
const STABLE_MS = 30_000;
/** How often what depends on time alone is looked at. Source: guess. */
const TICK_MS = 1_000;

/** Hears the objects of one broker over one connection. */
class BrokerSource implements AlarmSource {
  readonly #needs: ObjectSourceNeeds;
  readonly #broker: ObjectBroker;
  readonly #listener: SourceListener;
  readonly #objects: readonly WatchedObject[];
  /** Several objects may share a topic. */
  readonly #byTopic: ReadonlyMap<string, readonly WatchedObject[]>;
  readonly #abort = new AbortController();
  readonly #fault: RepeatedFault;
  readonly #taken: Pick<ObjectHandler, 'message' | 'tooLarge'> = {
    message: (topic, payload, retained) =>
      this.#objectsOf(topic).filter((object) => object.arrived(payload, retained)).length > 0,
    tooLarge: (topic, bytes) => {
      for (const object of this.#objectsOf(topic)) object.tooLarge(bytes);
    },
  };
  #isListening = false;
  #works = false;
  #refused = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(
    needs: ObjectSourceNeeds,
    {
      broker,
      objects,
      points,
    }: {
      readonly broker: ObjectBroker;
      readonly objects: readonly ConnectedObject[];
      readonly points: readonly ObjectPoint[];
    },
    listener: SourceListener,
  ) {
    this.#needs = needs;
    this.#broker = broker;
    this.#listener = listener;
    this.#fault = new RepeatedFault(needs.clock);
    const watched = objects.map((object) => ({
      topic: object.topic,
      watched: new WatchedObject(
        { ...needs, listener },
        object,
        points.filter((point) => point.object === object.id),
        this.#abort.signal,
      ),
    }));
    this.#objects = watched.map((entry) => entry.watched);
    this.#byTopic = new Map(
      [...Map.groupBy(watched, ({ topic }) => topic)].map(([topic, entries]) => [
        topic,
        entries.map((entry) => entry.watched),
      ]),
    );
  }

  start(): void {
    const { clock, random } = this.#needs;
    const { signal } = this.#abort;
    const onFailure = (error: unknown) => this.#failed(asBeffroiError(error));
    const running = retryLoop(
      { clock, random, onFailure },
      this.#policy(),
      (up, inner) => this.#runOnce(up, inner),
      signal,
    );
    this.#running = Promise.all([running, this.#tick(signal)]);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  /** The curve depends on who ended the last run. */
  #policy(): RetryPolicy {
    const curve = () => (this.#refused ? AFTER_REFUSAL : AFTER_LOSS);
    return {
      get neverUp() {
        return curve();
      },
      get wasUp() {
        return curve();
      },
      stableMs: STABLE_MS,
    };
  }

  async #runOnce(up: () => void, signal: AbortSignal): Promise<void> {
    const { objectBrokers } = this.#needs;
    const topics = [...this.#byTopic.keys()];
    const over = new AbortController();
    const ended = AbortSignal.any([signal, over.signal]);
    const own = this.#ownConnections(ended);
    try {
      const handler = this.#handler(up, own);
      const common = objectBrokers.listen(this.#broker, { topics, own: false }, handler, ended);
      await Promise.race([common, own.failed]);
    } finally {
      over.abort();
      await own.ended;
      if (!signal.aborted) this.#lost();
    }
  }

  #ownConnections(signal: AbortSignal): OwnConnections {
    const { clock, log, objectBrokers } = this.#needs;
    const needs: OwnConnectionsNeeds = {
      clock,
      log,
      listen: (topic, handler, ended) =>
        objectBrokers.listen(this.#broker, { topics: [topic], own: true }, handler, ended),
      taken: this.#taken,
      overtaken: (topic, payload) => {
        for (const object of this.#objectsOf(topic)) object.overtaken(payload);
      },
      newest: (topic, payload) => {
        for (const object of this.#objectsOf(topic)) object.newest(payload);
      },
    };
    return new OwnConnections(needs, signal);
  }

  #handler(up: () => void, own: OwnConnections): ObjectHandler {
    let leave: Leave | undefined;
    return {
      ...this.#taken,
      subscribed: (refused, how) => {
        leave = how;
        up();
        this.#listening(new Set(refused));
      },
      message: (topic, payload, retained) => {
        const acted = this.#taken.message(topic, payload, retained);
        if (leave && this.#objectsOf(topic).some(({ floods }) => floods)) own.move(topic, leave);
        return acted;
      },
    };
  }

  #objectsOf(topic: string): readonly WatchedObject[] {
    return this.#byTopic.get(topic) ?? [];
  }

  #listening(refused: ReadonlySet<string>): void {
    this.#isListening = true;
    this.#refused = false;
    for (const [topic, objects] of this.#byTopic)
      for (const object of objects) object.listening(refused.has(topic));
    this.#judge();
  }

  /** A source that is stopped in good order leaves its points as they are: the next one begins at once. */
  #lost(): void {
    this.#isListening = false;
    for (const object of this.#objects) object.lost();
    this.#listener.lost();
  }

  async #tick(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const object of this.#objects) this.#look(object);
      if (this.#isListening) this.#judge();
      await this.#needs.clock.sleep(TICK_MS, signal).catch(() => undefined);
    }
  }

  /** What the store refuses is said again at the next look. */
  #look(object: WatchedObject): void {
    try {
      object.tick();
    } catch (thrown) {
      this.#needs.log.error(
        { broker: this.#broker.id, err: asBeffroiError(thrown) },
        'alarm could not be kept',
      );
    }
  }

  /** The source works when the broker is heard and none of its objects is in trouble. */
  #judge(): void {
    const trouble = this.#objects.map((object) => object.trouble).find((error) => error !== undefined);
    if (trouble) {
      this.#works = false;
      this.#listener.failed(trouble);
    } else if (!this.#works) this.#recovered();
  }

  #recovered(): void {
    this.#works = true;
    this.#listener.works();
    const failures = this.#fault.recovered();
    this.#needs.log.info({ broker: this.#broker.id, failures }, 'objects are heard');
  }

  #failed(error: BeffroiError): void {
    this.#works = false;
    this.#refused = error.code === 'equipment-login-refused';
    this.#listener.failed(error);
    const told = this.#fault.happened(error.code);
    if (told)
      this.#needs.log.warn(
        { broker: this.#broker.id, err: error, count: told.count },
        'objects cannot be heard',
      );
  }
}
