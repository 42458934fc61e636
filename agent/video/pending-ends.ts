/**
 * What has begun to end, by camera: pulls, and destinations that leave. The next pull of a camera waits for those before
 * it, and the engine for all. Each is forgotten as it ends: a pull lives for months, and is never waited for meanwhile.
 */
export class PendingEnds {
  readonly #pending = new Map<string, Set<Promise<void>>>();

  keep(camera: string, end: Promise<void>): void {
    const pending = this.#pending.get(camera) ?? new Set();
    this.#pending.set(camera, pending);
    const kept = end.finally(() => {
      pending.delete(kept);
      if (pending.size === 0 && this.#pending.get(camera) === pending) this.#pending.delete(camera);
    });
    pending.add(kept);
  }

  /** Resolves when those that are kept now have ended. */
  async of(camera: string): Promise<void> {
    await Promise.all(this.#pending.get(camera) ?? []);
  }

  /** The same of every camera. */
  async all(): Promise<void> {
    await Promise.all([...this.#pending.keys()].map((camera) => this.of(camera)));
  }
}
