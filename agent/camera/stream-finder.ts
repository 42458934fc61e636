import type { Clock } from '../base/clock.ts';
import { DeviceError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { RepeatedFault } from '../base/repeated.ts';
import { type RetryPolicy, retryLoop } from '../base/retry.ts';
import type { FleetCamera, FleetMemory } from './fleet-camera.ts';
import type { OnvifCamera } from './onvif/onvif-camera.ts';

export interface StreamFinderNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly memory: FleetMemory;
  /** The address was found, or is another one than before. */
  readonly found: () => void;
}

/**
 * Until the address is known there are no pictures: a camera that comes back after a long absence is found as soon as
 * its pictures would be. Source: guess.
 */
export const FINDER_RETRY: RetryPolicy = {
  neverUp: { firstMs: 2_000, factor: 2, capMs: 8_000, jitter: 0.5 },
  wasUp: { firstMs: 2_000, factor: 2, capMs: 8_000, jitter: 0.5 },
  stableMs: 0,
};
/** An answer older than this is asked anew when the camera does not know the stream. Source: guess. */
const DOUBT_INTERVAL_MS = 30_000;

/**
 * Knows where the stream of one camera is: from the configuration, or from ONVIF. What ONVIF said last is kept, so
 * that a box that starts while ONVIF is away pulls the stream all the same.
 */
export class StreamFinder {
  readonly #needs: StreamFinderNeeds;
  readonly #camera: FleetCamera;
  readonly #onvif: OnvifCamera | undefined;
  readonly #key: string;
  #url: string | undefined;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #abort = new AbortController();
  #asking: Promise<void> | undefined;

  constructor(needs: StreamFinderNeeds, camera: FleetCamera, onvif: OnvifCamera | undefined) {
    this.#needs = needs;
    this.#camera = camera;
    this.#onvif = onvif;
    this.#key = `stream:${camera.id}`;
  }

  /** The address, without user part; undefined until it is known. */
  get url(): string | undefined {
    return this.#url;
  }

  start(): void {
    const { rtsp } = this.#camera;
    if (rtsp?.path !== undefined) this.#url = this.#address(rtsp.port, rtsp.path, rtsp.tls);
    else {
      this.#url = this.#kept();
      this.#ask();
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#asking;
  }

  askAgain(): void {
    if (this.#camera.rtsp?.path !== undefined || this.#asking !== undefined) return;
    if (this.#needs.clock.monotonicMs() - this.#askedAtMs >= DOUBT_INTERVAL_MS) this.#ask();
  }

  /** Forgets the kept address: the camera has left the configuration. */
  forget(): void {
    this.#needs.memory.delete(this.#key);
  }

  #ask(): void {
    const { log } = this.#needs;
    const camera = this.#camera.id;
    const repeated = new RepeatedFault(this.#needs.clock);
    const done = new AbortController();
    const signal = AbortSignal.any([this.#abort.signal, done.signal]);
    const onFailure = (err: unknown) => {
      const told = repeated.happened(String((err as { code?: string }).code));
      if (told) log.warn({ err, camera, count: told.count }, 'the address of the stream could not be asked');
    };
    this.#asking = retryLoop(
      { ...this.#needs, onFailure },
      FINDER_RETRY,
      async (up, inner) => {
        await this.#askOnce(inner);
        up();
        done.abort();
      },
      signal,
    ).finally(() => {
      this.#asking = undefined;
    });
  }

  async #askOnce(signal: AbortSignal): Promise<void> {
    const { onvif, rtsp, id } = this.#camera;
    if (!this.#onvif || !onvif)
      throw new DeviceError('camera-unsupported', `${id}: no ONVIF to ask for the stream`);
    const token = onvif.profile ?? (await this.#firstProfile(this.#onvif, signal));
    const answer = await this.#onvif.streamUri(token, signal);
    this.#askedAtMs = this.#needs.clock.monotonicMs();
    const url = this.#address(rtsp?.port ?? answer.port, answer.path, rtsp?.tls ?? answer.tls);
    if (url === this.#url) return;
    this.#url = url;
    this.#needs.memory.set(this.#key, JSON.stringify({ asked: this.#question(), url }));
    this.#needs.found();
  }

  async #firstProfile(onvif: OnvifCamera, signal: AbortSignal): Promise<string> {
    const profiles = await onvif.profiles(signal);
    const first = profiles.find(({ codec }) => codec === 'h264' || codec === 'h265');
    if (first) return first.token;
    const seen = profiles.map(({ codec }) => codec).join(', ') || 'none';
    throw new DeviceError(
      'camera-no-video',
      `${this.#camera.id}: expected a profile with H.264 or H.265, found ${seen}`,
    );
  }

  #address(port: number, path: string, tls: boolean): string {
    const { host } = this.#camera;
    return `${tls ? 'rtsps' : 'rtsp'}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
  }

  /** What the kept address answers: another host or profile makes it void. */
  #question(): string {
    const { host, onvif, rtsp } = this.#camera;
    return JSON.stringify([host, onvif, rtsp]);
  }

  #kept(): string | undefined {
    const kept = parse(this.#needs.memory.get(this.#key));
    return kept?.asked === this.#question() && typeof kept.url === 'string' ? kept.url : undefined;
  }
}

/** @returns undefined for what this program has not written: the camera is asked */
function parse(text: string | undefined): { asked?: unknown; url?: unknown } | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) ?? undefined);
  } catch {
    return undefined;
  }
}
