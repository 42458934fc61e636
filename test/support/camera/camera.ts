import { clip } from '../clips.ts';
import type { RtspOptions } from './rtsp-options.ts';
import { RtspServer } from './rtsp-server.ts';

export interface SimulatedCameraOptions {
  readonly name: string;
  readonly clip: 'h264' | 'h265';
  readonly user: string;
  readonly password: string;
  readonly rtsp?: Partial<RtspOptions>;
}

/** A camera on 127.0.0.1 that speaks the real protocols and plays a clip for ever. */
export class SimulatedCamera {
  readonly name: string;
  readonly rtsp: RtspServer;
  readonly #login: { user: string; password: string };
  #clockOffsetMs = 0;

  constructor(options: SimulatedCameraOptions) {
    this.name = options.name;
    this.#login = { user: options.user, password: options.password };
    const needs = { name: options.name, login: this.#login, wallMs: () => this.wallMs() };
    this.rtsp = new RtspServer({ ...needs, clip: clip(options.clip) }, options.rtsp);
  }

  get rtspPort(): number {
    return this.rtsp.port;
  }

  /** The camera's own clock, Unix milliseconds. */
  wallMs(): number {
    return Date.now() + this.#clockOffsetMs;
  }

  async start(): Promise<void> {
    await this.rtsp.listen();
  }

  async stop(): Promise<void> {
    await this.rtsp.close();
  }

  /**
   * Takes the camera off the network.
   * @param how `refused`: connections are reset and new ones refused; `silent`: nothing answers, nothing closes
   */
  async unplug(how: 'refused' | 'silent' = 'refused'): Promise<void> {
    if (how === 'silent') this.rtsp.setSilent(true);
    else await this.rtsp.close();
  }

  /** The camera is back on the same ports; connections from before are gone. */
  async plug(): Promise<void> {
    if (this.rtsp.faults.silent) await this.rtsp.close();
    this.rtsp.setSilent(false);
    await this.rtsp.listen();
  }

  stall(on: boolean): void {
    this.rtsp.faults.stalled = on;
  }

  /** Moves the camera's clock away from the host's. */
  setClockOffset(ms: number): void {
    this.#clockOffsetMs = ms;
  }

  setPassword(password: string): void {
    this.#login.password = password;
    this.rtsp.expireNonces();
  }
}
