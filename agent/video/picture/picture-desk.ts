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
  readonly source: PictureSource;
  readonly keyFrame: KeyFrame;
  /** Aborts when the pull has ended that it comes from: nothing of it is looked at or kept any more. */
  readonly ended: AbortSignal;
}

/**
 * Looks at a camera when the agent asks: the next key frame of the stream that is pulled anyhow is decoded and put into
 * numbers. One picture at a time, in memory, and nothing but the numbers leaves. Where the decoder does not keep up, the
 * camera that has waited longest is next, with the key frame that came last: nobody waits twice, and nothing that is
 * looked at is old.
 */
export class PictureDesk implements Service {
  readonly name = 'picture desk';
  readonly #needs: PictureDeskNeeds;
  readonly #wanted = new Set<string>();
  readonly #confirming = new Set<string>();
  readonly #before = new Map<string, SmallPicture>();
  readonly #stopping = new AbortController();
  /** In the order in which they came to wait. */
  readonly #waiting = new Map<string, Work>();
  #working: Promise<void> | undefined;
  #letBefore = false;
  /** Aborted when the agent goes. */
  #asked = new AbortController();
  #decoding = '';

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

  /**
   * Looks at the next key frame of a camera; nothing comes of it while the camera is not pulled.
   * @param confirms it goes before those that are merely due, but for every other one of them
   */
  look(camera: string, confirms: boolean): void {
    this.#wanted.add(camera);
    if (confirms) this.#confirming.add(camera);
  }

  /** Nobody asks any more; who asks next knows no picture, also not the one that is looked at now. */
  forgetAll(): void {
    this.#asked.abort();
    this.#asked = new AbortController();
    this.#before.clear();
    this.#wanted.clear();
    this.#confirming.clear();
    this.#waiting.clear();
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
    this.#confirming.delete(camera);
    this.#before.delete(camera);
    this.#waiting.delete(camera);
  }

  /** A fault of ours in here costs a look and never the stream. */
  #watch(camera: string, source: PictureSource, unit: AccessUnit, ended: AbortSignal): void {
    try {
      const keyFrame = source.take(unit, this.#isWanted(camera));
      if (keyFrame) this.#take({ camera, source, keyFrame, ended });
    } catch (err) {
      this.#wanted.delete(camera);
      this.#needs.log.error({ err, camera }, 'key frame could not be taken for a look');
    }
  }

  /** A picture that waits gives way to the next one. */
  #isWanted(camera: string): boolean {
    const isAsked = this.#wanted.has(camera) || this.#waiting.has(camera);
    return isAsked && !this.#stopping.signal.aborted;
  }

  #take(work: Work): void {
    const { camera, keyFrame } = work;
    this.#wanted.delete(camera);
    const isKnown = this.#before.has(camera) && camera !== this.#decoding;
    if (keyFrame.numbers.sameAsBefore && isKnown) this.#same(work);
    else this.#wait(work);
  }

  /** Nothing has changed: there is nothing to decode, nor to wait for. */
  #same({ camera, source, keyFrame }: Work): void {
    this.#waiting.delete(camera);
    this.#confirming.delete(camera);
    source.looked();
    this.#needs.report({ type: 'picture', camera, stream: keyFrame.numbers });
  }

  #wait(work: Work): void {
    const { camera, keyFrame } = work;
    const others = [...this.#waiting.values()].filter((other) => other.camera !== camera);
    const waiting = others.reduce((sum, other) => sum + other.keyFrame.stream.length, 0);
    if (waiting + keyFrame.stream.length > MAX_WAITING_BYTES) {
      this.#waiting.delete(camera);
      this.#wanted.add(camera);
      return;
    }
    this.#waiting.set(camera, work);
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  async #work(): Promise<void> {
    for (let next = this.#next(); next; next = this.#next()) {
      if (this.#stopping.signal.aborted) return;
      this.#decoding = next.camera;
      await this.#lookAt(next);
      this.#decoding = '';
    }
  }

  /** What confirms goes first, but never twice in a row before what has waited longer. */
  #next(): Work | undefined {
    const waiting = [...this.#waiting.values()];
    const [longest] = waiting;
    const confirming = waiting.find(({ camera }) => this.#confirming.has(camera));
    const next = this.#letBefore ? longest : (confirming ?? longest);
    this.#letBefore = next !== longest;
    if (!next) return undefined;
    this.#waiting.delete(next.camera);
    this.#confirming.delete(next.camera);
    next.source.looked();
    return next;
  }

  async #lookAt({ camera, keyFrame, ended }: Work): Promise<void> {
    const { report } = this.#needs;
    const about = { type: 'picture', camera, stream: keyFrame.numbers } as const;
    const signal = AbortSignal.any([this.#stopping.signal, this.#asked.signal, ended]);
    try {
      const picture = await this.#needs.decode(keyFrame.codec, keyFrame.stream, signal);
      if (!signal.aborted) report({ ...about, picture: this.#describe(camera, picture) });
    } catch (thrown) {
      if (signal.aborted) return;
      this.#before.delete(camera); // what comes next is not held against one that nobody saw
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
