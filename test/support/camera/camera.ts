import { type Clip, clip } from '../clips.ts';
import type { LegalSide } from './onvif-device.ts';
import type { OnvifCounters, OnvifOptions } from './onvif-options.ts';
import { OnvifServer } from './onvif-server.ts';
import type { Property } from './pull-points.ts';
import type { RtspCounters, RtspOptions } from './rtsp-options.ts';
import { RtspServer } from './rtsp-server.ts';

export interface SimulatedCameraOptions {
  readonly name: string;
  /** A clip of the repository by name, or any other. */
  readonly clip: 'h264' | 'h265' | Clip;
  readonly user: string;
  readonly password: string;
  /** Tokens of the digital inputs. */
  readonly inputs?: readonly string[];
  /** Address of loopback that it stands at; `127.0.0.1` when left out. */
  readonly host?: string;
  /** Where else it streams, beside its own plain stream. */
  readonly streams?: { readonly secureUrl?: string; readonly subUrl?: string };
  /** What it is asked for by a legal profile, from the beginning. */
  readonly legal?: Partial<LegalSide>;
  readonly onvif?: Partial<OnvifOptions>;
  readonly rtsp?: Partial<RtspOptions>;
}

/** A camera on loopback that speaks the real protocols and plays a clip for ever. */
export class SimulatedCamera {
  readonly name: string;
  readonly rtsp: RtspServer;
  readonly onvif: OnvifServer;
  readonly legal: LegalSide;
  readonly #login: { user: string; password: string };
  #clockOffsetMs = 0;
  #serial: string;

  constructor(options: SimulatedCameraOptions) {
    this.name = options.name;
    this.#serial = options.name;
    this.legal = { sound: false, masks: undefined, retention: undefined, ...options.legal };
    this.#login = { user: options.user, password: options.password };
    const common = { name: options.name, clip: named(options.clip), wallMs: () => this.wallMs() };
    const at = options.host === undefined ? {} : { host: options.host };
    this.rtsp = new RtspServer({ ...common, ...at, login: this.#login }, options.rtsp);
    const device = {
      ...common,
      serial: () => this.#serial,
      inputs: options.inputs ?? [],
      media2: options.onvif?.media2 ?? true,
      inputsSay: options.onvif && 'inputsSay' in options.onvif ? options.onvif.inputsSay : 'open',
      legal: this.legal,
      ...options.streams,
      streamUrl: (hostName: string) => `rtsp://${hostName}:${this.rtspPort}${this.rtsp.options.path}`,
    };
    this.onvif = new OnvifServer({ device, ...at, login: this.#login }, options.onvif);
  }

  get rtspPort(): number {
    return this.rtsp.port;
  }

  get onvifPort(): number {
    return this.onvif.port;
  }

  get counters(): { readonly rtsp: RtspCounters; readonly onvif: OnvifCounters } {
    return { rtsp: this.rtsp.counters, onvif: this.onvif.counters };
  }

  /** Logins refused, over both protocols. */
  get loginsRefused(): number {
    return this.rtsp.counters.loginsRefused + this.onvif.counters.loginsRefused;
  }

  /** The camera's own clock, Unix milliseconds. */
  wallMs(): number {
    return Date.now() + this.#clockOffsetMs;
  }

  async start(): Promise<void> {
    await Promise.all([this.rtsp.listen(), this.onvif.listen()]);
  }

  async stop(): Promise<void> {
    await Promise.all([this.rtsp.close(), this.onvif.close()]);
  }

  /**
   * Takes the camera off the network.
   * @param how `refused`: connections are reset and new ones refused; `silent`: nothing answers, nothing closes
   */
  async unplug(how: 'refused' | 'silent' = 'refused'): Promise<void> {
    if (how === 'refused') return this.stop();
    this.rtsp.setSilent(true);
    this.onvif.faults.silent = true;
  }

  /** The camera has started again on the same ports: connections and subscriptions from before are gone. */
  async plug(): Promise<void> {
    await this.stop();
    this.rtsp.setSilent(false);
    this.onvif.faults.silent = false;
    await this.start();
  }

  setInput(token: string, active: boolean): void {
    this.onvif.events.setInput(token, active);
  }

  setTampering(active: boolean): void {
    this.onvif.events.setTampering(active);
  }

  /** Any other property that events report. */
  setProperty(property: Property): void {
    this.onvif.events.points.set(property);
  }

  /** An event that only says that something happened. */
  happen(event: Property): void {
    this.onvif.events.points.happen(event);
  }

  stall(on: boolean): void {
    this.rtsp.faults.stalled = on;
  }

  /** Moves the camera's clock away from the host's. */
  setClockOffset(ms: number): void {
    this.#clockOffsetMs = ms;
  }

  /** Another device has taken its place. */
  setSerial(serial: string): void {
    this.#serial = serial;
  }

  setPassword(password: string): void {
    this.#login.password = password;
    this.rtsp.expireNonces();
    this.onvif.expireNonces();
  }
}

function named(wanted: SimulatedCameraOptions['clip']): Clip {
  return typeof wanted === 'string' ? clip(wanted) : wanted;
}
