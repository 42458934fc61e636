import type { Clock } from '../base/clock.ts';
import type { Code } from '../base/codes.ts';
import { asBeffroiError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { SeenDevice } from '../camera/discovery/device.ts';
import { CameraGate } from '../camera/gate.ts';
import type { MaskList } from '../camera/onvif/masks.ts';
import type { CameraOffer } from '../camera/onvif/offer.ts';
import { type DeviceInformation, OnvifCamera } from '../camera/onvif/onvif-camera.ts';
import type { VideoProfile } from '../camera/onvif/profiles.ts';
import type { CardRecordings } from '../camera/onvif/recordings.ts';
import { RTSPS_PORT, type StreamAddress } from '../camera/onvif/stream-uri.ts';
import type { ClockOffset } from '../camera/onvif/system-time.ts';
import { probe } from '../camera/probe.ts';
import { type TlsFacts, tlsFacts } from '../camera/tls-facts.ts';
import type { Credentials, Gate } from '../camera/types.ts';
import { FIRST_PICTURE_MS, type MeasuredStream, measureStream } from './measure.ts';
import type { SurveyTarget } from './target.ts';

export interface ExamineNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly randomBytes: (count: number) => Buffer;
  /** Makes the UUID of a question to the network. */
  readonly newId: () => string;
}

/** What was found at one address. What is undefined could not be found out; `failures` says why. */
export interface Examination {
  readonly host: string;
  readonly device: SeenDevice | undefined;
  /** Whether there was a login to try. */
  readonly loginGiven: boolean;
  /** Where its ONVIF answered. */
  readonly onvif: NonNullable<SurveyTarget['onvif']> | undefined;
  readonly clock: ClockOffset | undefined;
  readonly identity: DeviceInformation | undefined;
  readonly offer: CameraOffer | undefined;
  readonly profiles: readonly VideoProfile[] | undefined;
  /** Null: the camera does not say, as with the next. */
  readonly masks: MaskList | null | undefined;
  readonly card: CardRecordings | null | undefined;
  /** Of HTTPS; null: none. */
  readonly tls: TlsFacts | null;
  /** Of the largest profile, or of the address that was given. */
  readonly stream: MeasuredStream | undefined;
  /** Of its connection; null: it is not encrypted. */
  readonly streamTls: TlsFacts | null;
  /** Of other profiles, the larger first. */
  readonly others: readonly OtherStream[];
  readonly failures: readonly Failure[];
}

/** The stream of a profile beside the main one. */
export interface OtherStream {
  /** As the camera calls the profile. */
  readonly name: string;
  readonly stream: MeasuredStream | undefined;
  /** Why it could not be measured. */
  readonly code: Code | undefined;
}

export interface Failure {
  readonly step:
    | 'onvif'
    | 'clock'
    | 'login'
    | 'offer'
    | 'profiles'
    | 'masks'
    | 'card'
    | 'stream'
    | 'substream';
  readonly code: Code;
  readonly detail: string;
}

const HTTP: NonNullable<SurveyTarget['onvif']> = { port: 80, path: '/onvif/device_service', tls: false };
const HTTPS: NonNullable<SurveyTarget['onvif']> = { port: 443, path: '/onvif/device_service', tls: true };
/** Connections to one camera at once. */
const MAX_CONNECTIONS = 2;
/** Profiles whose streams are measured beside the main one. Source: guess; cameras have two to four. */
const MAX_OTHERS = 3;
/** How long at most. Source: guess; it tells what comes, and the line is planned by the main stream. */
const OTHER_MS = 4_000;
const MAX_NAME_CHARS = 64;
/** All but the streams; every step is bounded. Source: guess. */
const STEPS_MS = 90_000;

/** The longest that one camera may take. */
export function longestMs(measureMs: number): number {
  return STEPS_MS + (1 + MAX_OTHERS) * (FIRST_PICTURE_MS + measureMs);
}

const NO_STREAM = { stream: undefined, tls: null };

interface FoundStream {
  readonly stream: MeasuredStream | undefined;
  readonly tls: TlsFacts | null;
}

const LOGIN_CODES: ReadonlySet<Code> = new Set([
  'camera-login-refused',
  'camera-latched',
  'camera-insecure-login',
]);

const AWAY_CODES: ReadonlySet<Code> = new Set([
  'camera-silent',
  'camera-slow',
  'camera-unreachable',
  'camera-certificate',
]);

/** Looks at one camera, reading only. After the first refused login no more is sent. Never throws but at the end of `signal`. */
export class Examiner {
  readonly #needs: ExamineNeeds;
  readonly #target: SurveyTarget;
  readonly #device: SeenDevice | undefined;
  readonly #credentials: Credentials | undefined;
  readonly #measureMs: number;
  readonly #signal: AbortSignal;
  readonly #gate: Gate;
  readonly #failures: Failure[] = [];
  #over = false;

  constructor(
    needs: ExamineNeeds,
    {
      target,
      device,
      credentials,
      measureMs,
    }: {
      readonly target: SurveyTarget;
      readonly device: SeenDevice | undefined;
      readonly credentials: Credentials | undefined;
      readonly measureMs: number;
    },
    signal: AbortSignal,
  ) {
    this.#needs = needs;
    this.#target = target;
    this.#device = device;
    this.#credentials = credentials;
    this.#measureMs = measureMs;
    this.#signal = signal;
    const memory = { load: () => [], save: () => undefined };
    const options = { camera: target.host, maxConnections: MAX_CONNECTIONS };
    const credentialVersion = credentials?.version ?? 0;
    this.#gate = new CameraGate({ clock: needs.clock, memory }, { ...options, credentialVersion });
  }

  async run(): Promise<Examination> {
    const { host } = this.#target;
    const [place, tls] = await Promise.all([
      this.#onvifPlace(),
      tlsFacts({ host, port: HTTPS.port }, this.#signal),
    ]);
    const onvif = place && this.#camera(place);
    const clock = onvif && (await this.#try('clock', () => onvif.systemTime(this.#signal)));
    const identity = onvif && (await this.#try('login', () => onvif.deviceInformation(this.#signal)));
    const offer = onvif && (await this.#try('offer', () => onvif.offer(this.#signal)));
    const profiles = onvif && (await this.#try('profiles', () => onvif.profiles(this.#signal)));
    const masks = onvif && (await this.#try('masks', async () => (await onvif.masks(this.#signal)) ?? null));
    const card =
      onvif && (await this.#try('card', async () => (await onvif.recordings(this.#signal)) ?? null));
    const main = await this.#mainStream(onvif, profiles);
    const others = onvif ? await this.#otherStreams(onvif, profiles ?? []) : [];
    this.#signal.throwIfAborted();
    const asked = { host, device: this.#device, loginGiven: this.#credentials !== undefined };
    const found = { ...asked, onvif: place, clock, identity, offer, profiles, masks, card };
    const streams = { stream: main.stream, streamTls: main.tls, others };
    return { ...found, tls: tls ?? null, ...streams, failures: this.#failures };
  }

  /** Where its device service is: as asked for, as it announced, else at the ports of HTTP and HTTPS. */
  async #onvifPlace(): Promise<SurveyTarget['onvif']> {
    const { onvif, rtsp, host } = this.#target;
    const named = onvif ?? this.#device?.service;
    const places = named ? [named] : [HTTP, HTTPS];
    for (const place of places) {
      const { result } = await probe({ host, port: place.port }, this.#needs.clock, this.#signal);
      if (result === 'open') return place;
      if (place === places.at(-1) && rtsp === undefined) this.#unanswered(result, places);
    }
    return undefined;
  }

  #unanswered(
    result: 'closed' | 'unreachable' | 'unnamed',
    places: readonly { readonly port: number }[],
  ): void {
    const code = result === 'closed' ? 'camera-port-closed' : 'camera-unreachable';
    this.#failures.push({ step: 'onvif', code, detail: `port ${places.map(({ port }) => port).join(', ')}` });
  }

  #camera({ port, path, tls }: NonNullable<SurveyTarget['onvif']>): OnvifCamera {
    const { host } = this.#target;
    const login = this.#credentials ? { credentials: this.#credentials } : {};
    const subscription = { load: () => undefined, save: () => undefined, clear: () => undefined };
    const needs = { ...this.#needs, subscription };
    return new OnvifCamera({ camera: host, host, port, path, tls, ...login }, this.#gate, needs);
  }

  async #mainStream(
    onvif: OnvifCamera | undefined,
    profiles: readonly VideoProfile[] | undefined,
  ): Promise<FoundStream> {
    const { rtsp } = this.#target;
    if (rtsp !== undefined) return await this.#streamAt('stream', rtsp, this.#measureMs);
    const main = mainProfile(profiles ?? []);
    return onvif && main ? await this.#profileStream('stream', onvif, main, this.#measureMs) : NO_STREAM;
  }

  async #otherStreams(onvif: OnvifCamera, profiles: readonly VideoProfile[]): Promise<OtherStream[]> {
    const others = bySize(profiles).slice(1, 1 + MAX_OTHERS);
    const found: OtherStream[] = [];
    for (const profile of others) {
      if (this.#over) break;
      const before = this.#failures.length;
      const forMs = Math.min(this.#measureMs, OTHER_MS);
      const { stream } = await this.#profileStream('substream', onvif, profile, forMs);
      const code = stream ? undefined : this.#failures.slice(before).at(-1)?.code;
      found.push({ name: profile.name.slice(0, MAX_NAME_CHARS), stream, code });
    }
    return found;
  }

  /** Where the plain stream does not come, as where the camera gives encrypted ones alone, that one is asked for. */
  async #profileStream(
    step: 'stream' | 'substream',
    onvif: OnvifCamera,
    { token }: VideoProfile,
    forMs: number,
  ): Promise<FoundStream> {
    const plain = await this.#try(step, () => onvif.streamUri(token, this.#signal));
    const found = plain && (await this.#streamAt(step, this.#url(plain), forMs));
    if (found?.stream || plain?.tls) return found ?? NO_STREAM;
    const secure = await this.#try(step, () => onvif.secureStreamUri(token, this.#signal));
    return secure?.tls ? await this.#streamAt(step, this.#url(secure), forMs) : NO_STREAM;
  }

  async #streamAt(step: 'stream' | 'substream', url: string, forMs: number): Promise<FoundStream> {
    const stream = await this.#try(step, () => this.#measure(url, forMs));
    const { protocol, hostname, port } = new URL(url);
    const isTls = protocol === 'rtsps:' && !this.#over;
    const place = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || RTSPS_PORT };
    return { stream, tls: (isTls && (await tlsFacts(place, this.#signal))) || null };
  }

  #url({ path, port, tls }: StreamAddress): string {
    const { host } = this.#target;
    return `${tls ? 'rtsps' : 'rtsp'}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
  }

  async #measure(url: string, forMs: number): Promise<MeasuredStream> {
    const permit = await this.#gate.acquire(this.#signal);
    const login = this.#credentials ? { credentials: this.#credentials } : {};
    try {
      const target = { camera: this.#target.host, url, ...login };
      return await measureStream(target, permit, this.#needs, forMs, this.#signal);
    } finally {
      permit.release();
    }
  }

  /** After a refused login, and of a camera that lets us wait, nothing more is asked. */
  async #try<T>(step: Failure['step'], ask: () => Promise<T>): Promise<T | undefined> {
    if (this.#over || this.#signal.aborted) return undefined;
    try {
      return await ask();
    } catch (thrown) {
      this.#signal.throwIfAborted();
      const { code, message } = asBeffroiError(thrown);
      this.#failures.push({ step, code, detail: message });
      if (LOGIN_CODES.has(code) || AWAY_CODES.has(code)) this.#over = true;
      return undefined;
    }
  }
}

/** The largest that can be forwarded. */
export function mainProfile(profiles: readonly VideoProfile[]): VideoProfile | undefined {
  return bySize(profiles)[0];
}

/** Those that can be forwarded, the largest first. */
function bySize(profiles: readonly VideoProfile[]): VideoProfile[] {
  const usable = profiles.filter(({ codec }) => codec !== 'other');
  return usable.toSorted((a, b) => b.width * b.height - a.width * a.height);
}
