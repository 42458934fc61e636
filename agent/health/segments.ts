import type { SegmentKind, Side } from '../contract/messages.ts';
import type { Verdict } from './verdict.ts';

/** A part of the local network that cameras share; an entry of the central configuration fits. */
export interface Segment {
  readonly id: string;
  readonly name: string;
  readonly kind: SegmentKind;
}

/** What segments need to know of a camera. */
export interface SegmentCamera {
  readonly id: string;
  readonly owner: 'commune' | 'metropole' | 'partner';
  readonly segment?: string | undefined;
}

/** How a segment is, by its cameras. */
export interface SegmentView extends Segment {
  readonly cameras: readonly string[];
  readonly unreachable: readonly string[];
  /** Those, and those that answer but lost their pictures as the others did. */
  readonly lost: readonly string[];
  /** Too little is known of its cameras to say whether it is well. */
  readonly unknown: boolean;
  readonly down: boolean;
  /** Whose it is: a partner's when all its cameras are. */
  readonly side: Side;
  /** The wider segment whose fault explains this one. */
  readonly consequenceOf: string | undefined;
}

/** All cameras of the box: what stands between it and any of them. No segment of the configuration has this id. */
const ALL_CAMERAS: Segment = { id: 'seg-all', name: 'Réseau des caméras', kind: 'all' };

/** Cameras that fall silent within this time of each other fell silent together. Source: guess, above the 5 s of a dead stream. */
const TOGETHER_MS = 15_000;
/** One silent camera says nothing of what it shares with others. */
const FEWEST = 2;
/** From this share on, cameras that fell silent together are a fault of what they share. Source: guess. */
const MOST = 2 / 3;
/** Below this share the fault is over, and those still silent are faults of their own. Source: guess. */
const FEW = 1 / 2;

type Answers = 'yes' | 'no' | 'unknown';
/** `lost`: answers, but its pictures are gone, as those of a camera that starts again with what feeds it. */
type Found = Answers | 'lost';

/** What a fault of the network or of its power makes of a camera that can still, or again, be reached. */
const LOST: ReadonlySet<Verdict['cause']> = new Set([
  ...(['camera-port-closed', 'camera-stalled', 'camera-silent', 'camera-closed'] as const),
]);

/**
 * One cause, one report: finds cameras that stopped answering, or lost their pictures, together, by what they share. The
 * narrowest segment that explains all of them is at fault; the others are its consequence.
 */
export class Segments {
  #groups: Group[] = [];
  readonly #losses = new Losses();
  #found: ReadonlyMap<string, Found> = new Map();

  apply(segments: readonly Segment[], cameras: readonly SegmentCamera[]): void {
    const old = new Map(this.#groups.map((group) => [group.segment.id, group]));
    this.#losses.keep(new Set(cameras.map(({ id }) => id)));
    const wanted = [...segments, ALL_CAMERAS];
    this.#groups = wanted.map((segment) => {
      const own = cameras.filter((camera) => segment === ALL_CAMERAS || camera.segment === segment.id);
      return new Group(segment, own, this.#losses, old.get(segment.id)?.beganMs);
    });
    for (const group of this.#groups) group.take(this.#found);
  }

  /** Takes the verdicts on the cameras as they are now. Times are monotonic. */
  look(verdicts: ReadonlyMap<string, Verdict>, nowMs: number): void {
    this.#found = new Map([...verdicts].map(([id, verdict]) => [id, foundBy(verdict)]));
    this.#losses.look(this.#found, nowMs);
    for (const group of this.#groups) group.look(this.#found);
  }

  views(): SegmentView[] {
    const all = this.#groups.at(-1);
    return this.#groups.map((group) => ({
      ...group.view(),
      consequenceOf: group !== all && all && this.#explains(all) ? ALL_CAMERAS.id : undefined,
    }));
  }

  /** The segment whose fault explains that this camera does not answer, or lost its pictures. */
  causeOf(camera: string): string | undefined {
    if (!isLost(this.#found.get(camera))) return undefined;
    const own = this.#groups.filter((group) => group.down && group.has(camera));
    return own.findLast((group) => this.#explains(group))?.segment.id;
  }

  /** Whether another camera on the same segment answers: then what they share is well. */
  neighboursAnswer(camera: string): Answers {
    const narrowest = this.#groups.find((group) => group.has(camera) && group.size >= FEWEST);
    return narrowest?.others(camera, this.#found) ?? 'unknown';
  }

  /** All cameras are at fault together only when no narrower segment holds all that are silent. */
  #explains(group: Group): boolean {
    if (!group.down || group.segment !== ALL_CAMERAS) return group.down;
    return !this.#groups.some((other) => other !== group && other.down && other.holds(group.lost));
  }
}

interface Loss {
  /** Since when it has no pictures, and whether it had some before. */
  readonly sinceMs: number;
  readonly wasWell: boolean;
  /** Since when it does not answer either. */
  readonly silentSinceMs: number | undefined;
}

/** Since when cameras are lost: until they are seen well, also while nothing is known of them, or their segment is another one. */
class Losses {
  readonly #wasWell = new Set<string>();
  readonly #losses = new Map<string, Loss>();

  keep(cameras: ReadonlySet<string>): void {
    for (const known of [this.#wasWell, this.#losses])
      for (const id of known.keys()) if (!cameras.has(id)) known.delete(id);
  }

  look(found: ReadonlyMap<string, Found>, nowMs: number): void {
    for (const [id, now] of found) {
      if (now === 'unknown') continue;
      if (now === 'yes') this.#isWell(id);
      else this.#isLost(id, now === 'no', nowMs);
    }
  }

  of(camera: string): Loss | undefined {
    return this.#losses.get(camera);
  }

  #isWell(id: string): void {
    this.#wasWell.add(id);
    this.#losses.delete(id);
  }

  #isLost(id: string, isSilent: boolean, nowMs: number): void {
    const before = this.#losses.get(id);
    const { sinceMs, wasWell } = before ?? { sinceMs: nowMs, wasWell: this.#wasWell.has(id) };
    const silentSinceMs = isSilent ? (before?.silentSinceMs ?? nowMs) : undefined;
    this.#losses.set(id, { sinceMs, wasWell, silentSinceMs });
  }
}

class Group {
  readonly segment: Segment;
  readonly #cameras: readonly SegmentCamera[];
  readonly #ids: ReadonlySet<string>;
  readonly #losses: Losses;
  #silent: readonly string[] = [];
  /** Silent ones too. */
  #lost: readonly string[] = [];
  /** Cameras that are to do their job now, and those among them of which something is known. */
  #watched = 0;
  #known = 0;
  /** When the first of those was lost that are at fault together; undefined while the segment is well. */
  #beganMs: number | undefined;

  constructor(
    segment: Segment,
    cameras: readonly SegmentCamera[],
    losses: Losses,
    beganMs: number | undefined,
  ) {
    this.segment = segment;
    this.#cameras = cameras;
    this.#ids = new Set(cameras.map(({ id }) => id));
    this.#losses = losses;
    this.#beganMs = beganMs;
  }

  get beganMs(): number | undefined {
    return this.#beganMs;
  }

  get down(): boolean {
    return this.#beganMs !== undefined;
  }

  get size(): number {
    return this.#ids.size;
  }

  /** One that was lost before the fault began has its own. */
  get lost(): string[] {
    const beganMs = this.#beganMs ?? Number.NEGATIVE_INFINITY;
    return this.#lost.filter((id) => lastLossMs(this.#losses.of(id)) >= beganMs);
  }

  has(camera: string): boolean {
    return this.#ids.has(camera);
  }

  holds(cameras: readonly string[]): boolean {
    return cameras.every((camera) => this.#ids.has(camera));
  }

  look(found: ReadonlyMap<string, Found>): void {
    this.take(found);
    this.#beganMs = this.#stillDown() ? this.#beganMs : this.#begins();
  }

  /** Judges nothing yet. */
  take(found: ReadonlyMap<string, Found>): void {
    const ids = [...this.#ids];
    this.#silent = ids.filter((id) => found.get(id) === 'no');
    this.#lost = ids.filter((id) => isLost(found.get(id)));
    this.#watched = ids.filter((id) => found.has(id)).length;
    this.#known = ids.filter((id) => (found.get(id) ?? 'unknown') !== 'unknown').length;
  }

  /** Of whom nothing is known may answer: that ends no fault that was. */
  #stillDown(): boolean {
    if (!this.down) return false;
    if (this.#known === 0) return this.size >= FEWEST;
    return this.lost.length >= FEWEST && this.#lost.length >= this.#known * FEW;
  }

  /** Silent ones among unknown ones are no news. */
  #begins(): number | undefined {
    if (this.down) return undefined;
    if (this.#silent.length >= FEWEST && this.#silent.length === this.#watched)
      return Number.NEGATIVE_INFINITY;
    const silent = this.#silent.flatMap((id) => this.#losses.of(id)?.silentSinceMs ?? []);
    const lost = this.#lost.flatMap((id) => this.#losses.of(id) ?? []).filter(({ wasWell }) => wasWell);
    return this.#mostBegan(silent) ?? this.#mostBegan(lost.map(({ sinceMs }) => sinceMs));
  }

  /** When most fell silent, or were lost, together; what fails for itself, before them or after, hides that from nobody. */
  #mostBegan(timesMs: readonly number[]): number | undefined {
    const sorted = timesMs.toSorted((a, b) => a - b);
    const last = this.#most - 1;
    return sorted.find((fromMs, first) => (sorted[first + last] ?? Number.NaN) - fromMs <= TOGETHER_MS);
  }

  get #most(): number {
    return Math.max(FEWEST, Math.ceil(this.#watched * MOST));
  }

  /** With those of whom nothing is known, most may be lost. */
  get #mayBeDown(): boolean {
    const unknown = this.#watched - this.#known;
    return unknown > 0 && this.#lost.length + unknown >= this.#most;
  }

  others(camera: string, found: ReadonlyMap<string, Found>): Answers {
    const said = [...this.#ids].filter((id) => id !== camera).map((id) => found.get(id));
    if (said.includes('yes') || said.includes('lost')) return 'yes';
    return said.includes('no') ? 'no' : 'unknown';
  }

  view(): Omit<SegmentView, 'consequenceOf'> {
    const isPartners = this.size > 0 && this.#cameras.every(({ owner }) => owner === 'partner');
    return {
      ...this.segment,
      cameras: [...this.#ids],
      unreachable: this.#silent,
      lost: this.lost,
      unknown: this.#known === 0 || (!this.down && this.#mayBeDown),
      down: this.down,
      side: !this.down ? 'none' : isPartners ? 'partner' : 'local-network',
    };
  }
}

function foundBy({ state, cause }: Verdict): Found {
  if (state === 'unknown') return 'unknown';
  if (state !== 'down') return 'yes';
  return cause === 'camera-unreachable' ? 'no' : LOST.has(cause) ? 'lost' : 'yes';
}

function isLost(found: Found | undefined): boolean {
  return found === 'no' || found === 'lost';
}

function lastLossMs(loss: Loss | undefined): number {
  return Math.max(loss?.sinceMs ?? 0, loss?.silentSinceMs ?? Number.NEGATIVE_INFINITY);
}
