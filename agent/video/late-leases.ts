import type { ClockTrust } from '../base/clock.ts';
import { asBeffroiError } from '../base/errors.ts';
import type { Service } from '../base/lifecycle.ts';
import type { LeaseOpening, VideoToAgent } from '../contract/video-link.ts';
import type { LeaseKeeper } from './lease-keeper.ts';

export interface LateLeasesNeeds {
  /** Makes the keeper, with all that judges signatures. */
  readonly load: () => Promise<LeaseKeeper>;
  readonly tell: (message: VideoToAgent) => void;
}

type Act = (keeper: LeaseKeeper) => void;

/**
 * The keeper of leases, loaded with the first lease that is to be opened: most boxes have no partner's camera, and what
 * verifies and encrypts takes a fifth of the memory of this process. Until then there is nothing to close.
 */
export class LateLeases implements Service {
  readonly name = 'leases';
  readonly #needs: LateLeasesNeeds;
  readonly #stopping = new AbortController();
  #keeper: LeaseKeeper | undefined;
  #loading: Promise<void> | undefined;
  /** What was ordered while it was being loaded, in order. */
  #ordered: Act[] = [];

  constructor(needs: LateLeasesNeeds) {
    this.#needs = needs;
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loading;
    await this.#keeper?.stop();
  }

  open(opening: LeaseOpening): void {
    if (!this.#keeper) this.#loading ??= this.#load(opening);
    this.#do((keeper) => keeper.open(opening));
  }

  hold(standing: readonly string[], clock: ClockTrust): void {
    this.#do((keeper) => keeper.hold(standing, clock));
  }

  agentLost(): void {
    this.#do((keeper) => keeper.agentLost());
  }

  /** What an agent that comes back must know. */
  *standing(): Iterable<VideoToAgent> {
    if (this.#keeper) yield* this.#keeper.standing();
  }

  #do(act: Act): void {
    if (this.#keeper) act(this.#keeper);
    else if (this.#loading !== undefined) this.#ordered.push(act);
  }

  async #load(first: LeaseOpening): Promise<void> {
    try {
      const keeper = await this.#needs.load();
      await keeper.start(this.#stopping.signal);
      this.#keeper = keeper;
      for (const act of this.#ordered) act(keeper);
    } catch (thrown) {
      this.#refuse(first, asBeffroiError(thrown).message);
    } finally {
      this.#loading = undefined;
      this.#ordered = [];
    }
  }

  #refuse({ lease, camera }: LeaseOpening, why: string): void {
    const counts = { open: false, bytes: 0, frames: 0 };
    const detail = why.slice(0, 500);
    this.#needs.tell({
      ...{ type: 'channel', channel: lease, camera: camera.camera, ...counts, code: 'internal', detail },
    });
  }
}
