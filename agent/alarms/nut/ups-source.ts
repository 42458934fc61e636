import type { Code } from '../../base/codes.ts';
import { asBeffroiError } from '../../base/errors.ts';
import type { Reporter } from '../../contract/reporter.ts';
import { fieldsOfSia } from '../codes.ts';
import { Polled, type PolledNeeds, type PolledWork } from '../equipment/polled.ts';
import type { AlarmConfiguration, AlarmPoint, AlarmUps, Details, UpsPoint } from '../ports.ts';
import type { AlarmSource, SourceListener, SourcePlan } from '../source.ts';
import { isRefusal, NutClient } from './client.ts';
import { readingOf, type UpsReading } from './reading.ts';

export interface UpsSourceNeeds extends PolledNeeds {
  readonly reporter: Reporter;
}

/** Every UPS of the configuration: one without points is measured all the same. */
export function upsPlans(needs: UpsSourceNeeds, { ups = [], points }: AlarmConfiguration): SourcePlan[] {
  return ups.map((entry) => {
    const own = points.filter(isUpsPoint).filter((point) => point.ups === entry.id);
    const { id, host, port, upsName, credentials, pollMs, timeoutMs, lostAfterMs } = entry;
    const rules = own.map(({ id: point, kind }) => [point, kind]);
    return {
      id,
      depends: JSON.stringify([host, port, upsName, credentials, pollMs, timeoutMs, lostAfterMs, rules]),
      points: own,
      make: (listener) => new UpsSource(needs, { ups: entry, points: own }, listener),
    };
  });
}

function isUpsPoint(point: AlarmPoint): point is UpsPoint {
  return 'ups' in point;
}

/** SIA codes of the kinds: raised, cleared. */
/** SIA codes: raised, cleared. */
export const UPS_CODES: Readonly<Record<UpsPoint['kind'], readonly [string, string]>> = {
  'ups-mains': ['AT', 'AR'],
  'ups-battery': ['YT', 'YR'],
  'ups-battery-replace': ['YT', 'YR'],
  'ups-communication': ['YC', 'YK'],
};

/** Measures go up at least this often while the UPS is heard. Source: guess, as the vitals of the box. */
const MEASURE_INTERVAL_MS = 30_000;
/** How often the age of the last good data is looked at. Source: guess. */
const AGE_CHECK_MS = 500;

/** Reads one UPS again and again. That it is not heard is itself an alarm, which this source knows for sure. */
class UpsSource implements AlarmSource, PolledWork<NutClient> {
  readonly #needs: UpsSourceNeeds;
  readonly #ups: AlarmUps;
  readonly #listener: SourceListener;
  readonly #points: readonly UpsPoint[];
  readonly #abort = new AbortController();
  #heardMs = 0;
  #cause: Code | undefined;
  #measured: { readonly atMs: number; readonly status: string } | undefined;
  #running: Promise<unknown> = Promise.resolve();

  constructor(
    needs: UpsSourceNeeds,
    { ups, points }: { readonly ups: AlarmUps; readonly points: readonly UpsPoint[] },
    listener: SourceListener,
  ) {
    this.#needs = needs;
    this.#ups = ups;
    this.#points = points;
    this.#listener = listener;
  }

  start(): void {
    const { signal } = this.#abort;
    this.#heardMs = this.#needs.clock.monotonicMs();
    const failed = (error: unknown) => {
      this.#cause = asBeffroiError(error).code;
      this.#listener.failed(error);
    };
    const polled = new Polled(this.#needs, this.#ups, { ...this.#listener, failed }, this);
    this.#running = Promise.all([polled.run(signal), this.#watchAge(signal)]);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  connect(signal: AbortSignal): Promise<NutClient> {
    return NutClient.connect(this.#ups, this.#needs.clock, signal, this.#ups.timeoutMs);
  }

  /** A server that answers but has no data keeps its connection. */
  async round(client: NutClient, signal: AbortSignal): Promise<Error | undefined> {
    try {
      this.#take(readingOf(await client.variables(signal)));
      return undefined;
    } catch (thrown) {
      if (!isRefusal(thrown)) throw thrown;
      this.lost();
      return thrown;
    }
  }

  lost(): void {
    const heard = this.#points.filter(({ kind }) => kind !== 'ups-communication');
    this.#listener.lost(heard.map(({ id }) => id));
  }

  #take(reading: UpsReading): void {
    this.#heardMs = this.#needs.clock.monotonicMs();
    this.#say('ups-communication', false);
    this.#say('ups-mains', reading.onBattery);
    this.#say('ups-battery', reading.batteryLow);
    this.#say('ups-battery-replace', reading.replaceBattery);
    this.#measure(reading);
  }

  /** @param active undefined when the UPS does not say */
  #say(kind: UpsPoint['kind'], active: boolean | undefined): void {
    for (const { id } of this.#points.filter((point) => point.kind === kind)) {
      if (active === undefined) this.#listener.lost([id]);
      else this.#listener.observed(id, { key: kind, active, details: this.#details(kind, active) });
    }
  }

  #details(kind: UpsPoint['kind'], active: boolean): Details {
    const fields = fieldsOfSia(UPS_CODES[kind][active ? 0 : 1]);
    return kind === 'ups-communication' && active && this.#cause ? { ...fields, cause: this.#cause } : fields;
  }

  #measure({ status, onBattery, numbers }: UpsReading): void {
    const atMs = this.#needs.clock.monotonicMs();
    const last = this.#measured;
    if (last?.status === status && atMs - last.atMs < MEASURE_INTERVAL_MS) return;
    this.#measured = { atMs, status };
    const { id } = this.#ups;
    this.#needs.reporter.measure('ups', id, { ups: id, status, on_battery: onBattery ?? false, ...numbers });
  }

  async #watchAge(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#needs;
    while (!signal.aborted) {
      try {
        if (clock.monotonicMs() - this.#heardMs >= this.#ups.lostAfterMs)
          this.#say('ups-communication', true);
      } catch (thrown) {
        // Nothing has changed; the next look says it again.
        log.error({ ups: this.#ups.id, err: asBeffroiError(thrown) }, 'alarm could not be kept');
      }
      await clock.sleep(AGE_CHECK_MS, signal).catch(() => undefined);
    }
  }
}
