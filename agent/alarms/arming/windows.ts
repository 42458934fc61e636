import type { ClockTrust } from '../../base/clock.ts';
import type { Fields } from '../../contract/messages.ts';
import type { Reporter } from '../../contract/reporter.ts';
import type { Store } from '../../store/store.ts';
import { Countdown } from '../life/countdown.ts';
import { type KeptWindow, parseWindow, type Window } from './window-record.ts';

export interface Now {
  readonly wallMs: number;
  readonly monotonicMs: number;
  readonly trust: ClockTrust;
}

export interface WindowNeeds {
  readonly store: Store;
  readonly reporter: Reporter;
}

/** The room's name in the store's memory. */
const ROOM = 'alarm-windows';
/** Windows that were announced by command and are not over. Source: guess. */
export const ANNOUNCED_MAX = 64;
const POINTS_TEXT_MAX = 2000;

/** Works on cameras or the box that were announced. One never began before it was announced. */
export interface Works extends Window {
  readonly cameras: readonly string[];
  readonly box: boolean;
}

interface Entry {
  readonly kept: KeptWindow;
  readonly countdown: Countdown | undefined;
}

type Phase = Fields<'window'>['transition'];

/**
 * The windows of the configuration and of the commands. One begins by wall time that can be believed, and ends by the
 * monotonic clock; one that has ended stays so, whatever the wall clock does. What becomes of each is an event.
 */
export class Windows {
  readonly #needs: WindowNeeds;
  readonly #entries: Map<string, Entry>;

  constructor(needs: WindowNeeds, monotonicMs: number) {
    this.#needs = needs;
    this.#entries = new Map(
      needs.store.memory.entries(ROOM).flatMap(([id, text]) => {
        const kept = parseWindow(text);
        const { left } = kept ?? {};
        const countdown = left && Countdown.restored(left, monotonicMs);
        return kept ? [[id, { kept, countdown }]] : [];
      }),
    );
  }

  /** Windows of commands that are not over. */
  get announced(): number {
    return [...this.#entries.values()].filter(({ kept }) => kept.window.signer !== '').length;
  }

  /** Whether an order announced it and it is not over. */
  isAnnounced(id: string): boolean {
    return (this.#entries.get(id)?.kept.window.signer ?? '') !== '';
  }

  /** Takes those of the configuration in place of the ones before. */
  configure(windows: readonly Window[], wallMs: number): void {
    const wanted = new Set(windows.map(({ id }) => id));
    for (const [id, { kept }] of [...this.#entries])
      if (kept.window.signer === '' && !wanted.has(id)) this.cancel(id);
    for (const window of windows) this.#configureOne(window, wallMs);
  }

  /** @param announcedMs wall time */
  announce(window: Window, announcedMs: number): void {
    this.#keep({ window, phase: 'announced', announcedMs }, undefined, 'announced');
  }

  /** Windows that have begun in which cameras or the box are worked on. */
  works(): Works[] {
    return [...this.#entries.values()].flatMap(({ kept, countdown }) => {
      const { window, announcedMs = window.startMs } = kept;
      const { cameras = [], box = false } = window;
      if (!countdown || (cameras.length === 0 && !box)) return [];
      return [{ ...window, cameras, box, startMs: Math.max(window.startMs, announcedMs) }];
    });
  }

  /** @param by who cancels it; the one who announced it when absent */
  cancel(id: string, by?: { readonly by: string; readonly signer: string; readonly why: string }): void {
    const kept = this.#entries.get(id)?.kept;
    if (kept) this.#forget({ ...kept.window, ...by }, kept.phase === 'ended' ? undefined : 'cancelled');
  }

  /** Begins and ends what is due. */
  evaluate(now: Now): void {
    for (const { kept, countdown } of [...this.#entries.values()]) {
      if (countdown) this.#look(kept, countdown, now);
      else if (kept.phase === 'announced') this.#await(kept, now);
    }
  }

  /** The window that decides for a point; of several a mission, since it asks for more. */
  of(point: string): Window | undefined {
    const begun = [...this.#entries.values()].filter(
      ({ kept, countdown }) => countdown && kept.window.points.includes(point),
    );
    const windows = begun.map(({ kept }) => kept.window);
    return windows.find(({ effect }) => effect === 'mission') ?? windows[0];
  }

  #configureOne(window: Window, wallMs: number): void {
    const known = this.#entries.get(window.id)?.kept;
    if (known && JSON.stringify(known.window) === JSON.stringify(window)) return;
    if (known) this.cancel(window.id);
    this.announce(window, wallMs);
  }

  #await(kept: KeptWindow, now: Now): void {
    const { startMs, endMs } = kept.window;
    if (now.trust === 'untrusted' || now.wallMs < startMs) return;
    if (now.wallMs >= endMs) this.#end(kept);
    else this.#begin(kept, now);
  }

  #begin(kept: KeptWindow, now: Now): void {
    const { window } = kept;
    const countdown = Countdown.until(window.endMs, now);
    const left = countdown.record(now.monotonicMs);
    this.#keep({ ...kept, phase: 'begun', left }, countdown, 'begun');
  }

  #look(kept: KeptWindow, countdown: Countdown, now: Now): void {
    if (countdown.isOver(now)) {
      this.#end(kept);
      return;
    }
    const left = countdown.due(now.monotonicMs);
    if (left) this.#keep({ ...kept, left }, countdown);
  }

  /** One of the configuration is remembered until the configuration forgets it. */
  #end({ window }: KeptWindow): void {
    if (window.signer === '') this.#keep({ window, phase: 'ended' }, undefined, 'ended');
    else this.#forget(window, 'ended');
  }

  #keep(kept: KeptWindow, countdown: Countdown | undefined, told?: Phase): void {
    this.#needs.store.transaction(() => {
      this.#needs.store.memory.set(ROOM, kept.window.id, JSON.stringify(kept));
      if (told) this.#tell(kept.window, told);
    });
    this.#entries.set(kept.window.id, { kept, countdown });
  }

  #forget(window: Window, told: Phase | undefined): void {
    this.#needs.store.transaction(() => {
      this.#needs.store.memory.delete(ROOM, window.id);
      if (told) this.#tell(window, told);
    });
    this.#entries.delete(window.id);
  }

  #tell(window: Window, transition: Phase): void {
    const { id, effect, points, cameras, box, startMs, endMs, by, signer, why } = window;
    this.#needs.reporter.event('window', 'collector', {
      window: id,
      effect,
      transition,
      points: points.join(' ').slice(0, POINTS_TEXT_MAX),
      point_count: points.length,
      ...(cameras && { cameras: cameras.join(' ').slice(0, POINTS_TEXT_MAX), camera_count: cameras.length }),
      ...(box !== undefined && { box }),
      start: startMs,
      end: endMs,
      by,
      signer,
      why,
    });
  }
}
