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
  /** Nothing is known of any of its cameras. */
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
  #found: ReadonlyMap<string, Found> = new Map();

  apply(segments: readonly Segment[], cameras: readonly SegmentCamera[]): void {
    const old = new Map(this.#groups.map((group) => [group.segment.id, group]));
    const wanted = [...segments, ALL_CAMERAS];
    this.#groups = wanted.map((segment) => {
      const own = cameras.filter((camera) => segment === ALL_CAMERAS || camera.segment === segment.id);
      return new Group(segment, own, old.get(segment.id)?.down ?? false);
    });
  }

  /** Takes the verdicts on the cameras as they are now. Times are monotonic. */
  look(verdicts: ReadonlyMap<string, Verdict>, nowMs: number): void {
    this.#found = new Map([...verdicts].map(([id, verdict]) => [id, foundBy(verdict)]));
    for (const group of this.#groups) group.look(this.#found, nowMs);
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

class Group {
  readonly segment: Segment;
  readonly #cameras: readonly SegmentCamera[];
  readonly #ids: ReadonlySet<string>;
  readonly #silentSinceMs = new Map<string, number>();
  /** Of silent ones too; no number where it was never seen well. */
  readonly #lostSinceMs = new Map<string, number>();
  readonly #wasWell = new Set<string>();
  /** Cameras that are to do their job now, and those among them of which something is known. */
  #watched = 0;
  #known = 0;
  down: boolean;

  constructor(segment: Segment, cameras: readonly SegmentCamera[], down: boolean) {
    this.segment = segment;
    this.#cameras = cameras;
    this.#ids = new Set(cameras.map(({ id }) => id));
    this.down = down;
  }

  get size(): number {
    return this.#ids.size;
  }

  get unreachable(): string[] {
    return [...this.#ids].filter((id) => this.#silentSinceMs.has(id));
  }

  get lost(): string[] {
    return [...this.#ids].filter((id) => this.#lostSinceMs.has(id));
  }

  has(camera: string): boolean {
    return this.#ids.has(camera);
  }

  holds(cameras: readonly string[]): boolean {
    return cameras.every((camera) => this.#ids.has(camera));
  }

  look(found: ReadonlyMap<string, Found>, nowMs: number): void {
    this.#watched = 0;
    this.#known = 0;
    for (const id of this.#ids) {
      const now = found.get(id) ?? 'unknown';
      if (found.has(id)) this.#watched += 1;
      if (now !== 'unknown') this.#known += 1;
      if (now === 'yes') this.#wasWell.add(id);
      remember(this.#silentSinceMs, id, now === 'no', nowMs);
      remember(this.#lostSinceMs, id, isLost(now), this.#wasWell.has(id) ? nowMs : Number.NaN);
    }
    this.down = this.#isDown();
  }

  /** Of whom nothing is known may answer: silent ones among unknown ones are no news, and end no fault that was. */
  #isDown(): boolean {
    const silent = this.#silentSinceMs.size;
    const lost = this.#lostSinceMs.size;
    if (this.#known === 0) return this.down && this.size >= FEWEST;
    if (lost < FEWEST) return false;
    if (this.down) return lost >= this.#known * FEW;
    if (silent >= FEWEST && silent === this.#watched) return true;
    return this.#areMost(this.#silentSinceMs) || this.#areMost(this.#lostSinceMs);
  }

  /** Most fell silent, or were lost, together; what was never seen well was not lost with anybody. */
  #areMost(sinceMs: ReadonlyMap<string, number>): boolean {
    const times = [...sinceMs.values()];
    const isTogether = Math.max(...times) - Math.min(...times) <= TOGETHER_MS;
    return times.length >= FEWEST && times.length >= this.#watched * MOST && isTogether;
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
      unreachable: this.unreachable,
      lost: this.lost,
      unknown: this.#known === 0,
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

function remember(sinceMs: Map<string, number>, id: string, is: boolean, nowMs: number): void {
  if (!is) sinceMs.delete(id);
  else if (!sinceMs.has(id)) sinceMs.set(id, nowMs);
}
