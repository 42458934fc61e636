import type { Clock } from '../base/clock.ts';
import type { Code } from '../base/codes.ts';
import { asBeffroiError } from '../base/errors.ts';
import type { Ping } from '../camera/ping.ts';
import type { Memory } from '../store/store.ts';
import type { HealthLimits, PortAnswer } from './evidence.ts';
import type { EvidenceKeeper, WatchedCamera } from './evidence-keeper.ts';
import { compareIdentity } from './identity.ts';
import type { SaidOfLaw } from './law/facts.ts';
import type { Describe, OnvifHealth, TcpProbe } from './ports.ts';

/** How long a port may take to answer. A stall is to be declared within 5 s of the last picture, 3 s of which pass before. */
const PORT_TIMEOUT_MS = 1_000;
/** A wait that ends so much later than it was to was our own: whether the camera answered meanwhile is not known. Source: guess. */
const OWN_DELAY_MS = 500;
/** An accepted login, and who the camera says it is, are looked at this often while nobody asks. Source: guess. */
const LOGIN_INTERVAL_MS = 60_000;
/** A refused one counts in the latch of the camera. Source: guess. */
const REFUSED_INTERVAL_MS = 300_000;

/** Profiles, time servers and what the legal profile needs are asked this often. Source: guess; they change by hand. */
const MEDIA_INTERVAL_MS = 300_000;
/** A camera whose pictures come is pinged this often: pictures prove more. Source: guess. */
const PING_INTERVAL_MS = 300_000;
/** Codes of a camera that cannot do what was asked. */
const LACKING: readonly Code[] = ['camera-unsupported', 'camera-fault', 'camera-protocol'];

export interface ProberNeeds {
  readonly clock: Clock;
  readonly tcp: TcpProbe;
  readonly ping: Ping;
  readonly onvif: (camera: string) => OnvifHealth | undefined;
  readonly describe: Describe;
  readonly memory: Memory;
}

/** Asks a camera what our own eyes can see of it and puts the answers into the evidence. */
export class Prober {
  readonly #needs: ProberNeeds;
  readonly #camera: WatchedCamera;
  readonly #keeper: EvidenceKeeper;
  readonly #onLaw: (said: SaidOfLaw) => void;
  #mediaAtMs: number | undefined;
  #pingedAtMs: number | undefined;
  #loginAtMs: number | undefined;
  #loginAccepted = false;
  /** When DESCRIBE was refused its login, which counts in the latch: it is not asked again soon. */
  #describeRefusedAtMs: number | undefined;

  constructor(
    needs: ProberNeeds,
    camera: WatchedCamera,
    keeper: EvidenceKeeper,
    onLaw: (said: SaidOfLaw) => void,
  ) {
    this.#onLaw = onLaw;
    this.#needs = needs;
    this.#camera = camera;
    this.#keeper = keeper;
  }

  /** Which ports answer, within a second: tells an absent camera, a closed port and a stalled stream apart. */
  async ports(limits: HealthLimits, signal: AbortSignal): Promise<void> {
    await Promise.all([this.#rtspPort(signal), this.#onvifPort(signal), this.#ping(limits, signal)]);
  }

  /** The regular round: the stream's port only while no pictures come, for pictures prove more. */
  async round(limits: HealthLimits, flowing: boolean, signal: AbortSignal): Promise<void> {
    const pings = !flowing || this.#pingIsDue();
    await Promise.all([
      flowing ? undefined : this.#stream(signal),
      pings ? this.#ping(limits, signal) : undefined,
      this.#onvif(limits, signal),
    ]);
  }

  /** Lets the next round log in again to see whether it is accepted. */
  askLoginAgain(): void {
    this.#loginAtMs = undefined;
    this.#mediaAtMs = undefined;
    this.#describeRefusedAtMs = undefined;
  }

  #pingIsDue(): boolean {
    const sinceMs = this.#needs.clock.monotonicMs() - (this.#pingedAtMs ?? Number.NEGATIVE_INFINITY);
    return sinceMs >= PING_INTERVAL_MS;
  }

  async #ping(limits: HealthLimits, signal: AbortSignal): Promise<void> {
    if (!limits.ping) return;
    const answer = await this.#needs.ping(this.#camera.host, signal);
    if (answer === undefined) return;
    this.#pingedAtMs = this.#needs.clock.monotonicMs();
    this.#keeper.pinged(answer, this.#pingedAtMs);
  }

  /** The stream of a partner's camera is described and not played: that proves as much as may be known of it. */
  async #stream(signal: AbortSignal): Promise<void> {
    await this.#rtspPort(signal);
    if (this.#camera.regime === 'leased') await this.#describe(signal);
  }

  async #describe(signal: AbortSignal): Promise<void> {
    const refusedAtMs = this.#describeRefusedAtMs ?? Number.NEGATIVE_INFINITY;
    if (this.#needs.clock.monotonicMs() - refusedAtMs < REFUSED_INTERVAL_MS) return;
    try {
      const track = await this.#needs.describe(this.#camera.id, signal);
      if (track) this.#keeper.describedAs(track, this.#needs.clock.monotonicMs());
    } catch (thrown) {
      signal.throwIfAborted();
      const { code, message } = asBeffroiError(thrown);
      if (code === 'camera-login-refused' || code === 'camera-latched')
        this.#describeRefusedAtMs = this.#needs.clock.monotonicMs();
      this.#keeper.notDescribed({ code, detail: message }, this.#needs.clock.monotonicMs());
    }
  }

  async #rtspPort(signal: AbortSignal): Promise<void> {
    const asked = this.#keeper.rtspAddress;
    if (!asked) return;
    const answer = await this.#port(asked.host, asked.port, signal);
    if (answer && this.#keeper.rtspAddress?.port === asked.port)
      this.#keeper.rtspAnswered(answer, this.#needs.clock.monotonicMs());
  }

  async #onvifPort(signal: AbortSignal): Promise<void> {
    const port = this.#camera.onvif?.port;
    if (port === undefined) return;
    const answer = await this.#port(this.#camera.host, port, signal);
    if (answer) this.#keeper.onvifAnswered(answer, this.#needs.clock.monotonicMs());
  }

  /** @returns undefined when this process stood still while it waited */
  async #port(host: string, port: number, signal: AbortSignal): Promise<PortAnswer | undefined> {
    const { tcp, clock } = this.#needs;
    const { result, roundTripMs } = await tcp({ host, port }, clock, signal, PORT_TIMEOUT_MS);
    const isOurs = result === 'unreachable' && roundTripMs > PORT_TIMEOUT_MS + OWN_DELAY_MS;
    return isOurs ? undefined : result;
  }

  async #onvif(limits: HealthLimits, signal: AbortSignal): Promise<void> {
    const onvif = this.#needs.onvif(this.#camera.id);
    if (!onvif || !this.#camera.onvif) return;
    if (!(await this.#clock(onvif, limits, signal))) return await this.#onvifPort(signal);
    if (this.#loginIsDue()) await this.#login(onvif, signal);
    if (this.#mediaIsDue()) await this.#media(onvif, signal);
  }

  /** A camera without a login may say who it is all the same. */
  #loginIsDue(): boolean {
    if (this.#loginAtMs === undefined) return true;
    const intervalMs = this.#loginAccepted ? LOGIN_INTERVAL_MS : REFUSED_INTERVAL_MS;
    return this.#needs.clock.monotonicMs() - this.#loginAtMs >= intervalMs;
  }

  /** A login that is refused is not tried for this too. */
  #mediaIsDue(): boolean {
    if (this.#camera.credentials && !this.#loginAccepted) return false;
    const sinceMs = this.#needs.clock.monotonicMs() - (this.#mediaAtMs ?? Number.NEGATIVE_INFINITY);
    return sinceMs >= MEDIA_INTERVAL_MS;
  }

  /** A camera that fails in the middle is asked anew with the next round; what it said before stands. */
  async #media(onvif: OnvifHealth, signal: AbortSignal): Promise<void> {
    try {
      const profiles = await onvif.profiles(signal);
      this.#keeper.profiles(profiles, this.#needs.clock.monotonicMs());
      const timeSource = await onvif.timeSource(signal);
      this.#keeper.timeSource(timeSource ?? 'not-said', this.#needs.clock.monotonicMs());
      if (this.#camera.law) await this.#law(onvif, profiles, signal);
      this.#mediaAtMs = this.#needs.clock.monotonicMs();
    } catch (thrown) {
      this.#mediaFailed(thrown, signal);
    }
  }

  async #law(
    onvif: OnvifHealth,
    profiles: readonly { readonly hasAudio: boolean }[],
    signal: AbortSignal,
  ): Promise<void> {
    const masks = await onvif.masks(signal);
    const card = await onvif.recordings(signal);
    this.#onLaw({ soundProfiles: profiles.filter(({ hasAudio }) => hasAudio).length, masks, card });
  }

  /** What the camera does not do it does not say; what it refuses is not asked again soon. */
  #mediaFailed(thrown: unknown, signal: AbortSignal): void {
    signal.throwIfAborted();
    const { code } = asBeffroiError(thrown);
    if (LACKING.includes(code)) this.#saysNothing();
    if (LACKING.includes(code) || code === 'camera-login-refused' || code === 'camera-latched')
      this.#mediaAtMs = this.#needs.clock.monotonicMs();
  }

  #saysNothing(): void {
    const nowMs = this.#needs.clock.monotonicMs();
    this.#keeper.profiles('not-said', nowMs);
    this.#keeper.timeSource('not-said', nowMs);
    this.#onLaw({ soundProfiles: undefined, masks: undefined, card: undefined });
  }

  async #clock(onvif: OnvifHealth, limits: HealthLimits, signal: AbortSignal): Promise<boolean> {
    try {
      const offset = await onvif.systemTime(signal);
      this.#keeper.clock(offset, limits.clockOffsetLimitMs, this.#needs.clock.monotonicMs());
      this.#keeper.onvifWorks(this.#needs.clock.monotonicMs());
      return true;
    } catch (thrown) {
      this.#failed(thrown, signal);
      return false;
    }
  }

  async #login(onvif: OnvifHealth, signal: AbortSignal): Promise<void> {
    try {
      const identity = await onvif.deviceInformation(signal);
      this.#loginAtMs = this.#needs.clock.monotonicMs();
      this.#loginAccepted = true;
      this.#keeper.onvifLoginAccepted();
      this.#keeper.identified(identity, compareIdentity(this.#needs.memory, this.#camera, identity));
    } catch (thrown) {
      if (this.#camera.credentials) this.#failed(thrown, signal);
      else this.#needNotSay(signal);
    }
  }

  /** Who it is a camera says to those who log in; it works all the same. */
  #needNotSay(signal: AbortSignal): void {
    signal.throwIfAborted();
    this.#loginAtMs = this.#needs.clock.monotonicMs();
    this.#loginAccepted = false;
  }

  /** A refused login is no failure of ONVIF; it is not tried again soon, since it counts in the latch of the camera. */
  #failed(thrown: unknown, signal: AbortSignal): void {
    signal.throwIfAborted();
    const { code, fault, message } = asBeffroiError(thrown);
    if (code === 'camera-login-refused' || code === 'camera-latched') {
      this.#loginAtMs = this.#needs.clock.monotonicMs();
      this.#loginAccepted = false;
      this.#keeper.onvifLoginFailed(code);
    } else if (fault === 'device' || fault === 'peer') {
      // Whoever was away may be another one: asked again as soon as it answers, where its login was good.
      if (this.#loginAccepted) this.#loginAtMs = undefined;
      this.#keeper.onvifFailed({ code, detail: message }, this.#needs.clock.monotonicMs());
    }
  }
}
