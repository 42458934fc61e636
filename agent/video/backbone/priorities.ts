import type { BackboneOrder } from '../../contract/video-link.ts';

type Mission = BackboneOrder['missions'][number];

const NO_PRIORITY = 1;

/** The priority of each camera: that of the configuration, or that of a mission while it lasts, whichever is higher. */
export class Priorities {
  #cameras: ReadonlyMap<string, { readonly priority: number; readonly order: number }> = new Map();
  #missions: readonly (Mission & { readonly untilMs: number })[] = [];

  /** @param nowMs monotonic: missions end by it, also when the agent is away */
  take({ cameras, missions }: BackboneOrder, nowMs: number): void {
    this.#cameras = new Map(cameras.map(({ camera, priority }, order) => [camera, { priority, order }]));
    this.#missions = missions.map((mission) => ({ ...mission, untilMs: nowMs + mission.leftMs }));
  }

  /** @returns whether a mission has ended */
  expire(nowMs: number): boolean {
    const before = this.#missions.length;
    this.#missions = this.#missions.filter(({ untilMs }) => nowMs < untilMs);
    return this.#missions.length < before;
  }

  /** Priority, and place among those of equal priority. */
  of(camera: string): { readonly priority: number; readonly order: number } {
    const { priority, order } = this.#cameras.get(camera) ?? {
      priority: NO_PRIORITY,
      order: this.#cameras.size,
    };
    const missions = this.#missions.filter(({ cameras }) => cameras.includes(camera));
    return { priority: Math.max(priority, ...missions.map((mission) => mission.priority)), order };
  }
}
