import { LIGHTS, type Light } from './light.ts';
import { likeness } from './match.ts';
import { firstReference, landmarks, learnReference, type Reference, type Sample } from './reference.ts';

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

/** Everything that was learnt of a camera's view. */
export class References {
  recent: Reference | undefined;
  readonly lights = new Map<Light, Reference>();
  seenColour = false;
  /** An operator has said that the view is as it should be. */
  confirmed = false;

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
  best({ view }: Sample): Reference | undefined {
    const known = [this.recent, ...LIGHTS.map((light) => this.of(light))].filter(
      (reference) => reference !== undefined,
    );
    const fits = known.map((reference) => ({ reference, likeness: likeness(view.fine, reference.fine) }));
    return fits.sort((a, b) => b.likeness - a.likeness)[0]?.reference;
  }

  /**
   * Cells to know the view by: what has stood for long, and shows clearly in the last pictures. What stands in front for
   * minutes makes none, nor do the shadows that wander over a wall for more than some.
   */
  get structure(): number {
    const isClear = (cell: number) => (this.recent?.strength[cell] ?? 0) >= CLEAR_STRENGTH;
    const known = LIGHTS.map((light) => this.of(light)).filter((reference) => reference !== undefined);
    const counts = known.map((one) => landmarks(one).filter((is, cell) => is && isClear(cell)).length);
    return Math.max(0, ...counts);
  }

  learn(sample: Sample, light: Light): void {
    if (!this.isReady) this.#forgetOther(sample);
    this.recent = learnt(this.recent, sample, RECENT_SHARE);
    this.learnLight(sample, light);
  }

  /** Learns what the view is in this light, while what the last pictures were like stays. */
  learnLight(sample: Sample, light: Light): void {
    this.lights.set(light, learnt(this.lights.get(light), sample, LIGHT_SHARE));
  }

  /** Another one with the same content. */
  copy(): References {
    const other = new References();
    other.recent = this.recent;
    for (const [light, reference] of this.lights) other.lights.set(light, reference);
    other.seenColour = this.seenColour;
    other.confirmed = this.confirmed;
    return other;
  }

  forget(): void {
    this.recent = undefined;
    this.lights.clear();
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

function learnt(reference: Reference | undefined, sample: Sample, least: number): Reference {
  return reference ? learnReference(reference, sample, least) : firstReference(sample);
}
