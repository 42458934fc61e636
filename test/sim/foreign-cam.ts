import { createRequire } from 'node:module';

export interface ForeignEvent {
  readonly topic: { readonly _: string };
  readonly message: {
    readonly message: {
      readonly $: { readonly PropertyOperation: string };
      readonly source: { readonly simpleItem: SimpleItem };
      readonly data: { readonly simpleItem: SimpleItem };
    };
  };
}

interface SimpleItem {
  readonly $: { readonly Value: string | boolean };
}

type Callback = (error: Error | null, result: unknown) => void;
type Cam = Record<string, (...args: unknown[]) => void>;

interface CamOptions {
  readonly hostname: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
}

const { Cam } = createRequire(import.meta.url)('onvif-fixtures/lib/onvif.js') as {
  Cam: new (options: CamOptions, connected: (error: Error | null) => void) => Cam;
};

/** The client of the npm package onvif, which this project did not write, with promises. */
export class ForeignCam {
  readonly #cam: Cam;

  constructor(cam: Cam) {
    this.#cam = cam;
  }

  call<T>(method: string, ...args: unknown[]): Promise<T> {
    return new Promise((resolve, reject) => {
      const callback: Callback = (error, result) => (error ? reject(error) : resolve(result as T));
      this.#cam[method]?.(...args, callback);
    });
  }

  /** HTTP status of the next answer. */
  answered(): Promise<number> {
    return new Promise((resolve) =>
      this.#cam.once?.('rawResponse', (_xml: unknown, status: unknown) => resolve(Number(status))),
    );
  }

  /** Messages of the next PullMessages. */
  async pull(): Promise<ForeignEvent[]> {
    const answer = await this.call<{ notificationMessage?: ForeignEvent | ForeignEvent[] }>(
      'pullMessages',
      {},
    );
    return [answer.notificationMessage ?? []].flat();
  }
}

/** Connects; a refusal carries the client as `cam`. */
export function connect(options: CamOptions): Promise<ForeignCam> {
  return new Promise((resolve, reject) => {
    const cam: Cam = new Cam(options, (error) => {
      const foreign = new ForeignCam(cam);
      if (error) reject(Object.assign(error, { cam: foreign }));
      else resolve(foreign);
    });
  });
}
