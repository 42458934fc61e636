import { type Judgement, type Look, PictureJudge } from '../../../agent/health/picture/judge.ts';
import type { References } from '../../../agent/health/picture/references.ts';
import { describePicture } from '../../../agent/video/picture/numbers.ts';
import type { SmallPicture } from '../../../agent/video/picture/small-picture.ts';
import { seededRandom } from '../../support/camera/random.ts';
import { type Sight, sightsOf } from './course.ts';
import type { Show } from './faults.ts';
import type { Photo } from './photos.ts';
import type { Studio } from './studio.ts';
import { type Day, momentsOf, STEP_S } from './weather.ts';

/** One picture per camera and minute, as the product does unless it is told otherwise. */
export const INTERVAL_MS = 60_000;
/** How the product looks sooner. */
const SOON_MS = INTERVAL_MS / 3;
const STEP_MS = STEP_S * 1000;
const NOISE = { day: 5, night: 9 };

export interface Course extends Day {
  readonly seed: number;
  readonly show?: Show;
}

export interface Seen {
  readonly look: Look;
  readonly judgement: Judgement;
  /** Since the course began. */
  readonly atMs: number;
}

/** A camera of the simulation and the judge of the product that looks at it. */
export class SimulatedCamera {
  readonly #studio: Studio;
  readonly photo: Photo;
  #judge: PictureJudge;
  #before: SmallPicture | undefined;
  #atMs = 0;
  #nextMs = 0;
  #films = 0;

  constructor(studio: Studio, photo: Photo, references?: References) {
    this.#studio = studio;
    this.photo = photo;
    this.#judge = new PictureJudge({ moves: false }, references);
  }

  /** What the judge has learnt, for another camera at the same place. */
  fork(): SimulatedCamera {
    const other = new SimulatedCamera(this.#studio, this.photo, this.#judge.references.copy());
    other.#before = this.#before;
    return other;
  }

  /** Lives through a course. @yields each look and what the judge says */
  async *live(course: Course): AsyncGenerator<Seen> {
    const beganMs = this.#atMs;
    for await (const sight of this.#film(course)) {
      this.#atMs += STEP_MS;
      if (this.#atMs < this.#nextMs) continue;
      const seen = this.#look(sight);
      if (!seen) continue;
      this.#nextMs = this.#atMs + (seen.judgement.soon ? SOON_MS : INTERVAL_MS);
      yield { ...seen, atMs: this.#atMs - beganMs };
    }
  }

  #look({ keyFrame, picture }: Sight): Omit<Seen, 'atMs'> | undefined {
    const frame = keyFrame();
    if (!frame) return undefined;
    const numbers = describePicture(picture, this.#before);
    this.#before = picture;
    const look = { stream: frame.numbers, numbers, atMs: this.#atMs };
    return { look, judgement: this.#judge.take(look, INTERVAL_MS) };
  }

  async *#film(course: Course): AsyncGenerator<Sight> {
    const { photo } = this;
    const random = seededRandom(course.seed);
    // The first moment is filmed before the first command: it is left out.
    const moments = momentsOf({ ...course, steps: course.steps + 1 }, random);
    const film = {
      lighting: await this.#studio.lighting(photo, course.infrared, course.show?.turn),
      ...(photo.file.endsWith('.avi') && { footage: photo.file }),
      ...{ props: this.#studio.props, moments, show: course.show ?? {}, noise: NOISE },
    };
    this.#films += 1;
    let first = true;
    for await (const sight of sightsOf(
      this.#studio.folder,
      `${photo.name}-${course.seed}-${this.#films}`,
      film,
    )) {
      if (!first) yield sight;
      first = false;
    }
  }
}
