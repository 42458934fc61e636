import type { Clock } from '../../base/clock.ts';
import type { Code } from '../../base/codes.ts';
import type { Log } from '../../base/log.ts';
import { RepeatedFault } from '../../base/repeated.ts';
import type { CameraHealthState, Fields } from '../../contract/messages.ts';
import type { PictureNumbers } from '../../contract/picture.ts';
import { FINE_GRID } from '../../contract/picture-grids.ts';
import type { Reporter } from '../../contract/reporter.ts';
import type { PictureReport } from '../../contract/video-link.ts';
import type { Memory } from '../../store/store.ts';
import type { PictureFault } from './finding.ts';
import { type Judgement, PictureJudge } from './judge.ts';
import { fromText, toText } from './kept.ts';

/** Between two looks of which the second confirms the first. */
const SOON = 1 / 3;
/** A verdict without a look for so many intervals is none any more. */
const STALE_INTERVALS = 3;
/** A picture that the decoder fails at costs the others their turns: it is tried ever more rarely, at most so many intervals apart. Source: guess. */
const MAX_BACK_OFF = 8;
/** How often what was learnt is kept. Source: guess; some kilobytes per camera. */
const KEEP_MS = 10 * 60_000;
const ROOM = 'picture';

export interface PictureWatchNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly reporter: Pick<Reporter, 'measure'>;
  readonly memory: Memory;
  /** Asks the video process for a look. @returns false when it is away */
  readonly look: (camera: string, confirms: boolean) => boolean;
}

export interface PictureOptions {
  readonly camera: string;
  /** `moving`: the camera is turned by operators; `off`: its pictures are not looked at. */
  readonly check: 'fixed' | 'moving' | 'off';
  readonly intervalMs: number;
}

export interface PictureFields
  extends Pick<CameraHealthState, 'picture' | 'picture_view' | 'picture_detail'> {}

/** What stood confirmed. */
export interface PictureTrouble {
  readonly cause: PictureFault;
  readonly detail: string;
}

/** What another one knew that watched the same camera before. */
export interface WatchedBefore {
  /** What the last look gave: the video process may say that nothing has changed since. */
  readonly seen?: PictureNumbers | undefined;
  /** It stands until looks say otherwise: nobody has repaired the camera by starting the agent again. */
  readonly trouble?: PictureTrouble | undefined;
}

/** Looks at the pictures of one camera at a pace, and keeps what it learns of them. */
export class PictureWatch {
  readonly #needs: PictureWatchNeeds;
  readonly #options: PictureOptions;
  readonly #judge: PictureJudge;
  readonly #fault: RepeatedFault;
  #nextMs: number | undefined;
  #lookedMs: number | undefined;
  /** When there could be no look, since pictures that were to come did not, or this began. */
  #blindMs: number;
  #keptMs: number;
  #last: Judgement | undefined;
  #numbers: PictureNumbers | undefined;
  #failure: { readonly code: Code; readonly detail: string } | undefined;
  #decoderFailures = 0;

  constructor(needs: PictureWatchNeeds, options: PictureOptions, { seen, trouble }: WatchedBefore = {}) {
    this.#needs = needs;
    this.#options = options;
    this.#numbers = seen;
    const kept = needs.memory.get(ROOM, options.camera);
    this.#judge = new PictureJudge(
      { moves: options.check === 'moving' },
      kept === undefined ? undefined : fromText(kept),
      trouble && { fault: trouble.cause, certain: true, detail: trouble.detail },
    );
    this.#fault = new RepeatedFault(needs.clock);
    this.#keptMs = needs.clock.monotonicMs();
    this.#blindMs = needs.clock.monotonicMs();
  }

  /** Forgets a camera that is no longer watched. */
  static forget(memory: Memory, camera: string): void {
    memory.delete(ROOM, camera);
  }

  /** What the last look gave. */
  get seen(): PictureNumbers | undefined {
    return this.#numbers;
  }

  /** Asks for a look when one is due. @param flowing whether pictures come @param expected whether they are to */
  tick(flowing: boolean, expected: boolean): void {
    const nowMs = this.#needs.clock.monotonicMs();
    if (!flowing && expected) this.#blindMs = nowMs;
    if (!this.#isOn || !flowing) return;
    this.#nextMs ??= nowMs + this.#needs.random() * SOON * this.#options.intervalMs;
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + this.#options.intervalMs;
    const confirms = this.#last?.soon === true && this.#last.state !== 'learning';
    this.#needs.look(this.#options.camera, confirms);
  }

  take(report: PictureReport): void {
    if (!this.#isOn) return;
    const nowMs = this.#needs.clock.monotonicMs();
    const numbers = report.picture ?? this.#sameAsBefore(report);
    if (!numbers) {
      this.#failed(report);
      return;
    }
    this.#fault.recovered();
    this.#failure = undefined;
    this.#decoderFailures = 0;
    this.#numbers = numbers;
    const look = { stream: report.stream, numbers, atMs: nowMs };
    this.#last = this.#judge.take(look, this.#options.intervalMs);
    this.#lookedMs = nowMs;
    if (this.#last.soon) this.#nextMs = nowMs + SOON * this.#options.intervalMs;
    this.#tell(report, numbers, this.#last);
    if (nowMs - this.#keptMs >= KEEP_MS) this.keep();
  }

  /** Writes down what was learnt. */
  keep(): void {
    if (!this.#isOn || !this.#judge.references.isReady) return;
    this.#keptMs = this.#needs.clock.monotonicMs();
    this.#needs.memory.set(ROOM, this.#options.camera, toText(this.#judge.references));
  }

  /** The view is as it should be. @returns what was done, in one sentence */
  confirm(): string {
    const anew = this.#judge.confirm();
    this.#begin();
    return `${this.#options.camera}: the view is confirmed${anew ? ', and learnt anew from now on' : ''}`;
  }

  /** Forgets the view. @returns what was done, in one sentence */
  reset(): string {
    this.#judge.reset();
    this.#begin();
    return `${this.#options.camera}: the view is forgotten and learnt anew`;
  }

  /** What is wrong with the pictures, once confirmed; that they stay away for a while repairs nothing. */
  get trouble(): PictureTrouble | undefined {
    const isOld = this.#isOld(Math.max(this.#blindMs, this.#lookedMs ?? this.#blindMs));
    const fault = this.#isOn && !isOld ? this.#judge.found : undefined;
    return fault && { cause: fault.fault, detail: fault.detail };
  }

  get fields(): PictureFields {
    const { references } = this.#judge;
    const known = references.confirmed ? 'confirmed' : 'learnt';
    return {
      picture: this.#state(),
      picture_view: references.isReady ? known : references.recent ? 'learning' : 'unknown',
      picture_detail: this.#detail(),
    };
  }

  get #isOn(): boolean {
    return this.#options.check !== 'off' && this.#options.intervalMs > 0;
  }

  get #isFresh(): boolean {
    return this.#lookedMs !== undefined && !this.#isOld(this.#lookedMs);
  }

  #isOld(atMs: number): boolean {
    return this.#needs.clock.monotonicMs() - atMs > STALE_INTERVALS * this.#options.intervalMs;
  }

  #state(): PictureFields['picture'] {
    if (!this.#isOn) return 'off';
    return this.#isFresh && this.#last && !this.#failure ? this.#last.state : 'not-checked';
  }

  #detail(): string {
    if (!this.#isOn) return '';
    if (this.#failure?.code === 'picture-decoder-missing') return 'not checked, no decoder';
    if (this.#failure) return `not checked, ${this.#failure.code}`;
    if (!this.#isFresh || !this.#last) return 'not checked, no key frame came';
    const { fault, state, focusShown } = this.#last;
    return fault?.detail ?? (state === 'ok' && !focusShown ? 'focus not checked, too few sharp edges' : '');
  }

  /** The key frame has the bytes of the one that was looked at before: nothing has changed. */
  #sameAsBefore({ stream, code }: PictureReport): PictureNumbers | undefined {
    if (!this.#numbers || !stream.sameAsBefore || code !== undefined) return undefined;
    return { ...this.#numbers, change: { pixels: 0, means: 0 } };
  }

  #failed({ code = 'picture-undecodable', detail = '' }: PictureReport): void {
    this.#failure = { code, detail };
    const { camera, intervalMs } = this.#options;
    if (code === 'picture-decoder-failed') {
      const intervals = Math.min(2 ** this.#decoderFailures, MAX_BACK_OFF);
      this.#decoderFailures += 1;
      this.#nextMs = this.#needs.clock.monotonicMs() + intervals * intervalMs;
    }
    const told = this.#fault.happened(code);
    if (told) this.#needs.log.warn({ camera, code, detail, count: told.count }, 'picture not checked');
  }

  #begin(): void {
    this.#last = undefined;
    this.#lookedMs = undefined;
    this.#nextMs = this.#needs.clock.monotonicMs();
    this.#needs.memory.set(ROOM, this.#options.camera, toText(this.#judge.references));
  }

  #tell({ stream }: PictureReport, numbers: PictureNumbers, judgement: Judgement): void {
    const { comparison } = judgement;
    const fields: Fields<'picture'> = {
      camera: this.#options.camera,
      state: judgement.state,
      light: judgement.light,
      cause: judgement.fault?.fault ?? 'none',
      suspected: judgement.finding?.fault ?? 'none',
      level_mean: rounded(numbers.mean),
      level_low: numbers.low,
      level_high: numbers.high,
      white_percent: rounded(100 * numbers.white),
      noise: rounded(numbers.noise),
      ...(numbers.edgeRise !== undefined && { edge_rise: rounded(numbers.edgeRise) }),
      ...(numbers.change && { change: rounded(numbers.change.pixels) }),
      ...(comparison && {
        likeness_percent: Math.round(100 * Math.max(0, comparison.likeness)),
        lost_percent: Math.round(100 * comparison.lost),
      }),
      ...(comparison?.offset && {
        moved_right_percent: Math.round((100 * comparison.offset.columns) / FINE_GRID.columns),
        moved_down_percent: Math.round((100 * comparison.offset.rows) / FINE_GRID.rows),
      }),
      frame_bytes: stream.otherBytes,
    };
    this.#needs.reporter.measure('picture', this.#options.camera, fields);
  }
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
