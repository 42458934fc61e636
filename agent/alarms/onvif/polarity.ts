import { asBeffroiError } from '../../base/errors.ts';
import type { OnvifEvent } from '../../camera/onvif/notification.ts';
import type { CameraEvents, CameraPoint, Details } from '../ports.ts';
import { inputOf } from './condition.ts';

export type Polarity = Required<Pick<CameraPoint, 'inverted'>> & Required<Pick<Details, 'polarity'>>;

/** Which state of a digital input is the alarm: by the entry of the point, else by the camera, else `true` is. */
export class InputPolarity {
  readonly #isAsked: boolean;
  #learnt: ReadonlyMap<string, boolean> | undefined;
  #isRefused = false;

  constructor(points: readonly CameraPoint[]) {
    this.#isAsked = points.some(({ kind, inverted }) => kind === 'digital-input' && inverted === undefined);
  }

  /**
   * Asks the camera anew, since somebody may have changed its settings. One that refuses the login for this is not asked
   * again: refused logins are few.
   * @throws BeffroiError
   */
  async learn(events: CameraEvents | undefined, signal: AbortSignal): Promise<void> {
    if (!this.#isAsked || this.#isRefused || !events) return;
    try {
      this.#learnt = await events.inputPolarities(signal);
    } catch (thrown) {
      if (asBeffroiError(thrown).code !== 'camera-login-refused') throw thrown;
      this.#isRefused = true;
      this.#learnt ??= new Map();
    }
  }

  /** @returns undefined while the camera has not been asked: then its states wait */
  of({ inverted }: CameraPoint, event: OnvifEvent): Polarity | undefined {
    if (inverted !== undefined) return { inverted, polarity: 'configured' };
    if (!this.#learnt) return undefined;
    const learnt = this.#learnt.get(inputOf(event.source));
    return learnt === undefined
      ? { inverted: false, polarity: 'assumed' }
      : { inverted: learnt, polarity: 'learnt' };
  }
}
