import type { PictureNumbers, StreamNumbers } from '../../contract/picture.ts';
import { type Comparison, compare } from './comparison.ts';
import { type Finding, find, findPlain } from './finding.ts';
import { hasColour, type Light, lightOf } from './light.ts';
import { landmarks, type Sample } from './reference.ts';
import { References } from './references.ts';
import { Suspicion } from './suspicion.ts';
import { viewOf } from './view.ts';

/** Fewer cells to know a view by, and it is not compared. Source: tuning photographs. */
const MIN_LANDMARKS = 24;
/** A picture this alike is the same view and may be learnt from. */
const SAME_VIEW = 0.45;
const LITTLE_LOST = 0.3;

export interface JudgeOptions {
  /** The camera is turned by operators: its view is not compared. */
  readonly moves: boolean;
}

/** What a look gave. */
export interface Look {
  readonly stream: StreamNumbers;
  readonly numbers: PictureNumbers;
  readonly atMs: number;
}

export interface Judgement {
  readonly light: Light;
  /** `unsuitable`: there is not enough in the view to compare it by. */
  readonly state: 'learning' | 'ok' | 'faulty' | 'unsuitable';
  /** The fault that stands confirmed. */
  readonly fault: Finding | undefined;
  /** What this look alone says. */
  readonly finding: Finding | undefined;
  readonly comparison: Comparison | undefined;
  /** The next look should come sooner than usual. */
  readonly soon: boolean;
}

/** Judges the pictures of one camera by what it learns of them. */
export class PictureJudge {
  readonly references: References;
  readonly #options: JudgeOptions;
  readonly #suspicion = new Suspicion();

  constructor(options: JudgeOptions, references = new References()) {
    this.#options = options;
    this.references = references;
  }

  take(look: Look, intervalMs: number): Judgement {
    const { numbers, stream, atMs } = look;
    this.references.seenColour ||= hasColour(numbers);
    const light = lightOf(numbers, this.references.seenColour);
    const sample = { view: viewOf(numbers), numbers, stream };
    const seen = this.references.isReady ? this.#compare(sample, light) : { finding: findPlain(sample) };
    this.#suspicion.take(seen.finding, atMs, intervalMs);
    this.#learn(sample, light, seen);
    return this.#judgement(light, seen);
  }

  /** The view is as it should be. @returns whether it has to be learnt anew */
  confirm(): boolean {
    const isAnother = this.#suspicion.declared !== undefined;
    if (isAnother) this.#forget();
    this.references.confirmed = true;
    return isAnother;
  }

  /** Forgets the view. */
  reset(): void {
    this.#forget();
    this.references.confirmed = false;
  }

  #forget(): void {
    this.references.forget();
    this.#suspicion.forget();
  }

  #compare(sample: Sample, light: Light): Seen {
    const best = this.references.best(sample);
    const { recent } = this.references;
    if (!best || !recent) return {};
    const switched = hasColour(sample.numbers) !== hasColour(recent);
    const sameLight = this.references.of(light) ?? (switched ? undefined : recent);
    const comparison = compare(sample, best);
    const suitable = landmarks(best) >= MIN_LANDMARKS;
    const comparable = suitable && !this.#options.moves;
    const finding = find({ sample, recent, comparison, comparable, sameLight });
    const seen = { comparison, suitable };
    // Another view in a light that was never seen may be the same place: that shows when the known light is back.
    if (finding?.fault === 'picture-turned' && switched && !this.references.of(light))
      return { ...seen, strange: true };
    return { ...seen, finding };
  }

  #learn(sample: Sample, light: Light, { finding, comparison, strange }: Seen): void {
    if (finding) return;
    if (strange) this.references.learnLight(sample, light);
    else if (!comparison || comparison.likeness >= SAME_VIEW || comparison.lost <= LITTLE_LOST)
      this.references.learn(sample, light);
  }

  #judgement(light: Light, { finding, comparison, suitable = true }: Seen): Judgement {
    const fault = this.#suspicion.declared;
    const learning = !this.references.isReady;
    const state = fault ? 'faulty' : learning ? 'learning' : suitable ? 'ok' : 'unsuitable';
    return { light, state, fault, finding, comparison, soon: learning || this.#suspicion.isOpen };
  }
}

interface Seen {
  readonly finding?: Finding | undefined;
  readonly comparison?: Comparison;
  readonly suitable?: boolean;
  readonly strange?: boolean;
}
