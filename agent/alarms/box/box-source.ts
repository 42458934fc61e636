import type { Clock } from '../../base/clock.ts';
import { asBeffroiError, type BeffroiError, InternalError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { RepeatedFault } from '../../base/repeated.ts';
import { fieldsOfSia } from '../codes.ts';
import type {
  AlarmConfiguration,
  AlarmPoint,
  BoxPoint,
  BoxView,
  CameraHealthPoint,
  Details,
} from '../ports.ts';
import { ruleOf } from '../record.ts';
import type { AlarmSource, SourceListener, SourcePlan } from '../source.ts';
import { ALL_CAMERAS, CameraJudge } from './camera-judge.ts';
import { backbone, certificate, clock, disk, outbox, seen, store, temperature, wear } from './limits.ts';
import { LATER, type Said, UNKNOWN } from './said.ts';

export interface BoxSourceNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly box: BoxView;
}

type OwnPoint = BoxPoint | CameraHealthPoint;

/** The box as a source, where the configuration has points of it. Its id is that of no entry. */
const BOX_SOURCE = 'collector';

export function boxPlans(needs: BoxSourceNeeds, { points }: AlarmConfiguration): SourcePlan[] {
  const own = points.filter(isOwnPoint);
  if (own.length === 0) return [];
  return [
    {
      id: BOX_SOURCE,
      depends: JSON.stringify(own.map((point) => [point.id, ruleOf(point)])),
      points: own,
      make: (listener) => new BoxSource(needs, own, listener),
    },
  ];
}

function isOwnPoint(point: AlarmPoint): point is OwnPoint {
  return Object.hasOwn(BOX_CODES, point.kind);
}

/** How often the box is looked at, and how often what must be read anew. Source: guess. */
const LOOK_MS = 1_000;
const READ_MS = 10_000;

/** SIA codes of the kinds: raised, cleared. */
export const BOX_CODES: Readonly<Record<OwnPoint['kind'], readonly [string, string]>> = {
  'camera-health': ['ET', 'ER'],
  'camera-network': ['YC', 'YK'],
  'box-disk': ['ET', 'ER'],
  'box-temperature': ['KA', 'KH'],
  'box-clock': ['ET', 'ER'],
  'box-certificate': ['ET', 'ER'],
  'box-outbox': ['YC', 'YK'],
  'box-store': ['ET', 'ER'],
  'box-link': ['YC', 'YK'],
  'box-video': ['ET', 'ER'],
  'box-backbone': ['YC', 'YK'],
  'box-disk-wear': ['ET', 'ER'],
  'box-unknown-device': ['TA', 'TR'],
  'camera-moved': ['ET', 'ER'],
};

/** Looks at the box and its cameras again and again. What one point cannot be told leaves the others as they are. */
class BoxSource implements AlarmSource {
  readonly #needs: BoxSourceNeeds;
  readonly #points: readonly OwnPoint[];
  readonly #listener: SourceListener;
  readonly #cameras: CameraJudge;
  readonly #fault: RepeatedFault;
  readonly #abort = new AbortController();
  #linkLostAtMs: number | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #works = false;
  #running: Promise<void> = Promise.resolve();

  constructor(needs: BoxSourceNeeds, points: readonly OwnPoint[], listener: SourceListener) {
    this.#needs = needs;
    this.#points = points;
    this.#listener = listener;
    this.#cameras = new CameraJudge(points.flatMap((point) => watchedSegment(point) ?? []));
    this.#fault = new RepeatedFault(needs.clock);
  }

  start(): void {
    this.#running = this.#run(this.#abort.signal);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look(signal);
      await this.#needs.clock.sleep(LOOK_MS, signal).catch(() => undefined);
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const nowMs = this.#needs.clock.monotonicMs();
    const reads = nowMs - this.#readAtMs >= READ_MS;
    if (reads) this.#readAtMs = nowMs;
    const { box } = this.#needs;
    this.#cameras.look(box.cameras(), box.segments(), nowMs);
    if (box.linkIsUp()) this.#linkLostAtMs = undefined;
    else this.#linkLostAtMs ??= nowMs;
    const failures: BeffroiError[] = [];
    for (const point of this.#points) {
      if (signal.aborted) return;
      if (isRead(point) && !reads) continue;
      await this.#tell(point).catch((thrown: unknown) => failures.push(this.#unreadable(point, thrown)));
    }
    if (failures[0]) this.#failed(failures[0]);
    else if (reads) this.#recovered();
  }

  async #tell(point: OwnPoint): Promise<void> {
    const said = await this.#said(point);
    if (said === LATER) return;
    if (said === UNKNOWN) {
      this.#listener.lost([point.id]);
      return;
    }
    this.#listener.observed(point.id, { key: 'state', active: said.active, details: detailsOf(point, said) });
  }

  async #said(point: OwnPoint): Promise<Said> {
    const { box } = this.#needs;
    const raised = this.#listener.isActive(point.id);
    switch (point.kind) {
      case 'camera-health':
        return this.#cameras.of(point);
      case 'camera-network':
        return this.#cameras.network(point.segment ?? ALL_CAMERAS);
      case 'box-disk':
        return disk(point, await box.diskFreeMb(), raised);
      case 'box-temperature':
        return temperature(point, await box.temperatureC(), raised);
      case 'box-certificate':
        return certificate(point, await box.certificateEndsMs(), {
          wallMs: this.#needs.clock.wallMs(),
          trust: box.clockTrust(),
        });
      case 'box-store':
        return store(box.storeIsDurable(), await box.setAside());
      case 'box-clock':
        return clock(box.clockTrust());
      case 'box-outbox':
        return outbox(point, box.outboxPercent(), raised);
      case 'box-link':
        return this.#link(point.afterS);
      case 'box-backbone':
        return backbone(box.backbone());
      case 'box-disk-wear':
        return wear(point, await box.diskWearPercent());
      case 'box-video':
        return { active: !box.videoRuns(), cause: 'video-process-down' };
      case 'box-unknown-device':
        return seen(box.inventory()?.unknown, 'device-unknown');
      case 'camera-moved':
        return seen(box.inventory()?.moved, 'camera-moved');
    }
  }

  /** A short loss passes; a loss of before a start of the agent lasts until the link is there. */
  #link(afterS: number): Said {
    if (this.#linkLostAtMs === undefined) return { active: false };
    const lostForMs = this.#needs.clock.monotonicMs() - this.#linkLostAtMs;
    return lostForMs < afterS * 1000 ? LATER : { active: true, cause: 'link-lost' };
  }

  #unreadable({ id }: OwnPoint, thrown: unknown): BeffroiError {
    this.#listener.lost([id]);
    const { message } = asBeffroiError(thrown);
    return new InternalError('box-unreadable', `${id}: ${message}`, { cause: thrown });
  }

  #recovered(): void {
    if (this.#works) return;
    this.#works = true;
    this.#listener.works();
    const failures = this.#fault.recovered();
    if (failures > 0) this.#needs.log.info({ failures }, 'the box reads itself again');
  }

  #failed(error: BeffroiError): void {
    this.#works = false;
    this.#listener.failed(error);
    const told = this.#fault.happened(error.code);
    if (told) this.#needs.log.warn({ err: error, count: told.count }, 'the box cannot read itself');
  }
}

function watchedSegment(point: OwnPoint): string | undefined {
  return point.kind === 'camera-network' ? (point.segment ?? ALL_CAMERAS) : undefined;
}

/** Whether the point needs a file or a sensor to be read. */
function isRead({ kind }: OwnPoint): boolean {
  return ['box-disk', 'box-disk-wear', 'box-temperature', 'box-certificate', 'box-store'].includes(kind);
}

function detailsOf({ kind }: OwnPoint, said: Exclude<Said, string>): Details {
  const { active, cause, text } = said;
  return {
    ...fieldsOfSia(BOX_CODES[kind][active ? 0 : 1]),
    ...(active && cause ? { cause } : {}),
    ...(text === undefined ? {} : { text: text.slice(0, 120) }),
  };
}
