import type { Clock } from '../../base/clock.ts';
import type { Service } from '../../base/lifecycle.ts';
import type { Log } from '../../base/log.ts';
import type { Fields } from '../../contract/messages.ts';
import type { Reporter } from '../../contract/reporter.ts';
import { faultFields } from '../../contract/side.ts';
import type { PathName, PathState } from '../../contract/transmission.ts';
import { type BackboneFault, type BackboneLimits, Confirmed, GOOD, judgePath } from './judge.ts';
import { type Segments, segmentsOf } from './tcp-loss.ts';
import { type Connection, type Measured, PathWindow } from './window.ts';

/** So many looks make a window, but none comes more often than each second. Source: guess. */
const LOOKS = 12;
const LEAST_LOOK_MS = 1_000;
/** Without a configuration nothing is measured. */
const NOTHING_TO_DO_MS = 60_000;

/** A path as the uplink knows it; asking takes the round trips away. */
interface SeenPath {
  readonly path: PathName;
  readonly state: PathState;
  readonly line: Connection | undefined;
  readonly roundTripsMs: readonly number[];
}

export interface BackboneHealthNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly reporter: Pick<Reporter, 'state'>;
  readonly paths: () => readonly SeenPath[];
  /** The connection of the video process, which takes the main path. */
  readonly videoLine: () => Connection | undefined;
}

interface Watched {
  window: PathWindow;
  readonly verdict: Confirmed;
  state: PathState;
  measured: Measured | undefined;
}

/**
 * Round trip, loss and throughput to the broker on each path, as what is sent anyhow shows them: nothing is sent for it
 * but PINGREQ, two bytes.
 */
export class BackboneHealth implements Service {
  readonly name = 'backbone health';
  readonly #needs: BackboneHealthNeeds;
  readonly #paths = new Map<PathName, Watched>();
  readonly #abort = new AbortController();
  #limits: BackboneLimits | undefined;
  #changed = new AbortController();
  #kernelSays = true;
  #fault = GOOD;
  #sinceMs = 0;
  #looking: Promise<void> = Promise.resolve();

  constructor(needs: BackboneHealthNeeds) {
    this.#needs = needs;
  }

  /** Measures from the first call of `apply` on. */
  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#abort.abort(), { once: true, signal: this.#abort.signal });
    this.#looking = this.#keepLooking(this.#abort.signal);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#looking;
  }

  apply(limits: BackboneLimits): void {
    if (JSON.stringify(limits) === JSON.stringify(this.#limits)) return;
    this.#limits = limits;
    this.#changed.abort();
    this.#changed = new AbortController();
  }

  /** What stands confirmed of the main path, or of the back-up; undefined while nothing was measured. */
  get fault(): BackboneFault | undefined {
    return this.#isMeasured ? this.#fault : undefined;
  }

  async #keepLooking(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#needs;
    while (!signal.aborted) {
      const changed = AbortSignal.any([signal, this.#changed.signal]);
      if (this.#limits)
        await this.#window(this.#limits, changed).catch((err: unknown) =>
          log.error({ err }, 'backbone not measured'),
        );
      else await clock.sleep(NOTHING_TO_DO_MS, changed).catch(() => undefined);
    }
  }

  /** One window; one that is broken off says nothing. */
  async #window(limits: BackboneLimits, signal: AbortSignal): Promise<void> {
    const { clock } = this.#needs;
    const windowMs = limits.windowS * 1000;
    const beganMs = clock.monotonicMs();
    this.#look();
    for (const { window } of this.#paths.values()) window.sum(0);
    while (clock.monotonicMs() - beganMs < windowMs) {
      await clock.sleep(Math.max(LEAST_LOOK_MS, windowMs / LOOKS), signal).catch(() => undefined);
      if (signal.aborted) return;
      this.#look();
    }
    const segments = await this.#segments();
    if (signal.aborted) return;
    this.#sum(limits, clock.monotonicMs() - beganMs, segments);
    this.#tell();
  }

  #look(): void {
    for (const { path, state, line, roundTripsMs } of this.#needs.paths()) {
      const watched = this.#watched(path);
      watched.state = state;
      if (state !== 'up') {
        watched.verdict.forget();
        watched.window = new PathWindow();
      }
      const video = path === 'main' ? this.#needs.videoLine() : undefined;
      watched.window.look(
        [line, video].filter((one) => one !== undefined),
        roundTripsMs,
      );
    }
  }

  #watched(path: PathName): Watched {
    const known = this.#paths.get(path);
    if (known) return known;
    const fresh: Watched = {
      window: new PathWindow(),
      verdict: new Confirmed(),
      state: 'none',
      measured: undefined,
    };
    this.#paths.set(path, fresh);
    return fresh;
  }

  async #segments(): Promise<ReadonlyMap<number, Segments> | undefined> {
    const lines = [...this.#needs.paths().map(({ line }) => line), this.#needs.videoLine()];
    const segments = await segmentsOf(lines.flatMap((line) => (line ? [line.localPort] : [])));
    this.#kernelSays = segments !== undefined;
    return segments;
  }

  #sum(limits: BackboneLimits, elapsedMs: number, segments: ReadonlyMap<number, Segments> | undefined): void {
    for (const watched of this.#paths.values()) {
      watched.window.kernel(segments);
      const measured = watched.window.sum(elapsedMs);
      watched.measured = watched.state === 'up' ? measured : undefined;
      if (watched.measured) watched.verdict.take(judgePath(watched.measured, limits), measured.answered);
    }
    const worst = [...this.#paths].find(([, { verdict }]) => verdict.declared.cause !== 'none');
    this.#declare(worst ? pathFault(...worst) : GOOD);
  }

  #declare(fault: BackboneFault): void {
    const { clock, log } = this.#needs;
    if (this.#sinceMs === 0 || fault.cause !== this.#fault.cause) {
      this.#sinceMs = clock.wallMs();
      log[fault.cause === 'none' ? 'info' : 'warn'](fault, 'backbone health');
    }
    this.#fault = fault;
  }

  #tell(): void {
    const { cause, detail } = this.#fault;
    this.#needs.reporter.state('backbone', 'collector', {
      state: cause !== 'none' ? 'degraded' : this.#isMeasured ? 'ok' : 'unknown',
      ...faultFields(cause),
      detail,
      since: this.#sinceMs,
      loss_check: this.#kernelSays ? 'measured' : 'not-verifiable',
      ...fieldsOf('main', this.#paths.get('main')),
      ...fieldsOf('backup', this.#paths.get('backup')),
    });
  }

  get #isMeasured(): boolean {
    return [...this.#paths.values()].some(({ measured }) => measured !== undefined);
  }
}

function pathFault(path: PathName, { verdict: { declared } }: Watched): BackboneFault {
  return { ...declared, detail: `${path} path: ${declared.detail}` };
}

type BackboneFields = Fields<'backbone'>;

function fieldsOf<P extends PathName>(
  path: P,
  watched: Watched | undefined,
): Pick<BackboneFields, P> & Partial<BackboneFields> {
  const { measured, state = 'none' } = watched ?? {};
  const { roundTripMs, roundTripMaxMs, lossPercent } = measured ?? {};
  const figures = {
    ...(measured && { [`${path}_kbps`]: Math.round(measured.kbps) }),
    ...(measured && { [`${path}_waiting_percent`]: Math.round(measured.waitingPercent) }),
    ...(roundTripMs !== undefined && { [`${path}_round_trip_ms`]: rounded(roundTripMs) }),
    ...(roundTripMaxMs !== undefined && { [`${path}_round_trip_max_ms`]: rounded(roundTripMaxMs) }),
    ...(measured && lossPercent !== undefined && { [`${path}_loss_percent`]: rounded(lossPercent) }),
  };
  return { [path]: state, ...figures } as Pick<BackboneFields, P> & Partial<BackboneFields>;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
