import type { Clock, ClockTrust } from '../base/clock.ts';
import { CODES } from '../base/codes.ts';
import { DeviceError, OrderRefusedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Ping } from '../camera/ping.ts';
import type { CameraHealthState, CameraState, Fields, HealthState } from '../contract/messages.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { StatusSnapshot } from '../contract/status.ts';
import type { PictureReport } from '../contract/video-link.ts';
import type { Memory } from '../store/store.ts';
import { type Debounced, debounce, NOTHING_KNOWN } from './debounce.ts';
import { type Evidence, type HealthLimits, young } from './evidence.ts';
import { EvidenceKeeper, type StreamReport, type WatchedCamera } from './evidence-keeper.ts';
import { acceptIdentity, type Identity } from './identity.ts';
import type { LagGuard } from './lag-guard.ts';
import { describeFault, isAnother, keepFault, keptFault, type LastFault } from './last-fault.ts';
import { LawWatch } from './law/watch.ts';
import { LayerTeller } from './layer-teller.ts';
import { judgeLayers } from './layers.ts';
import type { MeasureReport } from './measure-window.ts';
import { pictureFaultOf } from './picture/finding.ts';
import { type PictureTrouble, PictureWatch, type WatchedBefore } from './picture/watch.ts';
import type { Describe, OnvifHealth, TcpProbe } from './ports.ts';
import { Prober } from './prober.ts';
import type { HourSum } from './quality/hour.ts';
import type { KeptHours } from './quality/kept.ts';
import { QualityWatch } from './quality/watch.ts';
import { type Planned, shown } from './shown.ts';
import { type Surroundings, sideOfCamera } from './side.ts';
import { faultBefore, keepSince, keptCause, keptSince } from './since.ts';
import { StreamMeter } from './stream-meter.ts';
import { type DestinationReport, Undeliverable } from './undeliverable.ts';
import { judgeCamera, type Layers, layersOf, type Verdict } from './verdict.ts';

export interface CameraHealthNeeds {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly reporter: Reporter;
  readonly memory: Memory;
  readonly hours: KeptHours;
  readonly tcp: TcpProbe;
  readonly ping: Ping;
  /** What is known around a camera: what it shares with others, and how they are. */
  readonly surroundings: (camera: string) => Omit<Surroundings, 'owner'>;
  /** The ONVIF helper of a camera; undefined when it speaks no ONVIF. */
  readonly onvif: (camera: string) => OnvifHealth | undefined;
  readonly describe: Describe;
  /** Asks the video process for a look at a picture. @returns false when it is away */
  readonly look: (camera: string, confirms: boolean) => boolean;
  readonly clockTrust: () => ClockTrust;
  /** Announced work on a camera that has begun. */
  readonly planned: (camera: string) => Planned | undefined;
}

/** Host and port as the URL of the stream says them. */
export interface StreamAddress {
  readonly host: string;
  readonly port: number;
}

/** A camera as reports keep it. */
export interface ObservedCamera extends Pick<HealthFields, 'camera' | 'cause' | 'side'> {
  /** What the checks find, also in maintenance; or `disabled`. */
  readonly state: HealthState | 'disabled';
  readonly via: string | undefined;
  readonly beganMs: number | undefined;
  readonly clockOffMs: number | undefined;
  /** The verdicts on its legal profile; none for a camera without one. */
  readonly law: Readonly<Record<string, string>>;
}

type HealthFields = Fields<'cameraHealth'>;

/** What is known of a camera that is not looked at. */
const SWITCHED_OFF: Verdict = {
  state: 'unknown',
  cause: 'none',
  detail: 'switched off in the configuration',
};
const NOTHING_SEEN = { clock: undefined, clockOff: false };
/** As it is remembered across starts. */
const OFF = { state: 'disabled', cause: 'none' } as const;

/** An offset that moved less than this is not told again. Source: guess. */
const OFFSET_STEP_MS = 250;

/** Characters of a maker, model, firmware or serial number. Source: guess. */
const IDENTITY_MAX = 64;

/** Pause between checks while no pictures come or ONVIF does not work. Source: guess. */
const TROUBLE_PAUSE_MS = 5_000;

/** The health of one camera: takes evidence in, asks for what it lacks, and tells a change once. */
export class CameraHealth {
  readonly #needs: CameraHealthNeeds;
  readonly #lag: LagGuard;
  readonly #meter: StreamMeter;
  readonly #law: LawWatch;
  readonly #undeliverable = new Undeliverable();
  readonly #layerTeller: LayerTeller;
  readonly #quality: QualityWatch;
  #camera: WatchedCamera;
  #limits: HealthLimits;
  #keeper: EvidenceKeeper;
  #prober: Prober;
  #state: Debounced;
  #told: HealthFields | undefined;
  #pictures: PictureWatch;
  #portCheck: Promise<void> | undefined;
  #abort = new AbortController();
  #rounds: Promise<void> = Promise.resolve();
  #videoRunning = false;
  #neverDeclared = true;
  /** When the last picture came before the state that is declared, if it is `down`. */
  #beganMs: number | undefined;

  constructor(needs: CameraHealthNeeds, lag: LagGuard, camera: WatchedCamera, limits: HealthLimits) {
    this.#needs = needs;
    this.#lag = lag;
    this.#meter = new StreamMeter(camera.id);
    this.#law = new LawWatch(needs);
    this.#layerTeller = new LayerTeller(needs.reporter);
    this.#quality = new QualityWatch(needs, needs.hours.take(camera.id));
    this.#camera = camera;
    this.#limits = limits;
    this.#keeper = new EvidenceKeeper(camera, needs.clockTrust);
    this.#prober = this.#newProber();
    this.#pictures = this.#newPictures({ trouble: this.#keptTrouble() });
    this.#state = { declared: NOTHING_KNOWN, sinceWallMs: needs.clock.wallMs(), pending: undefined };
  }

  /** What was declared last, of a camera that is to do its job now. */
  get verdict(): Verdict | undefined {
    const { enabled, id } = this.#camera;
    return enabled && !this.#needs.planned(id) ? this.#state.declared : undefined;
  }

  /** The state as it is told. */
  get state(): CameraState {
    return this.#shown().state;
  }

  /** The hour of its stream that runs. */
  get hour(): HourSum {
    return this.#quality.running;
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#rounds;
    await this.#portCheck;
    this.#pictures.keep();
  }

  /** Watches by this entry of the configuration: what was known of another address or login is forgotten. */
  async change(camera: WatchedCamera, limits: HealthLimits, address?: StreamAddress): Promise<void> {
    await this.stop();
    this.#abort = new AbortController();
    const isSame = sameDevice(camera, this.#camera);
    if (isSame) this.#keeper.camera = camera;
    else {
      this.#keeper = new EvidenceKeeper(camera, this.#needs.clockTrust);
      this.#law.forget();
    }
    this.#keeper.video(this.#videoRunning);
    if (address) this.onStreamAddress(address);
    this.#camera = camera;
    this.#limits = limits;
    this.#prober = this.#newProber();
    const { seen, trouble } = this.#pictures;
    this.#pictures = this.#newPictures({ seen, trouble: isSame ? trouble : undefined });
    this.#switch();
    if (camera.enabled) this.#rounds = this.#probeLoop(this.#abort.signal);
    this.evaluate();
  }

  /** Of a camera that was switched off nothing is known; it has been off since the first start that found it so. */
  #switch(): void {
    const { clock, memory } = this.#needs;
    const { id, enabled } = this.#camera;
    const nowMs = clock.wallMs();
    if (enabled && this.#state.declared !== SWITCHED_OFF) return;
    if (!enabled) this.#keepFault('none');
    const since = enabled ? nowMs : (keptSince(memory, id, OFF) ?? nowMs);
    const declared = enabled ? NOTHING_KNOWN : SWITCHED_OFF;
    this.#state = { declared, sinceWallMs: since, pending: undefined };
    this.#beganMs = undefined;
    if (!enabled) keepSince(memory, id, OFF, since);
  }

  onStream(report: StreamReport): void {
    if (report.profile === 'sub') {
      this.#keeper.substream(report, this.#nowMs());
      this.evaluate();
      return;
    }
    this.#keeper.stream(report, this.#nowMs());
    if (report.phase !== 'playing') {
      this.#meter.stopped();
      this.#law.stopped();
    }
    if (report.phase === 'stalled' || report.phase === 'failed') this.#checkPorts();
    this.evaluate();
  }

  onMeasure(report: MeasureReport): void {
    if (report.profile === 'sub') {
      this.#keeper.substreamMeasure(report, this.#nowMs());
      this.evaluate();
      return;
    }
    this.#keeper.measure(report, this.#limits, this.#nowMs());
    this.#law.take(report, this.#limits.rateWindowS * 1000);
    this.#quality.take(report);
    const full = this.#meter.take(report);
    if (full) this.#needs.reporter.measure('stream', this.#camera.id, full);
    this.evaluate();
  }

  /** What a destination says that is to get its pictures. */
  onDestination(report: DestinationReport): void {
    this.#undeliverable.take(report, this.#nowMs());
    this.evaluate();
  }

  onPicture(report: PictureReport): void {
    this.#pictures.take(report);
    this.evaluate();
  }

  /** The view is as it should be. @returns what was done, in one sentence */
  confirmPicture(): string {
    return this.#pictures.confirm();
  }

  /** Forgets the view and learns it anew. @returns what was done, in one sentence */
  resetPicture(): string {
    return this.#pictures.reset();
  }

  /** @param running whether the video process is up and answering */
  onVideo(running: boolean): void {
    this.#videoRunning = running;
    if (!running) {
      this.#meter.stopped();
      this.#law.stopped();
      this.#undeliverable.forget();
    }
    this.#keeper.video(running);
    this.evaluate();
  }

  onStreamAddress({ host, port }: StreamAddress): void {
    this.#keeper.streamAddress(host, port);
  }

  /** Judges what is known now and tells a change. */
  evaluate(): void {
    if (this.#camera.enabled) this.#judge();
    else this.#rest();
  }

  #rest(): void {
    this.#law.look({ ...this.#camera, law: undefined }, NOTHING_SEEN, 0, this.#nowMs());
    this.#layerTeller.clear(this.#camera.id);
    this.#quality.forget(this.#camera.id);
    this.#tell(SWITCHED_OFF);
  }

  #judge(): void {
    const { clock } = this.#needs;
    const now = { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
    this.#lookAtLaw(now.monotonicMs);
    const evidence = this.#evidence(now.monotonicMs);
    const { flowing } = layersOf(evidence, this.#limits, now.monotonicMs);
    this.#pictures.tick(flowing === 'yes', !evidence.leased);
    this.#quality.look(this.#camera, this.#expected(flowing), this.#keeper.picture);
    const verdict = judgeCamera(evidence, this.#limits, now.monotonicMs);
    const next = debounce(this.#state, verdict, now);
    if (next.declared !== this.#state.declared) this.#declare(next);
    else this.#state = next;
    if (!verdict) return;
    this.#tell(this.#state.declared);
    this.#tellLayers(evidence, now.monotonicMs);
  }

  #tellLayers(evidence: Evidence, nowMs: number): void {
    const { id: camera, name } = this.#camera;
    this.#layerTeller.tell({ camera, name, ...judgeLayers(evidence, this.#limits, nowMs) }, nowMs);
  }

  /** Whether pictures come; undefined where none are to come, or it is not known. */
  #expected(flowing: Layers['flowing']): boolean | undefined {
    const { regime, id } = this.#camera;
    const isAsked = this.#videoRunning && !this.#lag.late(this.#nowMs()) && !this.#needs.planned(id);
    if (flowing === 'yes') return true;
    return isAsked && regime === 'continuous' && flowing === 'no' ? false : undefined;
  }

  #lookAtLaw(nowMs: number): void {
    const { clock, clockOff } = this.#evidence(nowMs);
    const seen = { ...this.#keeper.picture, sound: this.#keeper.sound, clock, clockOff };
    this.#law.look(this.#camera, seen, this.#limits.clockOffsetLimitMs, this.#nowMs());
  }

  /** Asks the camera now. @returns what was found, in one sentence */
  async check(signal: AbortSignal): Promise<string> {
    if (!this.#camera.enabled)
      throw new OrderRefusedError('camera-disabled', `${this.#camera.id}: ${SWITCHED_OFF.detail}`);
    this.#prober.askLoginAgain();
    await this.#round(AbortSignal.any([signal, this.#abort.signal]), false);
    const { state, cause, detail } = this.#state.declared;
    const why = cause === 'none' ? '' : ` (${cause}${detail ? `: ${detail}` : ''})`;
    return `${this.#camera.id} is ${state}${why}; ${this.#describeLayers()}`;
  }

  /** Asks the camera now, takes another device in its place as the expected one, and compares with what was wrong before. */
  async confirm(signal: AbortSignal): Promise<string> {
    const now = await this.check(signal);
    if (this.#state.declared.cause === 'camera-swapped') this.#acceptDevice();
    const fault = keptFault(this.#needs.memory, this.#camera.id);
    const told = `before: ${describeFault(fault)}; now: ${now}`;
    if (!this.#isRepaired(fault)) throw new DeviceError('repair-not-confirmed', told);
    this.#needs.log.info({ camera: this.#camera.id }, 'repair confirmed');
    return told;
  }

  /** A camera may have another fault besides, which was not to be repaired; that another device is there is for this to judge. */
  #isRepaired(fault: LastFault | undefined): boolean {
    const { state, cause } = this.#state.declared;
    if (state !== 'degraded' || cause === 'camera-swapped') return state === 'ok';
    return fault !== undefined && isAnother(fault, cause);
  }

  #acceptDevice(): void {
    const { identity } = this.#keeper;
    if (!identity || !acceptIdentity(this.#needs.memory, this.#camera, identity)) return;
    this.#keeper.identified(identity, undefined);
    this.evaluate();
  }

  /** What reports keep. `beganMs` is monotonic; the offset is the least that the clock of the camera is off by. */
  observed(): ObservedCamera {
    const { state, cause } = this.#state.declared;
    const { side, consequence_of: via } = this.#attribution(cause);
    const nowMs = this.#nowMs();
    const clock = young(this.#evidence(nowMs).clock, nowMs);
    const offMs = clock && Math.abs(clock.offsetMs) - clock.uncertaintyMs;
    return {
      ...{ camera: this.#camera.id, state: this.#camera.enabled ? state : OFF.state },
      ...{ cause, side, via, beganMs: this.#beganMs },
      law: this.#law.verdicts ?? {},
      clockOffMs: offMs === undefined ? undefined : Math.max(0, offMs),
    };
  }

  status(): StatusSnapshot['cameras'][number] {
    const { cause, detail } = this.#state.declared;
    const { codec = '', width = 0, height = 0 } = this.#keeper.picture;
    const { id, name } = this.#camera;
    const { state, since } = this.#shown();
    const { side, consequence_of: consequenceOf } = this.#attribution(cause);
    const whose = { side, ...(consequenceOf !== undefined && { consequenceOf }) };
    return {
      camera: id,
      name,
      state,
      cause,
      ...whose,
      detail,
      since,
      ...this.#meter.now(),
      codec,
      width,
      height,
    };
  }

  async #probeLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#round(signal, this.#layers().flowing === 'yes').catch((err: unknown) => {
        if (!signal.aborted) this.#needs.log.warn({ err, camera: this.#camera.id }, 'health check failed');
      });
      await this.#needs.clock.sleep(this.#pauseMs(), signal).catch(() => undefined);
    }
  }

  /** A camera without pictures, or whose ONVIF does not work, is asked more often: so its return is told soon. */
  #pauseMs(): number {
    const regularMs = this.#limits.probeIntervalS * 1000;
    const { flowing, described } = this.#layers();
    const proven = flowing === 'yes' || (this.#camera.regime === 'leased' && described === 'yes');
    const isWell = proven && this.#keeper.onvifIsWell;
    const pauseMs = isWell ? regularMs : Math.min(regularMs, TROUBLE_PAUSE_MS);
    return pauseMs * (0.9 + 0.2 * this.#needs.random());
  }

  async #round(signal: AbortSignal, flowing: boolean): Promise<void> {
    await this.#prober.round(this.#limits, flowing, signal);
    this.evaluate();
  }

  /** At most one at a time; each takes a second at most. */
  #checkPorts(): void {
    if (this.#portCheck !== undefined || !this.#camera.enabled) return;
    const signal = this.#abort.signal;
    this.#portCheck = this.#prober
      .ports(this.#limits, signal)
      .catch(() => undefined)
      .then(() => {
        this.#portCheck = undefined;
        if (!signal.aborted) this.evaluate();
      });
  }

  #declare(next: Debounced): void {
    const { memory, log } = this.#needs;
    const { state, cause, detail } = next.declared;
    const known = state !== 'unknown';
    this.#keepFault(cause);
    if (known && this.#neverDeclared) this.#keepFaultBefore(next.declared);
    if (state !== this.#state.declared.state) this.#beganMs = this.#fellAtMs(next);
    const kept = known && this.#neverDeclared ? keptSince(memory, this.#camera.id, next.declared) : undefined;
    this.#state = kept === undefined ? next : { ...next, sinceWallMs: kept };
    if (known) this.#neverDeclared = false;
    if (known) keepSince(memory, this.#camera.id, next.declared, this.#state.sinceWallMs);
    log[state === 'ok' ? 'info' : 'warn']({ camera: this.#camera.id, state, cause, detail }, 'camera health');
  }

  #fellAtMs({ declared: { state } }: Debounced): number | undefined {
    const came = ['ok', 'degraded'].includes(this.#state.declared.state);
    return state === 'down' && came ? this.#evidence(this.#nowMs()).lastFlowAtMs : undefined;
  }

  /** The state that ends now was a fault. @param next cause of the one that follows */
  #keepFault(next: string): void {
    const { declared, sinceWallMs: sinceMs } = this.#state;
    if (declared.state !== 'down' && declared.state !== 'degraded') return;
    const { state, cause } = declared;
    const untilMs = this.#needs.clock.wallMs();
    keepFault(this.#needs.memory, this.#camera.id, { state, cause, sinceMs, untilMs, next });
  }

  /** It ended while the agent was off, or nothing was known. */
  #keepFaultBefore(now: Verdict): void {
    const { memory, clock } = this.#needs;
    const fault = faultBefore(memory, this.#camera.id, now);
    if (fault) keepFault(memory, this.#camera.id, { ...fault, untilMs: clock.wallMs(), next: now.cause });
  }

  #tell(verdict: Verdict): void {
    const fields = this.#fields(verdict);
    if (this.#told && sameFields(this.#told, fields)) return;
    this.#told = fields;
    this.#needs.reporter.state('cameraHealth', this.#camera.id, fields);
  }

  #shown() {
    const { declared, sinceWallMs: since } = this.#state;
    const { enabled, id } = this.#camera;
    return shown(enabled, { state: declared.state, since }, this.#needs.planned(id));
  }

  #fields({ cause, detail }: Verdict): HealthFields {
    const { clock } = this.#evidence(this.#nowMs());
    return {
      camera: this.#camera.id,
      name: this.#camera.name,
      owner: this.#camera.owner,
      ...this.#shown(),
      cause,
      fault: cause === 'none' ? 'none' : CODES[cause].fault,
      ...this.#attribution(cause),
      detail: detail.slice(0, 500),
      ...this.#layers(),
      ...(clock && {
        clock_offset_ms: Math.round(clock.value.offsetMs),
        clock_uncertainty_ms: Math.round(clock.value.uncertaintyMs),
      }),
      ...this.#pictures.fields,
      ...this.#keeper.picture,
      ...identityFields(this.#keeper.identity),
    };
  }

  #attribution(cause: Verdict['cause']): Pick<HealthFields, 'side' | 'segment' | 'consequence_of'> {
    const { id, owner, segment } = this.#camera;
    const around = this.#needs.surroundings(id);
    return {
      side: sideOfCamera(cause, { owner, ...around }),
      ...(segment !== undefined && { segment }),
      ...(around.consequenceOf !== undefined && { consequence_of: around.consequenceOf }),
    };
  }

  #layers(): Layers {
    const nowMs = this.#nowMs();
    return layersOf(this.#evidence(nowMs), this.#limits, nowMs);
  }

  #describeLayers(): string {
    const { reachable, login, described, flowing } = this.#layers();
    const { clock } = this.#evidence(this.#nowMs());
    const offset = clock
      ? `${Math.round(clock.value.offsetMs)} ± ${Math.round(clock.value.uncertaintyMs)} ms`
      : 'unknown';
    const { fps } = this.#meter.now();
    return `reachable: ${reachable}, login: ${login}, described: ${described}, pictures: ${flowing} (${fps}/s), clock offset: ${offset}`;
  }

  #evidence(nowMs: number): Evidence {
    return this.#keeper.evidence({
      ourselvesLate: this.#lag.late(nowMs),
      probing: this.#portCheck !== undefined,
      picture: this.#pictures.trouble,
      undeliverable: this.#undeliverable.trouble(nowMs),
      lawBreaches: this.#law.breaches,
    });
  }

  /** What was wrong with the pictures when the agent was stopped. */
  #keptTrouble(): PictureTrouble | undefined {
    const cause = pictureFaultOf(keptCause(this.#needs.memory, this.#camera.id));
    return cause && { cause, detail: 'found before the agent was started' };
  }

  #newPictures(before: WatchedBefore): PictureWatch {
    const { id, pictureCheck } = this.#camera;
    const intervalMs = this.#limits.pictureIntervalS * 1000;
    return new PictureWatch(this.#needs, { camera: id, check: pictureCheck, intervalMs }, before);
  }

  #newProber(): Prober {
    return new Prober(this.#needs, this.#camera, this.#keeper, (said) => this.#law.said(said, this.#nowMs()));
  }

  #nowMs(): number {
    return this.#needs.clock.monotonicMs();
  }
}

/** What the camera says, bounded; what it leaves empty is absent. */
function identityFields(identity: Identity | undefined): Partial<Identity> {
  const said = Object.entries(identity ?? {}).filter(([, text]) => text !== '');
  return Object.fromEntries(said.map(([key, text]) => [key, text.slice(0, IDENTITY_MAX)]));
}

function sameDevice(a: WatchedCamera, b: WatchedCamera): boolean {
  const device = ({ enabled, regime, host, serial, credentials, onvif, rtsp }: WatchedCamera) =>
    JSON.stringify([enabled, regime, host, serial, credentials?.version, onvif?.port, rtsp?.port]);
  return device(a) === device(b);
}

/** The clock of a camera creeps: that alone is no news. */
function sameFields(a: HealthFields, b: HealthFields): boolean {
  const plain = ({ clock_offset_ms: _offset, clock_uncertainty_ms: _uncertainty, ...rest }: HealthFields) =>
    JSON.stringify(rest);
  if (plain(a) !== plain(b)) return false;
  const [was, is]: CameraHealthState['clock_offset_ms'][] = [a.clock_offset_ms, b.clock_offset_ms];
  if (was === undefined || is === undefined) return was === is;
  return Math.abs(was - is) < OFFSET_STEP_MS;
}
