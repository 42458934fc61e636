import { asBeffroiError } from '../../base/errors.ts';
import type { Service } from '../../base/lifecycle.ts';
import type { Log } from '../../base/log.ts';
import { scrubUrls } from '../../base/text.ts';
import type { AccessUnit, VideoCodec } from '../../camera/types.ts';
import type { PictureReport } from '../../contract/video-link.ts';
import type { PullStream } from '../camera-stream.ts';
import { describePicture } from './numbers.ts';
import { type KeyFrame, PictureSource } from './picture-source.ts';
import type { SmallPicture } from './small-picture.ts';

/** Key frames that wait for the decoder, of all cameras together, bytes. Source: guess; one of 4K has about 1 MB. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;

export interface PictureDeskNeeds {
  readonly log: Log;
  readonly decode: (codec: VideoCodec, stream: Buffer, signal: AbortSignal) => Promise<SmallPicture>;
  /** Tells the agent. */
  readonly report: (report: PictureReport) => void;
}

interface Work {
  readonly camera: string;
  readonly keyFrame: KeyFrame;
  /** Aborts when the pull has ended that it comes from: nothing of it is looked at or kept any more. */
  readonly ended: AbortSignal;
}

/**
 * Looks at a camera when the agent asks: the next key frame of the stream that is pulled anyhow is decoded and put into
 * numbers. One picture at a time, in memory, and nothing but the numbers leaves.
 */
export class PictureDesk implements Service {
  readonly name = 'picture desk';
  readonly #needs: PictureDeskNeeds;
  readonly #wanted = new Set<string>();
  readonly #before = new Map<string, SmallPicture>();
  readonly #stopping = new AbortController();
  #waiting: Work[] = [];
  #working: Promise<void> | undefined;

  constructor(needs: PictureDeskNeeds) {
    this.#needs = needs;
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#working;
  }

  /** Looks at the next key frame of a camera; nothing comes of it while the camera is not pulled. */
  look(camera: string): void {
    this.#wanted.add(camera);
  }

  /** Nobody asks any more. */
  forgetAll(): void {
    this.#wanted.clear();
    this.#waiting = [];
  }

  /** The same pull, with its key frames in reach; the view of a camera is known by its main stream alone. */
  watching(pull: PullStream): PullStream {
    return async (entry, permit, handlers, signal) => {
      const { camera, profile } = entry;
      if (profile === 'sub') {
        await pull(entry, permit, handlers, signal);
        return;
      }
      let source: PictureSource | undefined;
      const ending = new AbortController();
      const watched: typeof handlers = {
        ...handlers,
        described: (track, counters) => {
          source = new PictureSource(track);
          handlers.described(track, counters);
        },
        accessUnit: (unit) => {
          handlers.accessUnit(unit);
          if (source) this.#watch(camera, source, unit, ending.signal);
        },
      };
      try {
        await pull(entry, permit, watched, signal);
      } finally {
        ending.abort();
        this.#forget(camera);
      }
    };
  }

  #forget(camera: string): void {
    this.#wanted.delete(camera);
    this.#before.delete(camera);
    this.#waiting = this.#waiting.filter((work) => work.camera !== camera);
  }

  /** A fault of ours in here costs a look and never the stream. */
  #watch(camera: string, source: PictureSource, unit: AccessUnit, ended: AbortSignal): void {
    try {
      const keyFrame = source.take(unit, this.#isWanted(camera));
      if (keyFrame) this.#take({ camera, keyFrame, ended });
    } catch (err) {
      this.#wanted.delete(camera);
      this.#needs.log.error({ err, camera }, 'key frame could not be taken for a look');
    }
  }

  /** Looks that are asked for faster than they are taken do not pile up: one picture of a camera waits. */
  #isWanted(camera: string): boolean {
    const waits = this.#waiting.some((work) => work.camera === camera);
    return this.#wanted.has(camera) && !waits && !this.#stopping.signal.aborted;
  }

  #take(work: Work): void {
    const waiting = this.#waiting.reduce((sum, { keyFrame }) => sum + keyFrame.stream.length, 0);
    if (waiting + work.keyFrame.stream.length > MAX_WAITING_BYTES) return;
    this.#wanted.delete(work.camera);
    this.#waiting.push(work);
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  async #work(): Promise<void> {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      if (this.#stopping.signal.aborted) return;
      await this.#lookAt(next);
    }
  }

  async #lookAt({ camera, keyFrame, ended }: Work): Promise<void> {
    const { report } = this.#needs;
    const about = { type: 'picture', camera, stream: keyFrame.numbers } as const;
    if (keyFrame.numbers.sameAsBefore && this.#before.has(camera)) {
      report(about);
      return;
    }
    try {
      const signal = AbortSignal.any([this.#stopping.signal, ended]);
      const picture = await this.#needs.decode(keyFrame.codec, keyFrame.stream, signal);
      if (!signal.aborted) report({ ...about, picture: this.#describe(camera, picture) });
    } catch (thrown) {
      if (this.#stopping.signal.aborted || ended.aborted) return;
      const { code, message } = asBeffroiError(thrown);
      this.#needs.log.debug({ camera, code, detail: message }, 'no picture to look at');
      report({ ...about, code, detail: scrubUrls(message).slice(0, 500) });
    }
  }

  #describe(camera: string, picture: SmallPicture): PictureReport['picture'] {
    const before = this.#before.get(camera);
    this.#before.set(camera, picture);
    return describePicture(picture, before);
  }
}
