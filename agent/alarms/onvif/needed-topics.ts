import { asBeffroiError } from '../../base/errors.ts';
import type { CameraEvents, CameraPoint } from '../ports.ts';
import { EVENT_KINDS, isTopicOf, plainTopic } from './topics.ts';

/**
 * Of which topics a camera must have told the state of each point, so that nothing is missing: those that it declares, and
 * those that a subscription has told.
 */
export class NeededTopics {
  readonly #points: readonly CameraPoint[];
  readonly #told = new Set<string>();
  #declared: readonly string[] | undefined;
  #isRefused = false;

  constructor(points: readonly CameraPoint[]) {
    this.#points = points.filter(({ kind }) => !EVENT_KINDS[kind].happening);
  }

  /** Asks the camera. One that refuses the login for this is not asked again: refused logins are few. */
  async learn(events: CameraEvents | undefined, signal: AbortSignal): Promise<void> {
    if (this.#declared || this.#isRefused || this.#points.length === 0) return;
    try {
      this.#declared = (await events?.eventTopics(signal))?.map(plainTopic);
    } catch (thrown) {
      this.#isRefused = asBeffroiError(thrown).code === 'camera-login-refused';
    }
  }

  /** A subscription has told an event of this topic. */
  told(topic: string): void {
    const plain = plainTopic(topic);
    if (this.#points.some((point) => isTopicOf(point, plain))) this.#told.add(plain);
  }

  /** @returns undefined while nothing says which topics the point needs */
  of(point: CameraPoint): readonly string[] | undefined {
    const known = [...(this.#declared ?? []), ...this.#told].filter((topic) => isTopicOf(point, topic));
    return this.#declared || known.length > 0 ? known : undefined;
  }
}
