import { grainOf, learntWithoutGrain } from './grain.ts';
import type { LearntPattern } from './learnt-pattern.ts';
import { LIGHTS, type Light } from './light.ts';
import { likeness } from './match.ts';
import {
  firstReference,
  landmarks,
  learnLevels,
  learnReference,
  type Reference,
  type Sample,
} from './reference.ts';

/** Pictures that a reference is good after. */
const ENOUGH = 5;
/** The last pictures count for a fifth each, those of a light for a two-hundredth: some hours. Source: guess. */
const RECENT_SHARE = 0.2;
const LIGHT_SHARE = 0.005;
/** Edges that light and weather do not make, levels per pixel. Source: tuning scenes. */
const CLEAR_STRENGTH = 2.5;
/** A first picture that has less in common with the next one is forgotten: the camera was still moved. */
const BEGIN_LIKENESS = 0.3;
/** So often; after that there is nothing to know the view by. Source: guess. */
const MAX_BEGINNINGS = 5;

/** Fewer cells to know a view by, and it is not compared: the shadows of a plain wall make some too. Source: tuning scenes. */
const MIN_LANDMARKS = 160;
/** Fewer that are not all alike, and another part of the same lawn or fence cannot be told. The tuning scenes have 125 and more. */
const MIN_BESIDE_GRAIN = 100;

/** Everything that was learnt of a camera's view. */
export class References {
  recent: Reference | undefined;
  readonly lights = new Map<Light, Reference>();
  seenColour = false;
  /** An operator has said that the view is as it should be. */
  confirmed = false;
  /**
   * Since when the view could not be compared, nobody knows whether the camera still looks at the same place: the lights
   * that were learnt since, until the view has been known again by another one.
   */
  doubted: ReadonlySet<Light> | undefined;

  #beginnings = 0;

  /** Enough was learnt to compare by. */
  get isReady(): boolean {
    return (this.recent?.looks ?? 0) >= ENOUGH;
  }

  /** What was learnt in this light, when it is enough. */
  of(light: Light): Reference | undefined {
    const reference = this.lights.get(light);
    return reference && reference.looks >= ENOUGH ? reference : undefined;
  }

  /** What a picture fits best. */
  best({ view }: Sample, light: Light): Reference | undefined {
    const lights = LIGHTS.filter((one) => !this.decides(light) || this.#isTrusted(one));
    const recent = this.decides(light) ? undefined : this.recent;
    const known = [recent, ...lights.map((one) => this.of(one))].filter(
      (reference) => reference !== undefined,
    );
    const fits = known.map((reference) => ({ reference, likeness: likeness(view.fine, reference.fine) }));
    return fits.sort((a, b) => b.likeness - a.likeness)[0]?.reference;
  }

  /**
   * Whether there is enough to know the view by: what has stood for long, and shows clearly in the last pictures. What
   * stands in front for minutes is none of it, nor are, but for some, the shadows that wander over a wall.
   */
  get isSuitable(): boolean {
    const { recent } = this;
    return recent !== undefined && LIGHTS.some((light) => isEnough(this.of(light), recent));
  }

  /** In this light it shows whether a view that was in doubt is the one that was known before. */
  decides(light: Light): boolean {
    return this.doubted !== undefined && this.#isTrusted(light);
  }

  /** The view cannot be compared, or not with what was known: what is learnt now may be of another place. */
  doubt(): void {
    if (LIGHTS.some((light) => this.#isTrusted(light))) this.doubted ??= new Set();
  }

  trust(): void {
    this.doubted = undefined;
  }

  /** The place was known by it, before there was any doubt. */
  #isTrusted(light: Light): boolean {
    const known = this.of(light);
    return this.doubted?.has(light) !== true && known !== undefined && isEnough(known, known);
  }

  learn(sample: Sample, light: Light): void {
    if (!this.isReady) this.#forgetOther(sample);
    this.recent = learnt(this.recent, sample, RECENT_SHARE);
    this.learnLight(sample, light);
  }

  /** Learns what the view is in this light, while what the last pictures were like stays. */
  learnLight(sample: Sample, light: Light): void {
    const known = this.lights.get(light);
    if (known && this.decides(light)) {
      this.lights.set(light, learnLevels(known, sample, LIGHT_SHARE));
      return;
    }
    if (this.doubted) this.doubted = new Set([...this.doubted, light]);
    this.lights.set(light, learnt(known, sample, LIGHT_SHARE));
  }

  /** Another one with the same content. */
  copy(): References {
    const other = new References();
    other.recent = this.recent;
    for (const [light, reference] of this.lights) other.lights.set(light, reference);
    other.seenColour = this.seenColour;
    other.confirmed = this.confirmed;
    other.doubted = this.doubted;
    return other;
  }

  forget(): void {
    this.recent = undefined;
    this.lights.clear();
    this.doubted = undefined;
    this.#beginnings = 0;
  }

  #forgetOther({ view }: Sample): void {
    if (!this.recent || this.#beginnings >= MAX_BEGINNINGS) return;
    if (likeness(view.fine, this.recent.fine) >= BEGIN_LIKENESS) return;
    const beginnings = this.#beginnings + 1;
    this.forget();
    this.#beginnings = beginnings;
  }
}

/** There is enough to know a view by, also beside its grain. @param shown where it shows clearly, or not */
function isEnough(known: Reference | undefined, { strength }: Reference): boolean {
  if (!known) return false;
  const { fine } = known;
  const many = (pattern: LearntPattern) =>
    landmarks(pattern).filter((is, cell) => is && (strength[cell] ?? 0) >= CLEAR_STRENGTH).length;
  return many(fine) >= MIN_LANDMARKS && many(learntWithoutGrain(fine, grainOf(fine))) >= MIN_BESIDE_GRAIN;
}

function learnt(reference: Reference | undefined, sample: Sample, least: number): Reference {
  return reference ? learnReference(reference, sample, least) : firstReference(sample);
}
