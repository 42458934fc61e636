import type { PictureNumbers, StreamNumbers } from '../../contract/picture.ts';
import { type Comparison, compare } from './comparison.ts';
import { type Finding, find, findPlain } from './finding.ts';
import { showsFocus } from './focus.ts';
import { firstPattern } from './learnt-pattern.ts';
import { hasColour, type Light, lightOf } from './light.ts';
import { likeness } from './match.ts';
import type { Sample } from './reference.ts';
import { References } from './references.ts';
import { Suspicion } from './suspicion.ts';
import { type View, viewOf } from './view.ts';

/** A picture this alike is the same view and may be learnt from. */
const SAME_VIEW = 0.45;
const LITTLE_LOST = 0.3;
/** Two looks at the same standing things are this alike. Source: tuning scenes. */
const STEADY_LIKENESS = 0.35;

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
  /** There are enough sharp edges to tell the focus by. */
  readonly focusShown: boolean;
  /** The next look should come sooner than usual. */
  readonly soon: boolean;
}

/** Judges the pictures of one camera by what it learns of them. */
export class PictureJudge {
  readonly references: References;
  readonly #options: JudgeOptions;
  readonly #suspicion: Suspicion;
  #lastView: View | undefined;
  #wasUnsteady = false;
  #wasFound = false;

  /** @param found the fault that stood confirmed before */
  constructor(options: JudgeOptions, references = new References(), found?: Finding) {
    this.#options = options;
    this.references = references;
    this.#suspicion = new Suspicion(found);
  }

  /** The fault that stands confirmed. */
  get found(): Finding | undefined {
    return this.#suspicion.declared;
  }

  take(look: Look, intervalMs: number): Judgement {
    const { numbers, stream, atMs } = look;
    this.references.seenColour ||= hasColour(numbers);
    const light = lightOf(numbers, this.references.seenColour);
    const sample = { view: viewOf(numbers), numbers, stream };
    const seen = this.references.isReady ? this.#compare(sample, light) : { finding: findPlain(sample) };
    // What shows something else each time confirms nothing; whether it does is seen at the next look.
    const { finding } = seen;
    this.#suspicion.take(finding?.unsteady ? undefined : finding, atMs, intervalMs);
    if ((seen.suitable === false || seen.strange) && !this.#options.moves) this.references.doubt();
    if (!finding && !this.#wasFound) this.#learn(sample, light, seen);
    const judgement = this.#judgement(light, seen);
    this.#wasUnsteady = finding?.unsteady === true;
    // One good look between bad ones is not learnt from: little by little a fault would become what is usual.
    this.#wasFound = finding !== undefined;
    this.#lastView = sample.view;
    return judgement;
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
    const best = this.references.best(sample, light);
    const { recent } = this.references;
    if (!best || !recent) return {};
    const switched = hasColour(sample.numbers) !== hasColour(recent);
    const sameLight = this.references.of(light) ?? (switched ? undefined : recent);
    const comparison = compare(sample, best);
    const suitable = this.references.isSuitable;
    const comparable = suitable && !this.#options.moves;
    const steady = this.#isSteady(sample);
    const found = find({ sample, recent, comparison, comparable, sameLight, switched, steady });
    const finding = this.references.decides(light) ? notAtOnce(found) : found;
    const seen = { comparison, suitable, focusShown: showsFocus((sameLight ?? recent).focus) };
    // Another view in a light that was never seen may be the same place: that shows when the known light is back.
    if (switched && !this.references.of(light) && mayBeLight(finding, light))
      return { ...seen, strange: true };
    return { ...seen, finding };
  }

  #isSteady({ view }: Sample): boolean {
    const last = this.#lastView;
    return last !== undefined && likeness(view.fine, firstPattern(last.fine)) >= STEADY_LIKENESS;
  }

  #learn(sample: Sample, light: Light, { comparison, suitable, strange }: Seen): void {
    if (suitable && comparison && isSameView(comparison) && this.references.decides(light))
      this.references.trust();
    if (strange) this.references.learnLight(sample, light);
    else if (!comparison || !suitable || isSameView(comparison)) this.references.learn(sample, light);
  }

  #judgement(light: Light, { finding, comparison, suitable = true, focusShown = false }: Seen): Judgement {
    const fault = this.#suspicion.declared;
    const learning = !this.references.isReady;
    const state = fault ? 'faulty' : learning ? 'learning' : suitable ? 'ok' : 'unsuitable';
    return {
      light,
      state,
      fault,
      finding,
      comparison,
      focusShown,
      soon: learning || this.#suspicion.isOpen || (finding?.unsteady === true && !this.#wasUnsteady),
    };
  }
}

/** The light of the morning is not the one in which the view was lost: another view must stay for a while. */
function notAtOnce(finding: Finding | undefined): Finding | undefined {
  if (finding?.fault !== 'picture-turned' && finding?.fault !== 'picture-covered') return finding;
  return { ...finding, certain: false, detail: `${finding.detail}, since the view can be compared again` };
}

/** By its own lamp a camera sees less than by day: what is far away is gone, as if it were covered. */
function mayBeLight(finding: Finding | undefined, light: Light): boolean {
  return (
    finding?.fault === 'picture-turned' || (finding?.fault === 'picture-covered' && light === 'infrared')
  );
}

function isSameView({ likeness, lost }: Comparison): boolean {
  return likeness >= SAME_VIEW || lost <= LITTLE_LOST;
}

interface Seen {
  readonly finding?: Finding | undefined;
  readonly comparison?: Comparison;
  readonly suitable?: boolean;
  readonly focusShown?: boolean;
  readonly strange?: boolean;
}
