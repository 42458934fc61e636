import { DeviceError } from '../base/errors.ts';
import type { Service } from '../base/lifecycle.ts';
import { Pulse, type Working } from '../base/pulse.ts';
import type { CameraState } from '../contract/messages.ts';
import type { StatusSnapshot } from '../contract/status.ts';
import type { PictureReport } from '../contract/video-link.ts';
import {
  CameraHealth,
  type CameraHealthNeeds,
  type ObservedCamera,
  type StreamAddress,
} from './camera-health.ts';
import type { HealthLimits } from './evidence.ts';
import type { StreamReport, WatchedCamera } from './evidence-keeper.ts';
import { forgetIdentity } from './identity.ts';
import { LagGuard } from './lag-guard.ts';
import { forgetFault } from './last-fault.ts';
import type { MeasureReport } from './measure-window.ts';
import { PictureWatch } from './picture/watch.ts';
import { KeptHours } from './quality/kept.ts';
import { SegmentTeller } from './segment-teller.ts';
import { type Segment, Segments, type SegmentView } from './segments.ts';
import { forgetSince, keptCameras } from './since.ts';
import type { DestinationReport } from './undeliverable.ts';

/** How often verdicts that depend on time alone are looked at. Source: guess, small against the 5 s of a dead stream. */
const TICK_MS = 250;
/** Longer than any look at all cameras takes. Source: guess. */
const LONGEST_ROUND_MS = 10_000;

export type CameraHealthRoomNeeds = Omit<CameraHealthNeeds, 'surroundings' | 'hours'>;

/** The health of every camera of the configuration, and of the network that they share. */
export class CameraHealthRoom implements Service, Working {
  readonly name = 'camera health';
  readonly #needs: CameraHealthNeeds;
  readonly #segments = new Segments();
  readonly #teller: SegmentTeller;
  readonly #lag = new LagGuard(TICK_MS);
  readonly #cameras = new Map<string, CameraHealth>();
  readonly #abort = new AbortController();
  readonly #pulse: Pulse;
  readonly #addresses = new Map<string, StreamAddress>();
  #configured = new Map<string, string>();
  #ticking: Promise<void> = Promise.resolve();
  #videoRunning = false;

  constructor(needs: CameraHealthRoomNeeds) {
    const segments = this.#segments;
    this.#needs = {
      ...needs,
      hours: new KeptHours(needs.memory, needs.clock),
      surroundings: (camera) => ({
        consequenceOf: segments.causeOf(camera),
        neighboursAnswer: segments.neighboursAnswer(camera),
      }),
    };
    this.#teller = new SegmentTeller(needs);
    this.#pulse = new Pulse(needs.clock, LONGEST_ROUND_MS);
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#abort.abort(), { once: true, signal: this.#abort.signal });
    this.#ticking = this.#tick(this.#abort.signal);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all([...this.#cameras.values()].map((camera) => camera.stop()));
    await this.#ticking;
    this.#keepHours();
  }

  /** Watches these cameras and no others; an unchanged camera notices nothing. Call after `start`. */
  async apply(
    cameras: readonly WatchedCamera[],
    limits: HealthLimits,
    segments: readonly Segment[] = [],
  ): Promise<void> {
    const enabled = cameras.filter((camera) => camera.enabled);
    this.#segments.apply(segments, enabled);
    const ids = new Set(cameras.map((camera) => camera.id));
    const known = new Set([...this.#cameras.keys(), ...keptCameras(this.#needs.memory)]);
    await Promise.all([...known].filter((id) => !ids.has(id)).map((id) => this.#remove(id)));
    if (this.#abort.signal.aborted) return;
    await Promise.all(cameras.map((camera) => this.#put(camera, limits)));
  }

  onStream(report: StreamReport): void {
    this.#cameras.get(report.camera)?.onStream(report);
  }

  onDestination(report: DestinationReport): void {
    this.#cameras.get(report.camera)?.onDestination(report);
  }

  onPicture(report: PictureReport): void {
    this.#cameras.get(report.camera)?.onPicture(report);
  }

  /** The view of a camera is as it should be. @returns what was done @throws DeviceError `camera-not-found` */
  confirmPicture(camera: string): string {
    return this.#watched(camera).confirmPicture();
  }

  /** Forgets the view of a camera. @returns what was done @throws DeviceError `camera-not-found` */
  resetPicture(camera: string): string {
    return this.#watched(camera).resetPicture();
  }

  onMeasure(report: MeasureReport): void {
    this.#cameras.get(report.camera)?.onMeasure(report);
  }

  /** @param running whether the video process is up and answering */
  onVideo(running: boolean): void {
    this.#videoRunning = running;
    for (const camera of this.#cameras.values()) camera.onVideo(running);
  }

  /** Where the stream of a camera is, also before the camera is watched: host and port as its URL says. */
  onStreamAddress(camera: string, host: string, port: number): void {
    this.#addresses.set(camera, { host, port });
    this.#cameras.get(camera)?.onStreamAddress({ host, port });
  }

  /**
   * Asks a camera now.
   * @returns what was found, in one sentence
   * @throws DeviceError `camera-not-found` when the camera is not watched
   */
  async check(camera: string, signal: AbortSignal): Promise<string> {
    return await this.#watched(camera).check(signal);
  }

  /**
   * Confirms a repair.
   * @returns what was wrong before, and how the camera is now
   * @throws DeviceError `camera-not-found` as with `check`; `repair-not-confirmed` when the camera is not well
   */
  async confirm(camera: string, signal: AbortSignal): Promise<string> {
    return await this.#watched(camera).confirm(signal);
  }

  /** Whether the cameras are no longer looked at. */
  get stuck(): boolean {
    return this.#pulse.late;
  }

  /** How many cameras are in each state. */
  counts(): Record<CameraState, number> {
    const counts = { ok: 0, degraded: 0, down: 0, unknown: 0, maintenance: 0, disabled: 0 };
    for (const { state } of this.#cameras.values()) counts[state] += 1;
    return counts;
  }

  /** The parts of the local network that cameras share, the one of all cameras last; by the cameras as they are now. */
  segments(): readonly SegmentView[] {
    const verdicts = [...this.#cameras].flatMap(([id, { verdict }]) =>
      verdict ? [[id, verdict] as const] : [],
    );
    this.#segments.look(new Map(verdicts), this.#needs.clock.monotonicMs());
    return this.#segments.views();
  }

  /** The cameras as reports keep them. */
  observed(): ObservedCamera[] {
    return [...this.#cameras.values()].map((camera) => camera.observed());
  }

  status(): StatusSnapshot['cameras'] {
    return [...this.#cameras.values()].map((camera) => camera.status());
  }

  #watched(camera: string): CameraHealth {
    const health = this.#cameras.get(camera);
    if (health) return health;
    throw new DeviceError('camera-not-found', `${camera} is no camera of the configuration in force`);
  }

  async #tick(signal: AbortSignal): Promise<void> {
    const { clock } = this.#needs;
    while (!signal.aborted) {
      this.#pulse.beat();
      this.#lag.tick(clock.monotonicMs());
      for (const camera of this.#cameras.values()) camera.evaluate();
      this.#teller.tell(this.segments());
      if (this.#needs.hours.isDue) this.#keepHours();
      await clock.sleep(TICK_MS, signal).catch(() => undefined);
    }
  }

  #keepHours(): void {
    this.#needs.hours.keep(new Map([...this.#cameras].map(([id, { hour }]) => [id, hour])));
  }

  async #put(camera: WatchedCamera, limits: HealthLimits): Promise<void> {
    const entry = JSON.stringify([camera, limits]);
    if (this.#configured.get(camera.id) === entry) return;
    this.#configured.set(camera.id, entry);
    const health = this.#cameras.get(camera.id) ?? this.#added(camera, limits);
    await health.change(camera, limits, this.#addresses.get(camera.id));
  }

  #added(camera: WatchedCamera, limits: HealthLimits): CameraHealth {
    const health = new CameraHealth(this.#needs, this.#lag, camera, limits);
    this.#cameras.set(camera.id, health);
    health.onVideo(this.#videoRunning);
    return health;
  }

  async #remove(id: string): Promise<void> {
    const health = this.#cameras.get(id);
    this.#cameras.delete(id);
    this.#configured.delete(id);
    this.#addresses.delete(id);
    await health?.stop();
    this.#needs.reporter.clearState('cameraHealth', id);
    this.#needs.reporter.clearState('law', id);
    this.#needs.reporter.clearState('layers', id);
    this.#needs.reporter.clearState('quality', id);
    forgetSince(this.#needs.memory, id);
    forgetIdentity(this.#needs.memory, id);
    forgetFault(this.#needs.memory, id);
    PictureWatch.forget(this.#needs.memory, id);
    this.#needs.hours.take(id);
  }
}
