import type { CameraHealthState } from '../../../agent/contract/messages.ts';
import type { Subscriber } from '../../support/subscriber.ts';

/** Cameras that were told to be ill while nothing had befallen them. */
export class FalseAlarms {
  readonly #csu: Subscriber;
  readonly #from: number;
  /** When something befell a camera. */
  readonly #illAtMs = new Map<string, number>();

  /** From now on. */
  constructor(csu: Subscriber) {
    this.#csu = csu;
    this.#from = csu.received.length;
  }

  befell(camera: string): void {
    this.#illAtMs.set(camera, performance.now());
  }

  get cameras(): number {
    const false_ = this.#csu.received.slice(this.#from).flatMap(({ topic, payload, atMs }) => {
      if (!/\/cam-[^/]+\/state\/health$/.test(topic) || payload.length === 0) return [];
      const { camera, state, cause, detail } = JSON.parse(payload.toString('utf8')) as CameraHealthState;
      const isIll = atMs >= (this.#illAtMs.get(camera) ?? Number.POSITIVE_INFINITY);
      if (isIll || state === 'ok') return [];
      console.error(`false alarm: ${camera} ${state} ${cause}: ${detail}`);
      return [camera];
    });
    return new Set(false_).size;
  }
}
